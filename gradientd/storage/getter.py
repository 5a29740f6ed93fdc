"""A GET of one object, made of botocore's own parts: its signer, its connections, its reading of refusals.

It refuses the rest of a boto3 client, for which a GET costs twice the CPU, and which holds 14 MB for a service of a
hundred operations; tests/storage/test_getter.py holds it to what that client does.
"""

from __future__ import annotations

import contextlib
import socket
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import create_parser
from botocore.utils import validate_region_name

from gradientd.errors import StorageFault
from gradientd.settings import Settings
from gradientd.storage.body import read_some
from gradientd.storage.client import (
    DEFAULT_REGION,
    USER_AGENT,
    make_core,
    most_connections,
    proxies_to,
    timeouts_s,
)
from gradientd.storage.refusals import code_of, understood

_SOCKET_OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]

REFUSAL_BYTES = 64 * 1024
"""An S3 server's are a hundredth of it; of a longer one the rest is left unread, and its connection closed."""

_REDIRECTS = frozenset({301, 302, 307})
_ELSEWHERE = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"})


class Getter:
    """GETs from the bucket that the settings name; it keeps its connections for the next one."""

    def __init__(self, settings: Settings) -> None:
        self._bucket_url = f"{settings.s3_endpoint.rstrip('/')}/{quote(settings.master_bucket_name, safe='')}"
        self._credentials = Credentials(settings.s3_access_key, settings.s3_secret_key)
        self._sign_for(settings.s3_region or DEFAULT_REGION)
        self._session = URLLib3Session(
            verify=settings.s3_ca_file or True,
            proxies=proxies_to(settings.s3_endpoint),
            timeout=timeouts_s(settings),
            max_pool_connections=most_connections(settings),
            socket_options=_SOCKET_OPTIONS,
        )
        self._events = make_core().get_component("event_emitter")
        self._parser = create_parser("rest-xml")

    def get(self, key: str) -> Any:
        """Ask for an object: a botocore AWSResponse, whose body is still to be read.

        A server that wants the signature of another region says so; it is asked once more, and from then on, in that
        region. Raises what a boto3 client raises, and StorageFault where botocore cannot make sense of a refusal.
        """
        region = self._region
        answer, refusal = self._ask(key)
        wanted = None if refusal is None else _wanted_region(refusal, answer.status_code)
        if wanted is not None and wanted != region:
            self._sign_for(wanted)
            answer, refusal = self._ask(key)
        if refusal is not None:
            raise refusal
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _sign_for(self, region: str) -> None:
        validate_region_name(region)
        self._region, self._signer = region, S3SigV4Auth(self._credentials, "s3", region)

    def _ask(self, key: str) -> tuple[Any, ClientError | None]:
        """The answer, and what it says where it is a refusal."""
        answer = self._send(key)
        if answer.status_code == HTTPStatus.OK:
            return answer, None
        if answer.status_code < HTTPStatus.OK:
            answer.raw.close()  # or the answer that is to follow is taken for that to the connection's next request
            raise StorageFault(f"The storage gave an interim answer (HTTP {answer.status_code}).")
        told = {"status_code": answer.status_code, "headers": answer.headers, "body": _beginning_of(answer.raw)}
        with understood():
            return answer, ClientError(self._parser.parse(told, None), "GetObject")

    def _send(self, key: str) -> Any:
        url = f"{self._bucket_url}/{quote(key, safe='/~')}"
        request = AWSRequest("GET", url, {"User-Agent": USER_AGENT}, stream_output=True)
        self._signer.add_auth(request)
        prepared = request.prepare()
        _, answer = self._events.emit_until_response("before-send.s3.GetObject", request=prepared)  # moto's way in
        return self._session.send(prepared) if answer is None else answer


def _beginning_of(stream: Any) -> bytes:
    """A refusal's body, REFUSAL_BYTES of it at most."""
    body = bytearray()
    with contextlib.closing(stream):  # which keeps the connection for the next request where the end was read
        while len(body) < REFUSAL_BYTES and (some := read_some(stream, REFUSAL_BYTES - len(body))):
            body += some
    return bytes(body)


def _wanted_region(refusal: ClientError, status: int) -> str | None:
    """The region that a refusal names, where it says that the bucket is elsewhere."""
    if status not in _REDIRECTS and code_of(refusal) not in _ELSEWHERE:
        return None
    told = refusal.response
    region = told["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region") or told["Error"].get("Region")
    return None if region is None else str(region)
