"""Walks the segments of a JPEG file: how it is coded, how many scans it has, where its DC coefficients are.

It refuses to decode: it reads marker segments (ITU-T T.81, annex B) and steps over the coded data between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradientd.errors import DamagedImage, LimitExceeded
from gradientd.imaging.buffers import peek

EOI = b"\xff\xd9"
MAX_SEGMENTS = 20_000
"""A file of 100 MB that is nothing but full comments has 1600."""
_WINDOW_BYTES = 1 << 20
"""Searched at once: a search holds the interpreter lock."""

_SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_SOF_MARKERS = frozenset({0xC2, 0xCA})
_STANDALONE_MARKERS = frozenset({0x01, 0xD8})
DHT, SOS, DQT = 0xC4, 0xDA, 0xDB
_EOI, _COM = 0xD9, 0xFE
_APPLICATION_MARKERS = frozenset(range(0xE0, 0xF0))
_NEEDED_PREFIXES = {0xE0: (b"JFIF\0",), 0xE1: (b"Exif\0",), 0xE2: (b"ICC_PROFILE\0",), 0xEE: (b"Adobe",)}
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Within coded data FF is followed by 00 (a plain FF), by D0..D7 (a restart) or by another FF (fill)."""


@dataclass(frozen=True, slots=True)
class Component:
    """One colour channel: its identifier and its sampling factors."""

    id: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame header says."""

    marker: int
    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def is_progressive(self) -> bool:
        """Whether coefficients come in several scans each."""
        return self.marker in _PROGRESSIVE_SOF_MARKERS

    @property
    def dc_pixels(self) -> int:
        """The longest side of the picture that the DC coefficients of the coarsest component make."""
        across = max(c.across for c in self.components) / min(c.across for c in self.components)
        down = max(c.down for c in self.components) / min(c.down for c in self.components)
        return int(max(self.width, self.height) / (8 * max(across, down)))

    @property
    def coefficient_bytes(self) -> int:
        """Memory that a decoder needs to hold all coefficients: two bytes each, in blocks of 8 x 8."""
        most_across = max(c.across for c in self.components)
        most_down = max(c.down for c in self.components)
        mcus = -(-self.width // (8 * most_across)) * -(-self.height // (8 * most_down))
        return 128 * mcus * sum(c.across * c.down for c in self.components)


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment: `start` is its FF, `body` follows the length, `end` is past the parameters (not the scan)."""

    marker: int
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A walked file.

    `streams` says whether one scan holds everything, so that rows come out as bytes go in; then the walk ended there.

    `dc_ranges` are the byte ranges that, one after the other and closed with EOI, make a JPEG of the DC coefficients
    alone: all that a decode to an eighth of the size looks at. Empty where the structure is not the ordinary one.

    `metadata_bytes` are those of all application segments, which a decoder copies.
    """

    frame: Frame
    scans: int
    streams: bool
    metadata_bytes: int
    dc_ranges: tuple[tuple[int, int], ...] = ()


def walk(view: memoryview, *, max_scans: int) -> Structure:
    """Walk the file to its first scan or, where there are several, to its end.

    The scan count stops just past `max_scans`. Raises DamagedImage where the structure is broken or the end missing
    (a picture of one scan is left to the decoder, which has to read it to its end anyhow), LimitExceeded for an absurd
    number of segments.
    """
    frame: Frame | None = None
    scans = metadata_bytes = 0
    dc = _DcScans()
    for segment in segments(view):
        if segment.marker != SOS:
            dc.pass_segment(segment, is_dropped=segment.marker == _EOI or _is_needless(view, segment))
        if segment.marker in _APPLICATION_MARKERS:
            metadata_bytes += segment.end - segment.start
        if segment.marker in _SOF_MARKERS:
            if frame is not None:
                raise DamagedImage("The JPEG picture is damaged: it has two frame headers.")
            frame = _read_frame(view, segment)
        elif segment.marker == SOS:
            if frame is None:
                raise DamagedImage("The JPEG picture is damaged: its frame header is missing.")
            scans += 1
            scan = _read_scan(view, segment)
            streams = scan.holds_everything(frame)
            if streams or scans > max_scans:
                return Structure(frame, scans, streams, metadata_bytes)
            dc.pass_scan(segment, scan)
    if frame is None or not scans:
        raise DamagedImage("The JPEG picture is damaged: it holds no coded data.")
    return Structure(frame, scans, False, metadata_bytes, dc.ranges_of(frame))


def keep_dc(view: memoryview, dc_ranges: Sequence[tuple[int, int]]) -> bytearray:
    """A copy of a progressive file with no AC coefficients: enough for an eighth of the size, for a tenth of the work.

    The AC quantisation steps become 0 (0 times anything is still 0): with sound ones a decoder would take the missing
    coefficients for bits yet to come, and smooth the DC values over in the meantime.
    """
    kept = bytearray().join([*(view[start:end] for start, end in dc_ranges), EOI])
    with memoryview(kept) as copy:
        for segment in segments(copy):
            if segment.marker == SOS:
                break
            if segment.marker == DQT:
                _clear_ac_steps(copy, segment)
    return kept


def _clear_ac_steps(view: memoryview, segment: Segment) -> None:
    at = segment.body
    while at < segment.end:
        step_bytes = 2 if view[at] >> 4 else 1
        first, end = at + 1 + step_bytes, min(at + 1 + 64 * step_bytes, segment.end)
        view[first:end] = bytes(end - first)
        at = end


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a scan header says: which components, and the first coefficient of them (0 is the DC)."""

    components: tuple[int, ...]
    first: int

    def holds_everything(self, frame: Frame) -> bool:
        return not frame.is_progressive and len(self.components) == len(frame.components)


