import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradientd.imaging.color import to_hex
from gradientd.imaging.palette import MAX_COLORS, SAME_COLOR, Swatch, extract_palette

pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 400), st.just(3)))


def hexes(swatches: tuple[Swatch, ...]) -> list[str]:
    return [to_hex(swatch.srgb) for swatch in swatches]


@given(pictures)
@settings(max_examples=200)
def test_palette_is_short_ordered_whole_and_without_near_duplicates(rgb: npt.NDArray[np.uint8]) -> None:
    swatches = extract_palette(rgb)
    shares = [swatch.share for swatch in swatches]
    assert 1 <= len(swatches) <= MAX_COLORS
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    for n, one in enumerate(swatches):
        for other in swatches[n + 1 :]:
            assert np.linalg.norm(one.oklab - other.oklab) >= SAME_COLOR


@given(pictures)
def test_colors_lie_within_the_pictures_own(rgb: npt.NDArray[np.uint8]) -> None:
    low, high = rgb.min(axis=0) - 1e-6, rgb.max(axis=0) + 1e-6
    for swatch in extract_palette(rgb):
        assert np.all((swatch.srgb >= low) & (swatch.srgb <= high))


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_solid_picture_gives_exactly_its_color(color: tuple[int, int, int]) -> None:
    assert hexes(extract_palette(np.full((50, 3), color, np.uint8))) == ["#{:02X}{:02X}{:02X}".format(*color)]


@given(pictures, st.randoms(use_true_random=False))
def test_order_of_the_pixels_does_not_matter(rgb: npt.NDArray[np.uint8], random: np.random.RandomState) -> None:
    shuffled = list(rgb)
    random.shuffle(shuffled)
    assert hexes(extract_palette(np.array(shuffled))) == hexes(extract_palette(rgb))


def test_few_colors_come_out_as_they_are_by_share() -> None:
    rgb = np.repeat(np.array([[255, 0, 0], [0, 0, 255], [255, 255, 255]], np.uint8), [20, 50, 30], axis=0)
    swatches = extract_palette(rgb)
    assert hexes(swatches) == ["#0000FF", "#FFFFFF", "#FF0000"]
    assert [swatch.share for swatch in swatches] == pytest.approx([0.5, 0.3, 0.2])


def test_colors_of_a_dark_picture_are_told_apart_where_a_bright_ones_would_not() -> None:
    dark = np.repeat(np.array([[0, 0, 0], [0, 0, 14], [12, 0, 0]], np.uint8), [20, 50, 30], axis=0)
    assert hexes(extract_palette(dark)) == ["#00000E", "#0C0000", "#000000"]


def test_pixels_count_by_their_weight() -> None:
    rgb = np.array([[255, 0, 0], [0, 0, 255]], np.uint8)
    assert hexes(extract_palette(rgb, np.array([0.1, 0.9]))) == ["#0000FF", "#FF0000"]
    assert hexes(extract_palette(rgb, np.array([0.5, 0.0]))) == ["#FF0000"]
    assert extract_palette(rgb, np.zeros(2)) == ()
