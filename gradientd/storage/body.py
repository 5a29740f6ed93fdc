"""A body on its way from the socket into memory or a temporary file, never past its limit.

It refuses to keep more of a large object in memory than one chunk.
"""

from __future__ import annotations

import mmap
import tempfile
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, IncompleteReadError
from urllib3.exceptions import HTTPError

from gradientd.errors import InternalError, LimitExceeded

SPOOL_BYTES = 8 * 2**20
"""A larger body goes through a temporary file, whose pages the kernel may drop; a smaller one stays in memory."""
CHUNK_BYTES = 256 * 1024

Buffer = bytes | bytearray | mmap.mmap


class Body:
    """One object's bytes, all of them: `data` is a contiguous buffer, `size` its length in bytes.

    Leaving the context drops the buffer. Its memory is freed when its last reader is done with it, so that a decode
    which was abandoned half-way never reads memory that is gone.
    """

    __slots__ = ("data", "size")

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.size = len(data)

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.data = b""


def receive(stream: Any, content_length: int | None, max_bytes: int) -> Buffer:
    """Read urllib3's `stream` to its end; `content_length` is None where the body comes in chunks.

    Raises LimitExceeded as soon as the body is known to be over `max_bytes`, whatever `content_length` said,
    InternalError when this machine has no room for it, botocore's IncompleteReadError, and what urllib3 raises.
    """
    if content_length is not None and content_length > max_bytes:
        raise _too_large(max_bytes, content_length)
    if content_length is not None and content_length <= SPOOL_BYTES:
        return _fill(stream, content_length)
    try:
        return _spool(stream, content_length, max_bytes)
    except (BotoCoreError, HTTPError):
        raise  # some of these are OSErrors too
    except OSError as exc:
        raise InternalError(f"No room to spool the picture in the temporary folder: {exc.strerror or exc}.") from exc


def read_some(stream: Any, max_bytes: int) -> bytes:
    """At most `max_bytes` of what urllib3's `stream` has got, none at its end.

    (Its `read` and `stream` take a chunk of -1 bytes, such as only a broken server sends, for the whole rest.)
    """
    some: bytes = stream.read1(max_bytes)
    return some


def _fill(stream: Any, size: int) -> Buffer:
    """Read exactly `size` bytes into memory that is allocated once."""
    data = bytearray(size)
    with memoryview(data) as view:
        received = 0
        while received < size:
            count = stream.readinto(view[received : received + CHUNK_BYTES])
            if count == 0:
                raise IncompleteReadError(actual_bytes=received, expected_bytes=size)
            received += count
    return data


def _spool(stream: Any, content_length: int | None, max_bytes: int) -> Buffer:
    """Read to the end, through an unlinked temporary file once the body is (or is known to be) too large for memory."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
        if content_length is not None:
            file.rollover()
        size = 0
        while chunk := read_some(stream, CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes, None)
            file.write(chunk)
        if content_length is not None and size < content_length:
            raise IncompleteReadError(actual_bytes=size, expected_bytes=content_length)
        file.seek(0)
        if size > SPOOL_BYTES:
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        return file.read()


def _too_large(max_bytes: int, byte_count: int | None) -> LimitExceeded:
    told = f"{byte_count} bytes, " if byte_count is not None else ""
    error = LimitExceeded(f"The object is {told}over the limit of {max_bytes} bytes.")
    error.byte_count = byte_count
    return error
