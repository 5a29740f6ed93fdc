"""The child of an examination: takes pictures on its standard input, answers with what became of each and what it cost.

It refuses to judge. It runs imaging as the worker does, without a worker, so that a crash is the picture's own.

In: a line `{"size": N}`, then N bytes. Out: a line of JSON (see Answer in examiner.py). Memory is measured by the
kernel: the high-water mark of the resident set is set back before each picture (Linux: proc_pid_clear_refs(5)).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from gradientd.errors import ImageError
from gradientd.imaging import Limits, generate_gradient, read_header
from tests.hostile.damage import honest

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library that prints does not spoil the answers
    limits = Limits(memory_bytes=int(sys.argv[1]) * 2**20)
    healthy = honest()["png"]
    expected = generate_gradient(healthy, limits)
    for data in honest().values():
        _outcome(data, limits)  # what a decoder keeps for good is not the next picture's
    while head := sys.stdin.buffer.readline():
        answer = examine(_read(sys.stdin.buffer, json.loads(head)["size"]), limits)
        answer["next_works"] = generate_gradient(healthy, limits) == expected
        print(json.dumps(answer), file=answers)


def examine(data: bytes, limits: Limits) -> dict[str, Any]:
    _malloc_trim(0)
    CLEAR_REFS.write_text("5")
    at_rest = _resident_kb("VmRSS")
    began = time.monotonic()
    estimate = _estimate(data, limits)
    outcome = _outcome(data, limits)
    seconds = time.monotonic() - began
    return {**outcome, "seconds": seconds, "peak_kb": _resident_kb("VmHWM") - at_rest, "estimate": estimate}


def _estimate(data: bytes, limits: Limits) -> int | None:
    """What the memory admission believes; None for a picture that it never sees."""
    try:
        return read_header(data, limits).memory_bytes
    except ImageError:
        return None


def _outcome(data: bytes, limits: Limits) -> dict[str, Any]:
    try:
        gradient = generate_gradient(data, limits)
    except ImageError as exc:
        return {"code": exc.code, "message": str(exc)}
    except Exception as exc:  # the finding that this child is here for
        return {"code": "unforeseen", "message": f"{type(exc).__name__}: {exc}"}
    return {"code": "completed", "message": gradient.primary}


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the parent went away in mid-picture")
    return data


def _resident_kb(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", STATUS.read_text())
    if found is None:
        raise RuntimeError(f"{STATUS} has no {field}")
    return int(found[1])


if __name__ == "__main__":
    main()
