import contextlib
import dataclasses
import struct
import time
from collections.abc import Callable

import pytest
from PIL import Image

from gradientd import errors
from gradientd.imaging import Limits, containers, decode, generate_gradient, read_header
from gradientd.imaging.limits import DEFAULT_LIMITS
from gradientd.settings import Settings
from tests.imaging import paint

PICTURE = paint.landscape(400, 300)


def refused(data: bytes, kind: type[errors.ImageError], limits: Limits = DEFAULT_LIMITS) -> errors.ImageError:
    """The error of a picture that must be refused, by whichever way it comes in."""
    with pytest.raises(kind) as caught:
        read_header(data, limits)
    with pytest.raises(kind):
        generate_gradient(data, limits)
    return caught.value


def test_limits_are_those_of_the_settings() -> None:
    settings = Settings("redis://h", "http://h", "a", "b", "c")
    assert Limits.from_settings(settings) == Limits()
    settings = dataclasses.replace(
        settings, max_image_bytes=1, max_image_pixels=2, max_image_frames=3, max_jpeg_scans=4, memory_budget_mb=5
    )
    assert Limits.from_settings(settings) == Limits(1, 2, 3, 4, 5 * 2**20)


@pytest.mark.parametrize(
    "paint_parts", [paint.jpeg_of_scans, paint.gif_of_frames, paint.webp_of_frames, paint.tiff_of_pages]
)
def test_what_is_exactly_at_every_limit_is_let_in(paint_parts: Callable[[int], bytes]) -> None:
    data = paint_parts(7)
    header = read_header(data)
    assert max(header.frames, header.scans) >= 7
    pixels = header.width * header.height
    assert header == read_header(data, Limits(len(data), pixels, header.frames, header.scans, header.memory_bytes))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_header_says_format_and_size(format: str) -> None:
    header = read_header(paint.by_pillow(PICTURE, format))
    assert (header.format, header.width, header.height, header.frames) == (format.lower(), 400, 300, 1)
    assert header.memory_bytes > 400


def test_empty_file_is_empty() -> None:
    error = refused(b"", errors.EmptyImage)
    assert str(error) == "The file is empty."
    assert error.byte_count == 0


def test_what_is_no_picture_says_so() -> None:
    assert "HTML" in str(refused(b"<!DOCTYPE html><html><body>404</body></html>", errors.NotAnImage))
    assert refused(bytes(range(40, 90)), errors.NotAnImage).format is None


def test_drawing_and_document_are_unsupported_by_name() -> None:
    assert "SVG" in str(refused(b"<svg xmlns='http://www.w3.org/2000/svg'><rect/></svg>", errors.UnsupportedFormat))
    assert "PDF" in str(refused(b"%PDF-1.4\n%%EOF", errors.UnsupportedFormat))


