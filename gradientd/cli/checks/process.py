"""This process: whether gevent has patched it, and whether its libvips decodes what it says.

It refuses to believe a list of loaders: a codec is there when a picture comes out of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import gevent
from gevent import monkey

from gradientd.cli.checks.finding import Finding, Grade

NEEDED_MODULES = ("socket", "ssl", "threading", "time")


def check_patches() -> Iterator[Finding]:
    """Whether greenlets can run beside each other here."""
    missing = [name for name in NEEDED_MODULES if not monkey.is_module_patched(name)]
    if missing:
        yield Finding(
            "gevent",
            Grade.FAULT,
            f"this process is not patched ({', '.join(missing)}): the worker's greenlets would block each other",
            "Call gevent.monkey.patch_all() before any other import, or run the `gradientd` command.",
        )
    else:
        yield Finding("gevent", Grade.OK, f"gevent {gevent.__version__} has patched this process")


def check_codecs() -> Iterator[Finding]:
    """Decode a sample of each format."""
    try:
        from gradientd.imaging import Format, can_decode
    except (ImportError, OSError, AttributeError) as exc:  # what pyvips raises depends on what is missing
        yield Finding(
            "codecs",
            Grade.FAULT,
            f"libvips cannot be loaded ({type(exc).__name__})",
            "pip install 'gradientd[binary]' brings it as a wheel; or install the system's (Debian: libvips42).",
        )
        return
    optional = (Format.HEIC, Format.JXL, Format.JP2)
    decoded = [format for format in Format if can_decode(format)]
    missing = [format.label for format in Format if format not in decoded and format not in optional]
    lacking = [format.label for format in optional if format not in decoded]
    if missing:
        yield Finding(
            "codecs",
            Grade.FAULT,
            f"this libvips does not decode {', '.join(missing)}: such pictures will fail",
            "Use the wheel's libvips (pip install 'gradientd[binary]'), or one that was built with these codecs.",
        )
    yield Finding("codecs", Grade.OK, f"{', '.join(format.label for format in decoded)}: a sample of each was decoded")
    if lacking:
        yield Finding(
            "codecs",
            Grade.NOTE,
            f"this libvips does not decode {', '.join(lacking)}: such pictures fail as unsupported_format",
            "Where such come, run the container image, or leave out [binary] where the system's libvips has them.",
        )
