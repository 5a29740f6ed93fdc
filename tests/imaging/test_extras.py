import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradientd import imaging
from gradientd.errors import SettingsError
from gradientd.imaging import Thumbnail, generate_gradient, gradient_of, load_extras
from gradientd.imaging.color import contrast, from_hex, luminance, srgb_from_oklab, to_hex
from gradientd.imaging.extras import oklch_css
from gradientd.imaging.hashes import HASHED_PIXELS, blur_hash, thumb_hash
from gradientd.model import Extra
from tests.imaging import paint

SIX = ["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"]
BLACK = np.zeros(3)
BASE_83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

THUMB_HASHES = [
    (30, 20, False, "HPgFLYQ1QZqQaJfGaNdYQQAXJoDV"),
    (30, 20, True, "nfiBC4IXeFWgWbUEPVnAhQFCZpV3d4c="),
    (20, 30, False, "3fcFLQQVpHC1ZnqXaYqXNlAkRgKz"),
    (20, 30, True, "XgiCCwIXO6AkjMqADUkw4RBUV5dniXY="),
    (32, 32, False, "HggGHwRWMpVgV6ikiVeLlmqJKJGAVQML"),
    (32, 32, True, "XgiCDQAXqUVwSaE7q0Y/i6XQATJmdXd2dw=="),
]
"""What the algorithm's author's own package for JavaScript, thumbhash 0.1.1, makes of `restless` pictures."""
BLUR_HASHES = [
    (30, 20, "LLF$nlA55II=RXN8Rrr;e0W3n-k5"),
    (20, 30, "TLF~p;A55AA1IzNGiUj5wanaWJX2"),
    (32, 32, "LBG+RGA55J5sEL5eEWNFVInHr}w["),
]
"""What the reference for JavaScript, blurhash 2.0.5, makes of them."""
OKLCH = [
    ("#FFFFFF", (1, 0, 0)),
    ("#000000", (0, 0, 0)),
    ("#FF0000", (0.6280, 0.2577, 29.23)),
    ("#00FF00", (0.8664, 0.2948, 142.50)),
    ("#0000FF", (0.4520, 0.3132, 264.05)),
]
"""The corners of sRGB as CSS Color 4's sample code and Ottosson's give them."""


