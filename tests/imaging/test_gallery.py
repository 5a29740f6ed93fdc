"""The demo's pictures are what their notes say, the same every time, and worth a gradient."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import pyvips

from gradientd.errors import DamagedImage, NotAnImage
from gradientd.imaging import generate_gradient, read_header
from gradientd.imaging.gallery import SAMPLES, Sample
from gradientd.imaging.paint import Canvas, colour, mix, ramp, smoothstep
from gradientd.imaging.preview import PREVIEW_PIXELS, make_preview


@pytest.fixture(scope="module")
def painted() -> dict[str, bytes]:
    return {sample.name: sample.paint() for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_sample_has_structure_and_a_gradient(painted: dict[str, bytes], sample: Sample) -> None:
    data = painted[sample.name]
    header = read_header(data)
    assert header.width * header.height > 400_000
    pixels = pyvips.Image.new_from_buffer(data, "")
    assert pixels.deviate() > 10
    gradient = generate_gradient(data)
    assert len(gradient.palette) >= 3
    assert gradient.primary != gradient.secondary


def test_each_sample_is_stored_as_its_note_says(painted: dict[str, bytes]) -> None:
    image = {name: pyvips.Image.new_from_buffer(data, "") for name, data in painted.items()}
    assert not image["sunset.jpg"].get_typeof("interlaced")
    assert image["forest.jpg"].get("interlaced") == 1
    assert image["forest.jpg"].get("orientation") == 6
    assert image["forest.jpg"].width > image["forest.jpg"].height
    assert image["portrait.png"].hasalpha()
    assert image["mountains.jpg"].bands == 1
    assert image["neon-sign.gif"].get("n-pages") == 2
    assert image["beach.jpg"].get_typeof("icc-profile-data")
    assert image["autumn.jpg"].interpretation == "cmyk"
    assert image["aurora.png"].format == "ushort"
    assert image["snow.webp"].get("vips-loader").startswith("webpload")


def test_same_scene_is_painted_twice_alike(painted: dict[str, bytes]) -> None:
    (portrait,) = (sample for sample in SAMPLES if sample.name == "portrait.png")
    assert portrait.paint() == painted["portrait.png"]


@pytest.mark.parametrize("name", ["sunset.jpg", "forest.jpg", "portrait.png", "autumn.jpg", "mountains.jpg"])
def test_preview_is_small_upright_and_srgb(painted: dict[str, bytes], name: str) -> None:
    preview = make_preview(painted[name])
    head, _, body = preview.data_url.partition(";base64,")
    shown = pyvips.Image.new_from_buffer(base64.b64decode(body), "")
    assert head == ("data:image/webp" if name == "portrait.png" else "data:image/jpeg")
    assert (shown.width, shown.height) == (preview.width, preview.height)
    assert max(preview.width, preview.height) == PREVIEW_PIXELS
    assert (preview.height > preview.width) == (name in ("forest.jpg", "portrait.png"))
    assert shown.interpretation == "srgb"
    assert not shown.get_typeof("icc-profile-data")
    assert len(preview.data_url) < 200_000


def test_preview_of_something_else_is_an_image_error(painted: dict[str, bytes]) -> None:
    with pytest.raises(NotAnImage):
        make_preview(b"<p>hello</p>")
    with pytest.raises(DamagedImage):
        make_preview(painted["night-city.png"][:1000])


def test_brushes_keep_to_their_definitions() -> None:
    assert colour("#FF8000").tolist() == pytest.approx([1, 128 / 255, 0])
    x = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert ramp(x, (0, "#000000"), (1, "#FFFFFF"))[0, :, 0].tolist() == [0, 0.5, 1]
    assert smoothstep(0, 1, x).tolist() == [[0, 0.5, 1]]
    assert smoothstep(1, 0, x).tolist() == [[1, 0.5, 0]]
    grey = np.zeros((1, 3), np.float32)
    assert mix(grey, grey + 1, x).shape == (1, 3)
    assert mix(colour("#000000"), colour("#FFFFFF"), x).shape == (1, 3, 3)


def test_stamp_beyond_the_edge_paints_only_what_is_inside() -> None:
    canvas = Canvas(40, 20, 1)
    picture = np.zeros((20, 40, 3), np.float32)
    canvas.stamp(picture, (0.0, 0.0), 0.25, colour("#FFFFFF"), 1.0)
    assert picture[0, 0, 0] > 0.9
    assert picture[10:, 10:].max() == 0
