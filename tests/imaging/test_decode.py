import dataclasses
import gc
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image

from gradientd.errors import DamagedImage, UnsupportedFormat
from gradientd.imaging import Buffer, Thumbnail, decode, read_header
from gradientd.imaging.formats import Format
from gradientd.imaging.samples import can_decode
from tests.imaging import paint
from tests.imaging.paint import BLUE, GREEN, RED, SAND

EXACT, NEAR, LOOSE = 1, 6, 16


def corners(thumbnail: Thumbnail) -> npt.NDArray[np.float64]:
    """The colours of the four quarters, read in their middles: top left, top right, bottom left, bottom right."""
    height, width, _ = thumbnail.rgb.shape
    rows, columns = [height // 4, 3 * height // 4], [width // 4, 3 * width // 4]
    return np.array([thumbnail.rgb[row, column] for row in rows for column in columns], dtype=np.float64)


def pixel(thumbnail: Thumbnail, row: int, column: int) -> npt.NDArray[np.float64]:
    return np.array(thumbnail.rgb[row, column], dtype=np.float64)


def expect(data: Buffer, colors: Any, tolerance: float) -> Thumbnail:
    thumbnail = decode(data)
    assert corners(thumbnail) == pytest.approx(np.array(colors, dtype=np.float64), abs=tolerance)
    return thumbnail


QUARTERS = [RED, GREEN, BLUE, SAND]
PICTURE = paint.quarters()
GREY_PICTURE = Image.fromarray(PICTURE).convert("L")
GREY = [(round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in QUARTERS]


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        pytest.param(paint.by_pillow(PICTURE, "JPEG", quality=90), NEAR, id="jpeg"),
        pytest.param(paint.by_pillow(PICTURE, "JPEG", quality=90, progressive=True), NEAR, id="progressive jpeg"),
        pytest.param(paint.by_pillow(PICTURE, "JPEG", quality=90, subsampling=0), NEAR, id="jpeg 4:4:4"),
        pytest.param(paint.by_pillow(PICTURE, "PNG"), EXACT, id="png"),
        pytest.param(paint.by_vips(PICTURE, ".png", interlace=True), EXACT, id="interlaced png"),
        pytest.param(paint.by_pillow(Image.fromarray(PICTURE).quantize(8), "PNG"), EXACT, id="palette png"),
        pytest.param(paint.by_pillow(PICTURE, "GIF"), NEAR, id="gif"),
        pytest.param(paint.by_pillow(PICTURE, "WEBP", quality=90), LOOSE, id="webp"),
        pytest.param(paint.by_pillow(PICTURE, "WEBP", lossless=True), EXACT, id="lossless webp"),
        pytest.param(paint.by_pillow(PICTURE, "TIFF"), EXACT, id="tiff"),
        pytest.param(paint.by_pillow(PICTURE, "TIFF", compression="tiff_lzw"), EXACT, id="lzw tiff"),
        pytest.param(paint.by_vips(PICTURE, ".tif", tile=True, pyramid=True), EXACT, id="pyramid tiff"),
        pytest.param(paint.by_pillow(PICTURE, "TIFF", big_tiff=True), EXACT, id="big tiff"),
        pytest.param(paint.by_vips(PICTURE, ".avif", Q=80), LOOSE, id="avif"),
        pytest.param(paint.by_vips(PICTURE.astype(np.uint16) * 257, ".png", "rgb16"), EXACT, id="16-bit png"),
        pytest.param(paint.by_vips(PICTURE.astype(np.uint16) * 257, ".tif", "rgb16"), EXACT, id="16-bit tiff"),
    ],
)
def test_every_format_gives_the_same_picture(data: bytes, tolerance: float) -> None:
    thumbnail = expect(data, QUARTERS, tolerance)
    assert thumbnail.rgb.dtype == np.uint8
    assert thumbnail.rgb.shape == (80, 128, 3)
    assert thumbnail.alpha is None
    assert thumbnail.aspect == pytest.approx(1.6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    turn_back = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
    }[orientation]  # fmt: skip
    stored = Image.fromarray(PICTURE)
    for step in turn_back:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for data in (paint.by_pillow(stored, "JPEG", quality=90, exif=exif), paint.by_pillow(stored, "WEBP", exif=exif)):
        thumbnail = expect(data, QUARTERS, LOOSE)
        assert thumbnail.aspect == pytest.approx(1.6)
        assert (read_header(data).width, read_header(data).height) == stored.size


