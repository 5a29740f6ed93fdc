"""What a test does without a server or a program that it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def go_without(what: str) -> NoReturn:
    """Skip on a laptop; fail where CI promised that everything is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true", pytrace=False)
    pytest.skip(f"{what} is missing")
