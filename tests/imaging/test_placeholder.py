import io
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradientd.imaging import Thumbnail, decode, generate_gradient
from gradientd.imaging.placeholder import MOST_SIDE, blur_data_url, choose_size
from tests.imaging import paint
from tests.imaging.paint import BLUE, GREEN, RED, SAND

WHITE = np.full(3, 255.0)


def opened(url: str) -> Image.Image:
    head, _, body = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(b64decode(body, validate=True)))


@given(st.floats(1 / 8, 8))
def test_shape_is_the_pictures_own_within_three_percent(aspect: float) -> None:
    width, height = choose_size(aspect)
    assert 16 <= max(width, height) <= MOST_SIDE
    if 1 / 5 < aspect < 5:
        assert width / height == pytest.approx(aspect, rel=0.03)


@pytest.mark.parametrize(("aspect", "size"), [(1, (24, 24)), (1.5, (24, 16)), (3000, (24, 1)), (1 / 3000, (1, 24))])
def test_size_of_common_and_of_absurd_shapes(aspect: float, size: tuple[int, int]) -> None:
    assert choose_size(aspect) == size


def test_placeholder_shows_where_things_are_softly() -> None:
    picture = opened(generate_gradient(paint.by_pillow(paint.quarters(), "PNG")).blur_data_url)
    width, height = picture.size
    pixels = np.asarray(picture).astype(float)
    corners = [pixels[y, x] for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    assert corners == [pytest.approx(color, abs=40) for color in (RED, GREEN, BLUE, SAND)]
    step = np.abs(np.diff(pixels[height // 4], axis=0)).sum(axis=1)
    assert step.max() < 0.85 * np.abs(np.subtract(RED, GREEN)).sum()


def test_placeholder_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = paint.by_pillow(paint.quarters(300, 200), "JPEG", exif=exif)
    width, height = opened(generate_gradient(data).blur_data_url).size
    assert width / height == pytest.approx(2 / 3, rel=0.03)


def test_placeholder_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    data = paint.by_pillow(paint.quarters(), "JPEG", exif=exif, comment=b"secret too")
    jpeg = b64decode(generate_gradient(data).blur_data_url.partition(",")[2])
    assert b"secret" not in jpeg
    assert b"Exif" not in jpeg
    assert b"ICC_PROFILE" not in jpeg


def test_transparent_parts_take_the_background_never_black() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    alpha = np.zeros((60, 60), np.uint8)
    rgb[:30], alpha[:30] = (200, 0, 0), 255
    pixels = np.asarray(opened(blur_data_url(Thumbnail(rgb, alpha, 60, 60), WHITE)), dtype=float)
    assert pixels[2, 10] == pytest.approx((200, 0, 0), abs=25)
    assert pixels[-3, 10].min() > 235


def test_placeholder_of_one_pixel_is_its_color() -> None:
    picture = opened(blur_data_url(decode(paint.by_pillow(paint.solid(RED, 1, 1), "PNG")), WHITE))
    assert np.asarray(picture, dtype=float).mean(axis=(0, 1)) == pytest.approx(RED, abs=6)
