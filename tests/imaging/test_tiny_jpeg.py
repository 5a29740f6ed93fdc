import io

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradientd.imaging import jpeg
from gradientd.imaging.tiny_jpeg import BLOCK, encode


def filled(pixels: np.ndarray) -> np.ndarray:
    """The planes of (height, width, 3) pixels, their last ones repeated to fill whole blocks."""
    height, width, _ = pixels.shape
    return np.pad(pixels, ((0, -height % BLOCK), (0, -width % BLOCK), (0, 0)), mode="edge").transpose(2, 0, 1)


def slope(width: int, height: int) -> np.ndarray:
    """Red grows to the right, green to the bottom, and blue shrinks with both: no two components are alike."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([60 + 150 * across, 40 + 160 * down, 220 - 90 * across - 90 * down], axis=2)


@given(st.integers(1, 24), st.integers(1, 24))
def test_decoders_agree_on_the_picture_and_find_nothing_to_complain_of(width: int, height: int) -> None:
    data = encode(filled(slope(width, height)), width, height)
    by_libvips = pyvips.Image.new_from_buffer(data, "fail_on=warning").numpy()
    by_pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert by_libvips.shape == (height, width, 3)
    assert np.array_equal(by_libvips, by_pillow)
    assert by_pillow == pytest.approx(slope(width, height), abs=24)
    assert np.abs(by_pillow - slope(width, height)).mean() < 10


def test_file_is_its_tables_its_frame_and_a_scan_for_each_component() -> None:
    data = encode(filled(slope(24, 16)), 24, 16)
    markers = [segment.marker for segment in jpeg.segments(memoryview(data))]
    assert markers == [jpeg.DQT, jpeg.DHT, 0xC0, *[jpeg.SOS] * 3, 0xD9]
    assert not any(bytes((0xFF, restart)) in data for restart in range(0xD0, 0xD8))


def test_plain_picture_is_hardly_more_than_its_headers() -> None:
    assert len(encode(filled(np.full((16, 24, 3), 128.0)), 24, 16)) < 220