class _DcScans:
    """Collects what is left of a progressive file without the scans of its AC coefficients and without needless words.

    A segment reaches to the start of the next one, the coded data of a scan included.
    """

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._kept_from: int | None = 0
        self._components: set[int] = set()

    def pass_segment(self, segment: Segment, *, is_dropped: bool) -> None:
        if not is_dropped:
            self._kept_from = segment.start if self._kept_from is None else self._kept_from
        elif self._kept_from is not None:
            self._ranges.append((self._kept_from, segment.start))
            self._kept_from = None

    def pass_scan(self, segment: Segment, scan: _Scan) -> None:
        self.pass_segment(segment, is_dropped=scan.first > 0)
        if scan.first == 0:
            self._components.update(scan.components)

    def ranges_of(self, frame: Frame) -> tuple[tuple[int, int], ...]:
        """The ranges, or none where the file is not of the ordinary progressive kind."""
        is_ordinary = frame.is_progressive and self._components == {component.id for component in frame.components}
        return tuple(self._ranges) if is_ordinary else ()


def _is_needless(view: memoryview, segment: Segment) -> bool:
    """Whether a segment says nothing about pixels: comments and application data but JFIF, EXIF, ICC and Adobe's."""
    if segment.marker == _COM:
        return True
    if segment.marker not in _APPLICATION_MARKERS:
        return False
    prefixes = _NEEDED_PREFIXES.get(segment.marker, ())
    return not peek(view, segment.body, 12).startswith(prefixes)


def segments(view: memoryview) -> Iterator[Segment]:
    """Every segment up to and with EOI; bytes between segments are stepped over, as decoders do.

    Raises DamagedImage at a missing end or an impossible length, LimitExceeded for too many segments.
    """
    at = 2
    for _ in range(MAX_SEGMENTS):
        start = _find_marker(view, at)
        marker = view[start + 1]
        at = start + 2
        if marker in _STANDALONE_MARKERS:
            continue
        if marker == _EOI:
            yield Segment(marker, start, at, at)
            return
        length = int.from_bytes(view[at : at + 2])
        if length < 2:
            raise DamagedImage("The JPEG picture is damaged: a segment of it has an impossible length.")
        yield Segment(marker, start, at + 2, at + length)
        at += length
    raise LimitExceeded(f"The JPEG picture has more than {MAX_SEGMENTS} segments, which is the limit.")


def _find_marker(view: memoryview, at: int) -> int:
    """The index of the next marker's FF, not counting restarts. Raises DamagedImage at the end of the file."""
    while at < len(view):
        found = _NEXT_MARKER.search(view, at, at + _WINDOW_BYTES)
        if found:
            return found.start()
        at += _WINDOW_BYTES - 1
    raise DamagedImage("The JPEG picture is damaged: its end is missing.")


def _read_frame(view: memoryview, segment: Segment) -> Frame:
    body = peek(view, segment.body, segment.end - segment.body)
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or body[5] == 0:
        raise DamagedImage("The JPEG picture is damaged: its frame header is cut short.")
    components = tuple(Component(body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, 6 + 3 * body[5], 3))
    if not all(1 <= c.across <= 4 and 1 <= c.down <= 4 for c in components):
        raise DamagedImage("The JPEG picture is damaged: its sampling factors are impossible.")
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    return Frame(segment.marker, width, height, components)


def _read_scan(view: memoryview, segment: Segment) -> _Scan:
    body = peek(view, segment.body, segment.end - segment.body)
    if not body or len(body) < 4 + 2 * body[0]:
        raise DamagedImage("The JPEG picture is damaged: a scan header is cut short.")
    ids = tuple(body[1 : 1 + 2 * body[0] : 2])
    return _Scan(ids, first=body[1 + 2 * body[0]])
