"""ThumbHash and BlurHash of a thumbnail, by the packages that `gradientd[hashes]` brings.

It refuses to import them before a hash is asked for: without that extra nothing is missed.
"""

from __future__ import annotations

from base64 import b64encode

import numpy as np

from gradientd.imaging.color import Floats
from gradientd.imaging.decode import Thumbnail
from gradientd.imaging.miniature import flatten, scale_down

HASHED_PIXELS = 32
"""The longest side of what is hashed: a hash holds seven waves a side at most, and costs by the pixel."""


def thumb_hash(thumbnail: Thumbnail) -> str:
    """The ThumbHash in base64 (Wallace 2023, https://evanw.github.io/thumbhash/)."""
    from thash import rgba_to_thumb_hash

    width, height = _size(thumbnail)
    rgba = np.rint(_scale_down_with_alpha(thumbnail, width, height)).astype(np.uint8)
    return b64encode(bytes(rgba_to_thumb_hash(width, height, rgba.reshape(-1)))).decode()


def blur_hash(thumbnail: Thumbnail, background: Floats) -> str:
    """The BlurHash (Ågren 2019, https://blurha.sh); `background` (sRGB 0 to 255) fills what is transparent."""
    from blurhash_rs import blurhash_encode
    from PIL import Image

    width, height = _size(thumbnail)
    rgb = np.rint(scale_down(flatten(thumbnail, background), width, height)).astype(np.uint8)
    components = (4, 3) if thumbnail.aspect >= 1 else (3, 4)
    return blurhash_encode(Image.fromarray(rgb), *components)


def _size(thumbnail: Thumbnail) -> tuple[int, int]:
    height, width = thumbnail.rgb.shape[:2]
    scale = min(1.0, HASHED_PIXELS / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _scale_down_with_alpha(thumbnail: Thumbnail, width: int, height: int) -> Floats:
    """The pixels, (height, width, 4), each colour the mean of those that can be seen; not premultiplied."""
    if thumbnail.alpha is None:
        rgb = scale_down(thumbnail.rgb.astype(np.float64), width, height)
        return np.dstack([rgb, np.full((height, width), 255.0)])
    cover = thumbnail.alpha[:, :, np.newaxis] / 255
    scaled = scale_down(np.concatenate([thumbnail.rgb * cover, cover], axis=2), width, height)
    seen = np.where(scaled[:, :, 3:] > 0, scaled[:, :, 3:], 1)
    return np.concatenate([scaled[:, :, :3] / seen, 255 * scaled[:, :, 3:]], axis=2)