def restless(width: int, height: int, *, is_clear: bool = False) -> Thumbnail:
    """A picture by a formula that any language can repeat, without any symmetry that would leave a hash in doubt."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * x + 5 * y, 3 * x * y + 40, 200 + 4 * x + y * y], axis=2) % 256
    alpha = ((9 * x + x * y) % 256).astype(np.uint8) if is_clear else None
    return Thumbnail(rgb.astype(np.uint8), alpha, width, height)


def of(color: tuple[int, int, int], **changes: Any) -> dict[str, Any]:
    """The fields of a picture of one colour."""
    return generate_gradient(paint.by_pillow(paint.solid(color), "PNG"), extras=Extra, **changes).as_dict()


def test_nothing_is_computed_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nobody asked for this")

    monkeypatch.setattr("gradientd.imaging.gradient.extra_fields", refuse)
    assert list(generate_gradient(paint.by_pillow(paint.quarters(), "PNG")).as_dict()) == SIX
    monkeypatch.undo()
    for made in ("thumb_hash", "blur_hash", "contrast"):
        monkeypatch.setattr(f"gradientd.imaging.extras.{made}", refuse)
    fields = generate_gradient(paint.by_pillow(paint.quarters(), "PNG"), extras=["shares"]).as_dict()
    assert list(fields) == [*SIX, "shares"]


def test_picture_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decodes: list[int] = []

    def decode(*arguments: Any) -> Thumbnail:
        decodes.append(1)
        return imaging.decode(*arguments)

    monkeypatch.setattr("gradientd.imaging.gradient.decode", decode)
    of((10, 20, 30))
    assert decodes == [1]


def test_fields_follow_the_six_in_a_fixed_order_whatever_the_order_they_were_asked_in() -> None:
    data = paint.by_pillow(paint.quarters(), "PNG")
    fields = generate_gradient(data, extras=["version", "oklch", "dimensions"]).as_dict()
    assert list(fields) == [*SIX, "dimensions", "oklch", "version"]
    assert list(generate_gradient(data, extras=reversed(Extra)).as_dict()) == [*SIX, *Extra]


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="palette"):
        generate_gradient(paint.by_pillow(paint.quarters(), "PNG"), extras=["palette"])


def test_missing_package_is_told_with_its_remedy_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "thash", None)
    with pytest.raises(SettingsError, match=r"thumbHash needs the package thash: pip install 'gradientd\[hashes\]'"):
        generate_gradient(b"", extras=["thumbHash"])
    assert load_extras(["blurHash"]) == (Extra.BLUR_HASH,)


@pytest.mark.parametrize(("orientation", "size"), [(1, (300, 200)), (3, (300, 200)), (6, (200, 300)), (8, (200, 300))])
def test_dimensions_are_those_of_the_upright_picture(orientation: int, size: tuple[int, int]) -> None:
    exif = paint.by_pillow(paint.quarters(300, 200), "JPEG", exif=_orientation(orientation))
    width, height = size
    dimensions = generate_gradient(exif, extras=["dimensions"]).extras["dimensions"]
    assert dimensions == {"width": width, "height": height, "aspectRatio": round(width / height, 4)}


@pytest.mark.parametrize(("width", "height", "is_clear", "known"), THUMB_HASHES)
def test_thumb_hash_is_that_of_the_reference(width: int, height: int, is_clear: bool, known: str) -> None:
    assert thumb_hash(restless(width, height, is_clear=is_clear)) == known


@pytest.mark.parametrize(("width", "height", "known"), BLUR_HASHES)
def test_blur_hash_is_that_of_the_reference(width: int, height: int, known: str) -> None:
    made = blur_hash(restless(width, height), BLACK)
    assert (made[:2], made[6:]) == (known[:2], known[6:])
    assert average(made) == pytest.approx(average(known), abs=1)  # a mean between two numbers is rounded to either


@pytest.mark.parametrize("size", [(128, 85), (85, 128), (128, 1), (1, 1)])
def test_hashes_of_larger_pictures_are_of_a_smaller_copy(size: tuple[int, int]) -> None:
    width, height = size
    rgb = np.ascontiguousarray(np.broadcast_to(np.array((200, 60, 20), np.uint8), (height, width, 3)))
    thumbnail = Thumbnail(rgb, None, width, height)
    assert len(thumb_hash(thumbnail)) in (20, 24, 28, 32)
    assert average(blur_hash(thumbnail, BLACK)) == (200, 60, 20)
    assert HASHED_PIXELS < 100  # ThumbHash's own limit


def test_hidden_colours_stay_out_of_the_hashes() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8) + np.array((200, 60, 20), np.uint8)
    alpha = np.full((64, 64), 255, np.uint8)
    rgb[:32], alpha[:32] = (0, 255, 0), 0
    other = rgb.copy()
    other[:32] = (0, 0, 255)
    one, two = Thumbnail(rgb, alpha, 64, 64), Thumbnail(other, alpha, 64, 64)
    assert thumb_hash(one) == thumb_hash(two)
    assert blur_hash(one, BLACK) == blur_hash(two, BLACK)


def test_shares_are_parallel_to_the_palette_and_make_a_whole() -> None:
    pixels = np.zeros((10, 100, 3), np.uint8) + np.array((250, 140, 20), np.uint8)
    pixels[:, :75] = (20, 40, 160)
    gradient = generate_gradient(paint.by_pillow(pixels, "PNG"), extras=["shares"])
    assert gradient.palette == ("#1428A0", "#FA8C14")
    assert gradient.extras["shares"] == pytest.approx([0.75, 0.25], abs=1e-4)


def test_picture_of_which_nothing_can_be_seen_has_shares_of_nothing() -> None:
    clear = Thumbnail(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), 8, 8)
    extras = gradient_of(clear, tuple(Extra)).extras
    assert extras["shares"] == [0, 0]
    assert extras["isDark"] is False


def test_contrast_is_the_lowest_along_the_gradient() -> None:
    pixels = np.zeros((10, 100, 3), np.uint8) + np.array((0, 255, 0), np.uint8)
    pixels[:, :60] = (255, 60, 60)
    gradient = generate_gradient(paint.by_pillow(pixels, "PNG"), extras=["contrast"])
    ends = [luminance(from_hex(colour)) for colour in (gradient.primary, gradient.secondary)]
    text = luminance(from_hex(gradient.foreground))
    assert gradient.foreground == "#000000"
    assert 4.5 < gradient.extras["contrast"] < min(contrast(text, end) for end in ends) - 0.1
    assert of((0, 0, 0))["contrast"] > 15


@pytest.mark.parametrize(("color", "is_dark"), [((20, 20, 40), True), ((250, 250, 240), False)])
def test_dark_and_light_are_told(color: tuple[int, int, int], is_dark: bool) -> None:
    assert of(color)["isDark"] is is_dark


def test_few_bright_stars_do_not_make_a_night_bright() -> None:
    night = np.zeros((100, 100, 3), np.uint8) + np.array((12, 14, 30), np.uint8)
    night[:10, :10], night[20:30, 20:30] = (255, 250, 200), (200, 220, 255)
    assert generate_gradient(paint.by_pillow(night, "PNG"), extras=["isDark"]).extras["isDark"] is True


@pytest.mark.parametrize(("colour", "known"), OKLCH)
def test_oklch_is_that_of_the_standard(colour: str, known: tuple[float, float, float]) -> None:
    assert numbers(oklch_css(colour)) == pytest.approx(known, abs=0.006)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_oklch_goes_back_to_the_same_colour(color: tuple[int, int, int]) -> None:
    lightness, chroma, hue = numbers(oklch_css(to_hex(color)))
    turn = np.radians(hue)
    back = srgb_from_oklab([lightness, chroma * np.cos(turn), chroma * np.sin(turn)])
    assert np.abs(back - color).max() < 1


def test_oklch_is_parallel_to_the_palette() -> None:
    gradient = generate_gradient(paint.by_pillow(paint.quarters(), "PNG"), extras=["oklch"])
    assert gradient.extras["oklch"] == [oklch_css(colour) for colour in gradient.palette]


def test_version_is_a_whole_number() -> None:
    assert of((1, 2, 3))["version"] == 1


def average(blur_hash: str) -> tuple[int, ...]:
    """The mean colour that a BlurHash begins with, four digits to the base of 83."""
    value = 0
    for digit in blur_hash[2:6]:
        value = 83 * value + BASE_83.index(digit)
    return tuple(value.to_bytes(3))


def numbers(css: str) -> tuple[float, float, float]:
    lightness, chroma, hue = css.removeprefix("oklch(").removesuffix(")").split()
    return float(lightness), float(chroma), float(hue)


def _orientation(value: int) -> Any:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = value
    return exif
