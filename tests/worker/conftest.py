"""What several suites of the worker's parts share: a log to read, and waiting that has an end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import gevent
import pytest


@pytest.fixture
def out() -> io.StringIO:
    """What `create_logger` writes to."""
    return io.StringIO()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def messages(out: io.StringIO) -> list[str]:
    return [line["msg"] for line in lines(out)]


def wait_for(condition: Callable[[], object]) -> None:
    with gevent.Timeout(5):
        while not condition():
            gevent.sleep(0.01)