def test_display_p3_is_converted() -> None:
    image = pyvips.Image.new_from_array(PICTURE).copy(interpretation="srgb")
    wide = image.icc_transform("p3", input_profile="srgb")
    assert np.abs(wide.numpy()[0, 0].astype(int) - RED).max() > 10  # the numbers do differ
    expect(wide.write_to_buffer(".png"), QUARTERS, 2)
    expect(wide.write_to_buffer(".jpg", Q=95), QUARTERS, NEAR)


@pytest.mark.parametrize("profile", ["srgb", "p3"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_with_a_profile_come_out_as_eight(suffix: str, profile: str) -> None:
    deep = pyvips.Image.new_from_array(PICTURE.astype(np.uint16) * 257).copy(interpretation="rgb16")
    wide = deep.icc_transform(profile, input_profile="srgb", depth=16)
    expect(wide.write_to_buffer(suffix), QUARTERS, 2)
    seen = wide.bandjoin([40_000]).copy(interpretation="rgb16")
    thumbnail = expect(seen.write_to_buffer(suffix), QUARTERS, 2)
    assert thumbnail.alpha == pytest.approx(155, abs=1)


def test_picture_that_says_it_is_srgb_keeps_its_numbers() -> None:
    image = pyvips.Image.new_from_array(PICTURE).copy(interpretation="srgb")
    tagged = image.icc_transform("srgb", input_profile="srgb")
    assert tagged.get_typeof("icc-profile-data")
    expect(tagged.write_to_buffer(".png"), QUARTERS, EXACT)


def test_adobe_rgb_is_converted() -> None:
    """(200, 60, 60) in Adobe RGB is (231, 57, 57) in sRGB."""
    data = paint.with_matrix_profile(paint.solid((200, 60, 60)), paint.ADOBE_RGB_COLORANTS, 2.19921875)
    assert corners(decode(data))[0] == pytest.approx((231, 57, 57), abs=2)


@pytest.mark.parametrize("profile", [b"x", b"\0" * 128, b"not a profile at all" * 50])
def test_broken_profile_leaves_the_numbers_as_they_are(profile: bytes) -> None:
    expect(paint.by_pillow(PICTURE, "PNG", icc_profile=profile), QUARTERS, EXACT)


def test_profile_of_another_color_space_leaves_the_numbers_as_they_are() -> None:
    grey = GREY_PICTURE
    rgb_profile = pyvips.Image.new_from_array(PICTURE).icc_transform("p3", input_profile="srgb")
    data = paint.by_pillow(grey, "PNG", icc_profile=rgb_profile.get("icc-profile-data"))
    expect(data, GREY, EXACT)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(paint.by_pillow(GREY_PICTURE, "PNG"), id="png"),
        pytest.param(paint.by_pillow(GREY_PICTURE, "JPEG", quality=95), id="jpeg"),
        pytest.param(paint.by_pillow(GREY_PICTURE, "TIFF"), id="tiff"),
        pytest.param(paint.by_vips(np.array(GREY_PICTURE, np.uint16) * 257, ".png", "grey16"), id="16-bit png"),
    ],
)
def test_grey_stays_grey(data: bytes) -> None:
    thumbnail = expect(data, GREY, 2)
    assert np.ptp(thumbnail.rgb, axis=2).max() == 0


def test_black_and_white_bits_are_black_and_white() -> None:
    picture = Image.fromarray(PICTURE[:, :, 0] > 100)
    for data in (paint.by_pillow(picture, "PNG"), paint.by_pillow(picture, "TIFF", compression="group4")):
        expect(data, [(255,) * 3, (0,) * 3, (0,) * 3, (255,) * 3], EXACT)