def test_too_many_bytes_are_refused_before_anything_is_read() -> None:
    error = refused(bytes(1001), errors.LimitExceeded, Limits(max_bytes=1000))
    assert str(error) == "The file is 1001 bytes long, over the limit of 1000."
    assert error.byte_count == 1001


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size."""
    data = bytearray(paint.by_pillow(PICTURE, "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    return bytes(data)


def jpeg_of(width: int, height: int, progressive: bool) -> bytes:
    """A JPEG that claims a size."""
    data = bytearray(paint.by_pillow(PICTURE, "JPEG", progressive=progressive))
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def gif_of(width: int, height: int) -> bytes:
    """A GIF that claims a canvas."""
    data = bytearray(paint.by_pillow(PICTURE, "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    at = data.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 400, 300))
    data[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png_of(65_500, 65_500), id="png"),
        pytest.param(jpeg_of(65_500, 65_500, False), id="jpeg"),
        pytest.param(jpeg_of(65_500, 65_500, True), id="progressive jpeg"),
        pytest.param(gif_of(65_500, 65_500), id="gif"),
    ],
)
def test_bomb_is_refused_by_its_header(data: bytes) -> None:
    error = refused(data, errors.LimitExceeded)
    assert str(error) == "The picture is 65500 x 65500 pixels, over the limit of 150000000."
    assert (error.width, error.height, error.byte_count) == (65_500, 65_500, len(data))
    assert error.format in ("png", "jpeg", "gif")


def test_memory_that_could_never_fit_is_refused() -> None:
    data = jpeg_of(12_000, 12_000, True)
    error = refused(data, errors.LimitExceeded, Limits(memory_bytes=256 * 2**20))
    assert "over the budget of 256 MB" in str(error)
    assert read_header(jpeg_of(12_000, 12_000, False)).memory_bytes < 64 * 2**20


def test_too_many_scans_are_refused() -> None:
    error = refused(paint.jpeg_of_scans(200), errors.LimitExceeded)
    assert str(error) == "The JPEG picture has more than 100 scans, which is the limit."
    assert (error.format, error.width) == ("jpeg", 320)


@pytest.mark.parametrize("paint_frames", [paint.gif_of_frames, paint.webp_of_frames, paint.tiff_of_pages])
def test_too_many_frames_are_refused_quickly(paint_frames: Callable[[int], bytes]) -> None:
    assert read_header(paint_frames(7)).frames == 7
    bomb = paint_frames(100_000)
    began = time.process_time()
    with pytest.raises(errors.LimitExceeded, match="more than 10000 frames"):
        read_header(bomb)
    assert time.process_time() - began < 1


def test_tiff_whose_directories_run_in_a_circle_is_damaged() -> None:
    data = bytearray(paint.tiff_of_pages(2))
    data[-4:] = struct.pack("<I", 8)
    assert "circle" in str(refused(bytes(data), errors.DamagedImage))


def test_bad_header_behind_a_known_magic_is_damage() -> None:
    heads = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "gif": b"GIF89a", "tiff": b"II*\0"}
    heads |= {"webp": b"RIFF\x10\0\0\0WEBP", "avif": b"\0\0\0\x1cftypavif\0\0\0\0mif1avif"}
    for format, head in heads.items():
        for rest in (b"", bytes(100), bytes(range(256)), b"\xff" * 300):
            error = refused(head + rest, errors.DamagedImage)
            assert error.format == format
            assert str(error).endswith(".")


FILES = {
    "jpeg": paint.by_pillow(PICTURE, "JPEG"),
    "progressive jpeg": paint.by_pillow(PICTURE, "JPEG", progressive=True),
    "large progressive jpeg": paint.by_pillow(paint.landscape(1100, 800), "JPEG", progressive=True),
    "png": paint.by_pillow(PICTURE, "PNG"),
    "interlaced png": paint.by_vips(PICTURE, ".png", interlace=True),
    "gif": paint.by_pillow(PICTURE, "GIF"),
    "animated gif": paint.gif_of_frames(5),
    "webp": paint.by_pillow(PICTURE, "WEBP"),
    "lossless webp": paint.by_pillow(PICTURE, "WEBP", lossless=True),
    "animated webp": paint.webp_of_frames(5),
    "tiff": paint.by_pillow(PICTURE, "TIFF"),
    "lzw tiff": paint.by_pillow(PICTURE, "TIFF", compression="tiff_lzw"),
    "avif": paint.by_vips(PICTURE, ".avif"),
}


@pytest.mark.parametrize("name", FILES)
def test_truncated_picture_is_damaged_wherever_it_is_cut(name: str) -> None:
    data = FILES[name]
    cuts = {len(data) - left for left in (1, 2, 3, 4, 8, 12, 13, 40)}
    cuts |= {len(data) * part // 23 for part in range(1, 23)} | {16, 20, 30, 50}
    for cut in sorted(cuts):
        with pytest.raises(errors.DamagedImage) as caught:
            generate_gradient(data[:cut])
        assert caught.value.byte_count == cut


@pytest.mark.parametrize("name", FILES)
def test_bytes_after_the_end_do_no_harm(name: str) -> None:
    data = FILES[name]
    assert generate_gradient(data + b"\0" * 100 + b"trailing") == generate_gradient(data)


@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_give_a_picture_or_an_image_error(name: str) -> None:
    data = FILES[name]
    for n in range(60):
        broken = bytearray(data)
        broken[(n * 7919) % len(data)] ^= 1 << n % 8
        with contextlib.suppress(errors.ImageError):
            thumbnail = decode(bytes(broken))
            assert max(thumbnail.rgb.shape) <= 128


def test_walks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_STEPS", 3)
    view = memoryview(FILES["animated gif"][:-1])
    containers.check_gif_end(view)  # gives up before it could see that the end is missing
    containers.count_png_metadata(memoryview(FILES["png"][:33] + b"\0\0\0\0tEXt\0\0\0\0" * 9))
    assert containers.count_webp_frames(memoryview(paint.webp_of_frames(9)), 100) == 1


def test_tiff_strip_larger_than_libtiffs_own_limit_is_decoded() -> None:
    picture = Image.fromarray(paint.large(12))
    data = paint.by_pillow(picture, "TIFF", compression="tiff_deflate", tiffinfo={278: 3600})
    assert read_header(data).memory_bytes > 4800 * 3600 * 3
    assert decode(data).rgb.shape == (96, 128, 3)
    striped = paint.by_pillow(picture, "TIFF", compression="tiff_deflate", tiffinfo={278: 16})
    assert read_header(striped).memory_bytes < 4800 * 3600 * 3
