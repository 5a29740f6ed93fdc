import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradientd.imaging.color import (
    contrast,
    even_from_lightness,
    lightness_from_even,
    luminance,
    oklab_from_srgb,
    srgb_from_oklab,
    to_hex,
)

colors = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("srgb", "oklab"),
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.627955, 0.224863, 0.125846)),
        ((0, 255, 0), (0.866440, -0.233888, 0.179498)),
        ((0, 0, 255), (0.452014, -0.032457, -0.311528)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab_of_the_primaries_is_as_published(srgb: tuple[int, ...], oklab: tuple[float, ...]) -> None:
    assert oklab_from_srgb(srgb) == pytest.approx(oklab, abs=1e-5)


@given(colors)
def test_oklab_and_back_is_the_same_color(srgb: tuple[int, ...]) -> None:
    assert srgb_from_oklab(oklab_from_srgb(srgb)) == pytest.approx(srgb, abs=1e-4)


@pytest.mark.parametrize(("lightness", "even"), [(0.0, 0.0), (0.1, 0.02963), (0.5, 0.42114), (1.0, 1.0)])
def test_even_lightness_has_a_way_back(lightness: float, even: float) -> None:
    assert even_from_lightness(lightness) == pytest.approx(even, abs=1e-5)
    assert lightness_from_even(even) == pytest.approx(lightness, abs=1e-4)


@given(st.floats(0, 1), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_colors_outside_the_gamut_are_clipped_into_it(lightness: float, a: float, b: float) -> None:
    srgb = srgb_from_oklab([lightness, a, b])
    assert np.all((srgb >= 0) & (srgb <= 255.0001))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((255, 255, 255), (255, 255, 255), 1.0),
        ((0x76, 0x76, 0x76), (255, 255, 255), 4.54),
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((0, 0, 255), (255, 255, 255), 8.59),
    ],
)
def test_contrast_is_that_of_wcag(one: tuple[int, ...], other: tuple[int, ...], ratio: float) -> None:
    assert contrast(luminance(one), luminance(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(luminance(one), luminance(other)) == contrast(luminance(other), luminance(one))


@given(colors)
def test_luminance_lies_between_black_and_white(srgb: tuple[int, ...]) -> None:
    assert 0 <= luminance(srgb) <= 1 + 1e-9


def test_hex_is_upper_case_and_rounded() -> None:
    assert to_hex([171.4, 204.6, 0]) == "#ABCD00"