def test_error_of_a_damaged_jpeg_leaves_no_region_behind() -> None:
    whole = paint.by_pillow(paint.landscape(700, 500), "JPEG")
    damaged = whole[: len(whole) // 2]
    with pytest.raises(DamagedImage) as caught:
        decode(damaged)
    assert caught.value.__cause__ is not None
    left = [thing for thing in gc.get_objects() if isinstance(thing, pyvips.Region)]
    assert left == [], "libvips wants a region back in its own thread, and an error goes to another one"


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_comes_out_in_its_colors(format: str) -> None:
    inks = [(0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 0)]
    picture = np.zeros((200, 320, 4), np.uint8)
    for n, ink in enumerate(inks):
        picture[100 * (n // 2) :, 160 * (n % 2) :] = ink
    data = paint.by_pillow(Image.fromarray(picture, "CMYK"), format)
    red, green, blue, white = corners(decode(data))
    assert red[0] > 190 > 70 > max(red[1:])
    assert green[1] > 130 > 90 > green[0]
    assert blue[2] > 100 > blue[0]
    assert white.min() > 250


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_hidden_colors_do_not_bleed_into_seen_ones(format: str) -> None:
    picture = np.zeros((300, 300, 4), np.uint8)
    picture[:, :, 1] = 255  # green, all hidden
    picture[::2, ::2] = (255, 0, 0, 255)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    thumbnail = decode(paint.by_pillow(picture, format, **options))
    assert thumbnail.alpha is not None
    assert thumbnail.alpha.mean() == pytest.approx(255 / 4, abs=2)
    seen = thumbnail.rgb[thumbnail.alpha > 10]
    assert seen == pytest.approx(np.broadcast_to((255, 0, 0), seen.shape), abs=2)


def test_grey_with_alpha_keeps_both() -> None:
    for size in (64, 400):
        picture = Image.fromarray(np.dstack([np.full((size, size), 90), np.full((size, size), 128)]).astype(np.uint8))
        thumbnail = decode(paint.by_pillow(picture, "PNG"))
        assert pixel(thumbnail, 9, 9) == pytest.approx((90, 90, 90), abs=1)
        assert thumbnail.alpha is not None
        assert thumbnail.alpha[9, 9] == pytest.approx(128, abs=1)


def test_alpha_of_sixteen_bits_is_scaled_to_eight() -> None:
    picture = np.full((200, 200, 4), 40_000, np.uint16)
    thumbnail = decode(paint.by_vips(picture, ".png", "rgb16"))
    assert thumbnail.alpha is not None
    assert thumbnail.alpha[5, 5] == pytest.approx(156, abs=1)
    assert pixel(thumbnail, 5, 5) == pytest.approx((156, 156, 156), abs=1)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animation_shows_its_first_frame(format: str) -> None:
    frames = [Image.fromarray(PICTURE), *(Image.fromarray(paint.solid(c, 320, 200)) for c in (RED, BLUE))]
    data = paint.by_pillow(frames[0], format, save_all=True, append_images=frames[1:])
    expect(data, QUARTERS, LOOSE)
    assert read_header(data).frames == (1 if format == "PNG" else 3)


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_float_tiff_is_linear_light(bands: int) -> None:
    for size in (40, 400):
        picture = np.full((size, size, bands), 0.5, np.float32)
        data = paint.by_vips(picture, ".tif", "b-w" if bands == 1 else "scrgb")
        assert pixel(decode(data), 3, 3) == pytest.approx((188, 188, 188), abs=1)


def test_whole_number_tiff_of_32_bits_fills_the_scale() -> None:
    data = paint.by_vips(np.full((40, 40, 1), 2**31, np.uint32), ".tif", "b-w")
    assert pixel(decode(data), 3, 3) == pytest.approx((188, 188, 188), abs=1)


@pytest.mark.parametrize(("width", "height"), [(32, 20), (320, 200)])
def test_whole_numbers_of_32_bits_keep_their_colors_and_their_alpha(width: int, height: int) -> None:
    picture = np.broadcast_to(np.array([2**31, 2**30, 2**29, 3 * 2**30], np.uint32), (height, width, 4))
    thumbnail = decode(paint.by_vips(picture, ".tif"))
    assert pixel(thumbnail, 3, 3) == pytest.approx((188, 137, 99), abs=1)
    assert thumbnail.alpha == pytest.approx(191, abs=1)


@pytest.mark.parametrize("space", ["lab", "labs", "xyz"])
@pytest.mark.parametrize(("width", "height"), [(32, 20), (320, 200)])
def test_tiff_in_a_measured_color_space_is_converted(space: str, width: int, height: int) -> None:
    picture = pyvips.Image.new_from_array(paint.quarters(width, height)).copy(interpretation="srgb")
    expect(picture.colourspace(space).write_to_buffer(".tif"), QUARTERS, 3)


def test_ultra_hdr_jpeg_gives_its_standard_picture() -> None:
    light = np.where(np.arange(320)[np.newaxis, :, np.newaxis] < 160, (1.0, 0.02, 0.02), (0.0, 0.1, 1.0))
    image = pyvips.Image.new_from_array(np.broadcast_to(light, (200, 320, 3)).astype(np.float32))
    thumbnail = decode(image.copy(interpretation="scrgb").uhdrsave_buffer())
    left, right = thumbnail.rgb[40, 20].astype(int), thumbnail.rgb[40, 100].astype(int)
    assert thumbnail.rgb.shape == (80, 128, 3)
    assert left[0] > 150 > 80 > left[2]
    assert right[2] > 150 > 80 > right[0]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (3000, 1), (127, 128), (129, 2), (5000, 40)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_odd_shapes_fit_into_the_thumbnail(width: int, height: int, format: str) -> None:
    thumbnail = decode(paint.by_pillow(paint.solid(RED, width, height), format))
    rows, columns, _ = thumbnail.rgb.shape
    assert max(rows, columns) == min(128, max(width, height))
    assert min(rows, columns) >= 1
    assert thumbnail.rgb.mean(axis=(0, 1)) == pytest.approx(RED, abs=LOOSE)


def test_any_buffer_will_do_and_is_free_again_afterwards() -> None:
    data = paint.by_pillow(PICTURE, "PNG")
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    array = bytearray(data)
    buffers: list[Buffer] = [mapped, array, memoryview(data)]
    for buffer in buffers:
        expect(buffer, QUARTERS, EXACT)
    array.append(0)  # raises BufferError while anything holds the memory
    mapped.close()


def test_buffer_is_free_again_after_damage() -> None:
    data = paint.by_pillow(PICTURE, "PNG")
    mapped = mmap.mmap(-1, len(data) // 2)
    mapped[:] = data[: len(data) // 2]
    try:
        decode(mapped)
    except Exception as exc:
        kept = exc  # with its traceback
    mapped.close()
    assert kept.__traceback__ is not None


@pytest.mark.skipif(can_decode(Format.HEIC), reason="this libvips decodes HEIC")
def test_heic_without_a_decoder_is_unsupported_not_damaged() -> None:
    with pytest.raises(UnsupportedFormat, match="HEIC pictures cannot be decoded on this machine"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


def test_avif_can_be_decoded() -> None:
    assert can_decode(Format.AVIF)


@pytest.mark.parametrize(
    "options",
    [{}, {"subsample_mode": "off"}, {"subsample_mode": "on"}, {"Q": 30}, {"Q": 97}],
    ids=["default", "4:4:4", "4:2:0", "coarse", "fine"],
)
def test_dc_coefficients_alone_give_the_same_thumbnail(options: dict[str, Any]) -> None:
    data = paint.by_vips(paint.landscape(1900, 1390), ".jpg", interlace=True, **options)
    header = read_header(data)
    assert 0 < sum(end - start for start, end in header.dc_ranges) < len(data) * 0.6
    quick, whole = decode(data, header=header), decode(data, header=dataclasses.replace(header, dc_ranges=()))
    difference = np.abs(quick.rgb.astype(int) - whole.rgb)
    assert difference.mean() < 0.2
    assert np.percentile(difference, 99) <= 4


def test_dc_coefficients_are_left_alone_where_colors_are_too_coarse() -> None:
    coarse = paint.by_vips(paint.landscape(1300, 900), ".jpg", interlace=True, subsample_mode="on")
    fine = paint.by_vips(paint.landscape(1300, 900), ".jpg", interlace=True, subsample_mode="off")
    assert not read_header(coarse).dc_ranges
    assert read_header(fine).dc_ranges


def test_dc_coefficients_of_a_grey_picture_alone_give_the_same_thumbnail() -> None:
    data = paint.by_pillow(Image.fromarray(paint.landscape(1900, 1390)).convert("L"), "JPEG", progressive=True)
    header = read_header(data)
    quick, whole = decode(data, header=header), decode(data, header=dataclasses.replace(header, dc_ranges=()))
    assert header.dc_ranges
    assert np.abs(quick.rgb.astype(int) - whole.rgb).mean() < 0.5


def test_progressive_jpeg_keeps_its_orientation_and_profile() -> None:
    wide = pyvips.Image.new_from_array(paint.quarters(1600, 1000)).copy(interpretation="srgb")
    wide = wide.icc_transform("p3", input_profile="srgb").rot180().copy()
    wide.set_type(pyvips.GValue.gint_type, "orientation", 3)
    data = wide.write_to_buffer(".jpg", Q=95, interlace=True)
    padded = data[:2] + b"\xff\xe1\xff\xff" + b"http://ns.adobe.com/xap/1.0/\0".ljust(65_533) + data[2:]
    assert sum(end - start for start, end in read_header(padded).dc_ranges) < len(data)
    expect(padded, QUARTERS, NEAR)
