import io
import json
import logging
import re

import pytest

from gradientd.logs import TRACE, create_logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_fields_come_in_the_order_that_pipelines_expect() -> None:
    out = io.StringIO()
    create_logger("info", stream=out).info("Worker started", extra={"jobId": "j", "storageKey": "k"})
    line = json.loads(out.getvalue())
    assert list(line) == ["level", "time", "service", "jobId", "storageKey", "msg"]
    assert (line["level"], line["service"], line["msg"]) == ("info", "photo-gallery-worker-gradient", "Worker started")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])


def test_exception_is_one_field_of_one_line() -> None:
    out = io.StringIO()
    logger = create_logger("info", stream=out)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("It went wrong")
    assert out.getvalue().count("\n") == 1
    line = json.loads(out.getvalue())
    assert "ValueError" in line["exception"]
    assert (line["level"], line["msg"]) == ("error", "It went wrong")


@pytest.mark.parametrize(
    ("level", "name"),
    [(TRACE, "trace"), (logging.DEBUG, "debug"), (logging.WARNING, "warn"), (logging.CRITICAL, "fatal")],
)
def test_levels_have_the_six_names(level: int, name: str) -> None:
    out = io.StringIO()
    create_logger("trace", stream=out).log(level, "x")
    assert json.loads(out.getvalue())["level"] == name


def test_level_is_a_threshold() -> None:
    out = io.StringIO()
    logger = create_logger("warn", stream=out)
    logger.info("no")
    logger.warning("yes")
    assert [json.loads(line)["msg"] for line in out.getvalue().splitlines()] == ["yes"]


def test_text_that_utf8_cannot_hold_does_not_break_the_log() -> None:
    out = io.StringIO()
    create_logger("info", stream=out).info("x", extra={"storageKey": "\udcff"})
    assert json.loads(out.getvalue())["storageKey"] == "\udcff"
    out.getvalue().encode()


def test_terminal_gets_a_readable_line_that_no_field_can_break() -> None:
    out = Terminal()
    create_logger("info", stream=out).warning("Job failed", extra={"storageKey": "a b\x1b[31m\n", "attempts": 2})
    assert out.getvalue().count("\n") == 1
    assert "Job failed" in out.getvalue()
    assert 'storageKey="a b\\u001b[31m\\n" attempts=2' in out.getvalue()


def test_calling_it_again_replaces_the_configuration() -> None:
    first, second = io.StringIO(), io.StringIO()
    create_logger("info", stream=first)
    create_logger("info", stream=second).info("x")
    assert not first.getvalue()
    assert second.getvalue()
