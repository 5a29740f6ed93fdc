import pytest

from gradientd.errors import DamagedImage, LimitExceeded
from gradientd.imaging import jpeg
from tests.imaging import paint


def walk(data: bytes, max_scans: int = 100) -> jpeg.Structure:
    return jpeg.walk(memoryview(data), max_scans=max_scans)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def test_baseline_streams_and_the_walk_ends_at_its_scan() -> None:
    data = paint.by_pillow(paint.quarters(), "JPEG")
    structure = walk(data[: data.index(b"\xff\xda") + 14])
    assert (structure.frame.width, structure.frame.height) == (320, 200)
    assert structure.streams
    assert not structure.dc_ranges


def test_progressive_is_walked_to_its_end_and_its_scans_counted() -> None:
    structure = walk(paint.by_pillow(paint.quarters(), "JPEG", progressive=True))
    assert not structure.streams
    assert structure.scans == 10  # libjpeg's own script for three components


def test_scans_are_not_counted_much_past_the_limit() -> None:
    assert walk(paint.jpeg_of_scans(500), max_scans=20).scans == 21


def test_coefficients_are_counted_with_their_sampling() -> None:
    full = walk(paint.by_vips(paint.quarters(160, 80), ".jpg", subsample_mode="off")).frame
    half = walk(paint.by_vips(paint.quarters(160, 80), ".jpg", subsample_mode="on")).frame
    assert full.coefficient_bytes == 160 * 80 * 3 * 2
    assert half.coefficient_bytes == 160 * 80 * 3


def test_markers_inside_a_segment_are_not_the_files() -> None:
    thumbnail = paint.by_pillow(paint.quarters(32, 20), "JPEG", progressive=True)
    data = paint.by_pillow(paint.quarters(), "JPEG", progressive=True)
    nested = data[:2] + segment(0xE1, b"Exif\0\0" + thumbnail) + data[2:]
    assert walk(nested).scans == walk(data).scans
    with pytest.raises(DamagedImage, match="end is missing"):
        walk(nested[:-2])


def test_fill_bytes_and_stray_bytes_between_segments_are_stepped_over() -> None:
    data = paint.by_pillow(paint.quarters(), "JPEG", progressive=True)
    assert walk(data[:2] + b"\xff\xff\xff\x00\x01stray" + data[2:]).scans == 10


def test_marker_on_the_edge_of_a_search_window_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    data = paint.by_pillow(paint.quarters(), "JPEG", progressive=True)
    for size in range(2, 40):
        monkeypatch.setattr(jpeg, "_WINDOW_BYTES", size)
        assert walk(data).scans == 10


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xd8\xff", "end is missing"),
        (b"\xff\xd8\xff\xd9", "no coded data"),
        (b"\xff\xd8\xff\xe0\x00\x01", "impossible length"),
        (b"\xff\xd8\xff\xe0\x00", "impossible length"),
        (b"\xff\xd8" + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"), "frame header is missing"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\x00\x10"), "frame header is cut short"),
        (b"\xff\xd8" + 2 * segment(0xC2, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00"), "two frame headers"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\x00\x10\x00\x10\x01\x01\x00\x00"), "sampling factors"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00") + segment(0xDA, b"\x09"), "scan header"),
    ],
)
def test_broken_structure_is_damage_in_words(data: bytes, sentence: str) -> None:
    with pytest.raises(DamagedImage, match=sentence):
        walk(data)


def test_absurd_number_of_segments_is_over_the_limit() -> None:
    with pytest.raises(LimitExceeded, match="20000 segments"):
        walk(b"\xff\xd8" + segment(0xFE, b"") * 20_001)


def test_every_truncation_of_a_progressive_file_is_damage() -> None:
    data = paint.by_pillow(paint.quarters(64, 48), "JPEG", progressive=True)
    for length in range(3, len(data)):
        with pytest.raises(DamagedImage):
            walk(data[:length])


def progressive_of(*scans: tuple[tuple[int, ...], int, int]) -> bytes:
    """The bones of a progressive file of three components; a scan is its components, first coefficient and bits."""
    frame = segment(0xC2, b"\x08\x00\x10\x00\x10\x03" + b"".join(bytes([n, 0x11, 0]) for n in (1, 2, 3)))
    out = b"\xff\xd8" + frame
    for components, first, bits in scans:
        head = bytes([len(components)]) + b"".join(bytes([n, 0]) for n in components)
        out += segment(0xDA, head + bytes([first, 63 if first else 0, bits])) + b"DATA" + bytes(components)
    return out + b"\xff\xd9"


def kept(data: bytes) -> bytes:
    return b"".join(data[start:end] for start, end in walk(data).dc_ranges)


def test_ac_scans_are_left_out_wherever_they_stand() -> None:
    every = ((1, 2, 3), 0, 1), ((2,), 1, 2), ((3,), 1, 2), ((1, 2, 3), 0, 0x10), ((1,), 1, 0)
    assert kept(progressive_of(*every)) + jpeg.EOI == progressive_of(every[0], every[3])


def test_dc_scans_may_come_one_component_at_a_time() -> None:
    every = ((1,), 0, 0), ((1,), 1, 0), ((2,), 0, 0), ((3,), 0, 0), ((3,), 1, 0)
    assert kept(progressive_of(*every)) + jpeg.EOI == progressive_of(every[0], every[2], every[3])


def test_file_that_lacks_the_dc_of_a_component_goes_the_ordinary_way() -> None:
    assert walk(progressive_of(((1,), 0, 0), ((2,), 0, 0), ((1,), 1, 0))).dc_ranges == ()
    assert walk(progressive_of(((1, 2, 4), 0, 0))).dc_ranges == ()


def test_words_about_the_picture_are_left_out_and_words_about_its_pixels_kept() -> None:
    data = progressive_of(((1, 2, 3), 0, 0))
    needed = segment(0xE1, b"Exif\0\0II") + segment(0xE2, b"ICC_PROFILE\0\1\1x") + segment(0xEE, b"Adobe\0")
    needless = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0") + segment(0xFE, b"hello") + segment(0xED, b"8BIM")
    assert kept(data[:2] + needless + needed + needless + data[2:]) == data[:2] + needed + data[2:-2]
