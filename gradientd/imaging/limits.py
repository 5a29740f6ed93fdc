"""What a picture may cost, and the sentences that say it costs too much.

It refuses to measure anything itself: callers hand it numbers that a header claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradientd.errors import LimitExceeded

if TYPE_CHECKING:
    from gradientd.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one picture may have; the defaults are those of Settings."""

    max_bytes: int = 104_857_600
    """Bytes of the file."""
    max_pixels: int = 150_000_000
    """Width times height of one frame, as the header claims."""
    max_frames: int = 10_000
    """Frames of an animation, pages of a document."""
    max_scans: int = 100
    """Scans of a JPEG."""
    memory_bytes: int = 512 * 2**20
    """Estimated peak memory of the decode."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """As the operator set them."""
        return cls(
            max_bytes=settings.max_image_bytes,
            max_pixels=settings.max_image_pixels,
            max_frames=settings.max_image_frames,
            max_scans=settings.max_jpeg_scans,
            memory_bytes=settings.memory_budget_mb * 2**20,
        )


DEFAULT_LIMITS = Limits()


def check_bytes(byte_count: int, limits: Limits) -> None:
    """Raise LimitExceeded for a file of too many bytes."""
    if byte_count > limits.max_bytes:
        raise LimitExceeded(f"The file is {byte_count} bytes long, over the limit of {limits.max_bytes}.")


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise LimitExceeded for a frame of too many pixels."""
    if width * height > limits.max_pixels:
        raise LimitExceeded(f"The picture is {width} x {height} pixels, over the limit of {limits.max_pixels}.")


def check_frames(frames: int, limits: Limits) -> None:
    """Raise LimitExceeded for too many frames; a count that stopped just past the limit is enough."""
    if frames > limits.max_frames:
        raise LimitExceeded(f"The picture has more than {limits.max_frames} frames, which is the limit.")


def check_scans(scans: int, limits: Limits) -> None:
    """Raise LimitExceeded for too many JPEG scans."""
    if scans > limits.max_scans:
        raise LimitExceeded(f"The JPEG picture has more than {limits.max_scans} scans, which is the limit.")


def check_memory(memory_bytes: int, limits: Limits) -> None:
    """Raise LimitExceeded for a decode that could never fit into the budget."""
    if memory_bytes > limits.memory_bytes:
        raise LimitExceeded(
            f"Decoding the picture would take about {memory_bytes / 2**20:.0f} MB of memory, "
            f"over the budget of {limits.memory_bytes / 2**20:.0f} MB."
        )
