"""The boto3 client: what it is told, and everything it is kept from doing by itself.

It refuses to look at the environment: no profile, no AWS_* variable, only the settings. What it shares with getter.py
stands here.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.utils import get_environ_proxies

import gradientd
from gradientd.settings import Settings

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 10.0
"""How long a server may say nothing at all; a body that drips is the download deadline's business."""
DEFAULT_REGION = "us-east-1"
USER_AGENT = f"gradientd/{gradientd.__version__}"

_NO_FILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""For each of botocore's variables: its name in a file, in the environment, its default, its conversion."""


def make_client(settings: Settings) -> Any:
    """A boto3 client that knows nothing but the settings: no profile, no AWS_* variable, no retry of its own."""
    core = make_core()
    # Nobody looks at a date here, and a page of a listing holds a thousand.
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    connect_s, read_s = timeouts_s(settings)
    return boto3.session.Session(botocore_session=core).client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region or DEFAULT_REGION,  # a server that wants another one says so, botocore obeys
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        verify=settings.s3_ca_file or True,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=connect_s,
            read_timeout=read_s,
            max_pool_connections=most_connections(settings),
            tcp_keepalive=True,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,
            user_agent=USER_AGENT,
            proxies=proxies_to(settings.s3_endpoint),
        ),
    )


def make_core() -> botocore.session.Session:
    """A botocore session that reads no file."""
    return botocore.session.Session(session_vars=_NO_FILES)


def timeouts_s(settings: Settings) -> tuple[float, float]:
    """How long to wait for a connection, and for any byte of an answer."""
    wait_s = settings.job_timeout_ms / 3000  # so that silence is told from a drip before a job's time is over
    return min(CONNECT_TIMEOUT_S, wait_s), min(SILENCE_TIMEOUT_S, wait_s)


def most_connections(settings: Settings) -> int:
    """One for each job, and for the probe and a listing beside them."""
    return settings.concurrency + 2


def proxies_to(url: str) -> dict[str, str]:
    """The environment's proxies; none on the way to this machine itself."""
    host = urlsplit(url).hostname or ""
    is_loopback = host in ("localhost", "::1") or host.startswith("127.")
    return {} if is_loopback else dict(get_environ_proxies(url))
