"""The door to libvips: configured once, opened only for the formats on the allow-list.

It refuses to let libvips guess: the loader follows from the sniffed format, and no name of a file is ever passed.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import pyvips

from gradientd.imaging.buffers import Buffer
from gradientd.imaging.formats import Format

pyvips.block_untrusted_set(True)
for _loader in ("VipsForeignLoadJxl", "VipsForeignLoadJp2k"):
    pyvips.operation_block_set(_loader, False)  # libvips distrusts these two as well; our limits look at them first
pyvips.concurrency_set(1)  # pictures are decoded side by side, each in one thread
pyvips.cache_set_max(0)  # no picture comes twice, and a cached one would keep its memory
logging.getLogger("pyvips").disabled = True  # it speaks in threads that can wait for gevent's locks for ever

_LOADERS = {
    Format.JPEG: "jpegload_source",
    Format.PNG: "pngload_source",
    Format.GIF: "gifload_source",
    Format.WEBP: "webpload_source",
    Format.TIFF: "tiffload_source",
    Format.AVIF: "heifload_source",
    Format.HEIC: "heifload_source",
    Format.JXL: "jxlload_source",
    Format.JP2: "jp2kload_source",
}

Image = Any
"""A pyvips.Image; pyvips carries no types."""


def open_image(data: Buffer, format: Format, **options: Any) -> Image:
    """A lazy image over `data`, which is not copied and must outlive it. Damage is an error, not grey rows.

    Raises pyvips.Error, now or when pixels are asked for.
    """
    source = pyvips.Source.new_from_memory(data)
    options |= {"access": "sequential", "fail_on": "error"}
    if format is Format.WEBP:
        options["memory"] = True  # alone among the formats it would be spooled to TMPDIR
    if format is Format.TIFF and pyvips.at_least_libvips(8, 17):
        options["unlimited"] = True  # libtiff's own limit refuses a large strip; ours has looked at it already
    return call(_LOADERS[format], source, **options)


def call(operation: str, *args: Any, **options: Any) -> Any:
    """A libvips operation, its options told in one string. Raises pyvips.Error.

    As keywords each would cost pyvips five calls into libvips. A call lets go of the interpreter's lock, and in a busy
    worker it then waits for it.
    """
    told = ",".join(f"{name}={value}" for name, value in options.items())
    return pyvips.Operation.call(operation, *args, string_options=f"[{told}]")


@cache
def has_loader(format: Format) -> bool:
    """Whether this libvips has a loader for the format; that it also has the codec is another question."""
    return bool(pyvips.type_find("VipsOperation", _LOADERS[format]))
