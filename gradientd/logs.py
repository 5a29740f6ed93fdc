"""The log: one JSON object a line for pipelines, one readable line for a terminal.

It refuses to decide what is worth a line: callers do, and hand the event's own fields in `extra`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter

SERVICE = "photo-gallery-worker-gradient"
TRACE, FATAL = 5, logging.CRITICAL
_NAMES = {
    TRACE: "trace",
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    FATAL: "fatal",
}
_LEVELS = {name: level for level, name in _NAMES.items()}
_COLOURS = {"trace": "90", "debug": "90", "info": "32", "warn": "33", "error": "31", "fatal": "1;31"}
_UNLOGGED = {*RESERVED_ATTRS, "message", "asctime", "taskName"}


def create_logger(
    level: str = "info", log_format: str = "auto", stream: TextIO | None = None, *, is_coloured: bool = True
) -> logging.Logger:
    """The logger of gradientd, writing to `stream` (stdout).

    `level` is one of trace, debug, info, warn, error, fatal; `log_format` is json, pretty, or auto: pretty on a
    terminal, JSON elsewhere. Only a terminal gets colours, and none unless `is_coloured`. Calling it again replaces
    the earlier configuration.
    """
    stream = stream or sys.stdout
    pretty = log_format == "pretty" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    colour = is_coloured and stream.isatty()
    handler.setFormatter(_PrettyFormatter(colour=colour) if pretty else _WireFormatter())
    logger = logging.getLogger("gradientd")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(_LEVELS[level])
    return logger


def _level_name(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelno) or record.levelname.lower()


def _time_of(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class _WireFormatter(JsonFormatter):
    """level, time, service, the event's own fields, msg; an exception is one field, so a record is one line."""

    def __init__(self) -> None:
        super().__init__(json_default=str, json_ensure_ascii=True)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data["level"] = _level_name(record)
        log_data["time"] = _time_of(record).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["service"] = SERVICE
        merge_record_extra(record, log_data, reserved=_UNLOGGED)
        if message_dict.get("exc_info"):
            log_data["exception"] = message_dict["exc_info"]
        log_data["msg"] = record.getMessage()


class _PrettyFormatter(logging.Formatter):
    """`12:00:01 info  message  key=value …`, an exception on the lines below."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {}
        merge_record_extra(record, fields, reserved=_UNLOGGED)
        level = _level_name(record)
        clock = _time_of(record).astimezone().strftime("%H:%M:%S")
        details = " ".join(f"{key}={_one_word(value)}" for key, value in fields.items())
        line = (
            f"{self._paint('90', clock)} {self._paint(_COLOURS.get(level, '0'), f'{level:<5}')} {record.getMessage()}"
            + (f"  {self._paint('90', details)}" if details else "")
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _one_word(value: Any) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else json.dumps(text)
