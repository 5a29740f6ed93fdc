import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.ciede2000 import ciede2000, lab_from_srgb
from gradientd.imaging import Thumbnail, generate_gradient, gradient_of
from gradientd.imaging.color import contrast, luminance, oklab_from_srgb
from gradientd.imaging.gradient import choose_foreground, choose_secondary, synthesize_stop
from gradientd.imaging.palette import Swatch
from gradientd.model import Gradient
from tests.imaging import paint

colors = st.tuples(*[st.integers(0, 255)] * 3)


def gradient(pixels: npt.NDArray[np.uint8]) -> Gradient:
    return generate_gradient(paint.by_pillow(pixels, "PNG"))


def rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def distance(one: str, other: str) -> float:
    return float(np.linalg.norm(oklab_from_srgb(rgb(one)) - oklab_from_srgb(rgb(other))))


def seen_difference(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """CIEDE2000 of two sRGB colours."""
    return float(ciede2000(lab_from_srgb(one), lab_from_srgb(other)))


def striped(*stripes: tuple[tuple[int, int, int], int]) -> npt.NDArray[np.uint8]:
    """A picture of 100 columns, each colour as many columns wide as it says."""
    row = np.repeat(np.array([color for color, _ in stripes], np.uint8), [width for _, width in stripes], axis=0)
    return np.ascontiguousarray(np.broadcast_to(row, (60, *row.shape)))


def test_solid_red_is_exactly_red() -> None:
    result = gradient(paint.solid((255, 0, 0)))
    assert result.palette == ("#FF0000",)
    assert result.primary == "#FF0000"
    assert distance(result.primary, result.secondary) > 0.1


def test_primary_is_the_largest_share_and_secondary_the_most_distinct_that_matters() -> None:
    blue, sky, orange, green = (20, 40, 160), (90, 120, 220), (250, 140, 20), (0, 255, 0)
    result = gradient(striped((blue, 60), (sky, 25), (orange, 14), (green, 1)))
    assert result.palette[0] == result.primary == "#1428A0"
    assert result.secondary == "#FA8C14"


def test_secondary_is_none_of_the_small_colors_of_a_full_palette() -> None:
    blue, sky, green, orange, red = (20, 40, 160), (90, 120, 220), (40, 110, 60), (250, 140, 20), (255, 20, 20)
    result = gradient(striped((blue, 30), (sky, 21), (green, 21), (orange, 13), (red, 15)))
    assert result.secondary == "#286E3C"
    assert gradient(striped((blue, 50), (sky, 30), (orange, 20))).secondary == "#FA8C14"


def test_secondary_is_the_largest_where_no_share_is_above_the_others() -> None:
    """The most distinct of many small colours stood for the least of the picture: 1.007 of the older worker's error."""
    blue, sky, green, orange, red = (20, 40, 160), (90, 120, 220), (40, 110, 60), (250, 140, 20), (255, 20, 20)
    result = gradient(striped((blue, 30), (sky, 19), (green, 17), (orange, 17), (red, 17)))
    assert result.secondary == "#5A78DC"


def test_secondary_is_invented_only_where_no_color_has_a_share_that_one_sees() -> None:
    blue, orange = (20, 40, 160), (250, 140, 20)
    assert gradient(striped((blue, 91), (orange, 9))).secondary == "#FA8C14"
    assert gradient(striped((blue, 93), (orange, 7))).secondary not in ("#FA8C14", "#1428A0")


@given(colors)
def test_stops_of_one_color_can_be_told_apart_and_greys_stay_grey(color: tuple[int, int, int]) -> None:
    stop = synthesize_stop(np.array(color, float))
    assert seen_difference(stop, color) > 8
    if np.ptp(color) == 0:
        assert np.ptp(stop) < 0.5


@pytest.mark.parametrize(("grey", "is_darker"), [(0, False), (90, False), (110, True), (255, True)])
def test_stop_of_one_color_is_darker_and_that_of_a_dark_one_lighter(grey: int, is_darker: bool) -> None:
    color = np.full(3, float(grey))
    assert bool(luminance(synthesize_stop(color)) < luminance(color)) is is_darker


@given(*[st.tuples(*[st.integers(0, 24)] * 3)] * 2)
def test_stops_of_a_dark_picture_can_be_told_apart(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    swatches = [Swatch(np.array(color, float), oklab_from_srgb(color), 0.5) for color in (one, other)]
    assert seen_difference(choose_secondary((swatches[0], swatches[1])), one) > 2.5


def test_picture_of_two_blacks_gets_a_gradient_that_one_sees() -> None:
    result = gradient(striped(((0, 0, 0), 60), ((3, 3, 3), 40)))
    assert seen_difference(rgb(result.primary), rgb(result.secondary)) > 8


def test_black_and_white_photograph_gets_no_hue() -> None:
    grey = paint.landscape(300, 200).mean(axis=2).astype(np.uint8)
    result = generate_gradient(paint.by_pillow(grey, "JPEG"))
    for color in (*result.palette, result.primary, result.secondary):
        assert np.ptp(rgb(color)) == 0


def test_fully_transparent_picture_is_a_neutral_pair() -> None:
    result = gradient(np.zeros((40, 30, 4), np.uint8) + np.array([255, 0, 0, 0], np.uint8))
    assert result.palette == ("#EEEEEE", "#CCCCCC")
    assert (result.primary, result.secondary, result.foreground) == ("#EEEEEE", "#CCCCCC", "#000000")
    assert result.blur_data_url.startswith("data:image/jpeg;base64,")


def test_hidden_pixels_do_not_count() -> None:
    picture = np.zeros((50, 50, 4), np.uint8)
    picture[:] = (0, 255, 0, 0)
    picture[10:20, 10:20] = (255, 0, 0, 255)
    assert gradient(picture).palette == ("#FF0000",)


def test_half_transparent_pixels_count_half() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[:4] = (255, 0, 0)
    pixels[4:] = (0, 0, 255)
    alpha = np.full((10, 10), 255, np.uint8)
    alpha[4:] = 128
    assert gradient_of(Thumbnail(pixels, alpha, 10, 10)).primary == "#FF0000"


@given(colors, colors)
def test_foreground_has_the_better_worst_contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    chosen = choose_foreground(np.array(one, float), np.array(other, float))
    stops = luminance(one), luminance(other)
    worst = {text: min(contrast(text / 255, stop) for stop in stops) for text in (0, 255)}
    assert worst[int(chosen[0])] == max(worst.values())


def test_foreground_is_white_where_black_is_no_better() -> None:
    assert choose_foreground(np.zeros(3), np.full(3, 255.0))[0] == 255


@pytest.mark.parametrize(("color", "foreground"), [((250, 250, 240), "#000000"), ((20, 20, 40), "#FFFFFF")])
def test_foreground_is_legible(color: tuple[int, int, int], foreground: str) -> None:
    assert gradient(paint.solid(color)).foreground == foreground


def test_wire_form_has_the_six_fields_in_order() -> None:
    fields = gradient(paint.quarters()).as_dict()
    assert list(fields) == ["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"]
    assert fields["css"] == f"linear-gradient(135deg, {fields['primary']} 0%, {fields['secondary']} 100%)"


def test_same_bytes_give_the_same_gradient() -> None:
    data = paint.by_pillow(Image.fromarray(paint.landscape(500, 300)), "JPEG")
    assert generate_gradient(data) == generate_gradient(data)
