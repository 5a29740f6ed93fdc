"""The smallest pictures of the formats whose codec a libvips may lack, to find out by decoding them.

It refuses to believe the list of loaders: a build can list `.heic` and yet have no HEVC decoder.
"""

from __future__ import annotations

from base64 import b64decode
from functools import cache

import pyvips

from gradientd.imaging.formats import Format
from gradientd.imaging.loaders import has_loader, open_image


@cache
def can_decode(format: Format) -> bool:
    """Whether this machine's libvips decodes the format; found out once a process."""
    if not has_loader(format):
        return False
    if format not in _SAMPLES:
        return True
    try:
        open_image(_SAMPLES[format], format).avg()
    except pyvips.Error:
        return False
    return True


_SAMPLES = {
    Format.AVIF: b64decode(
        "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA"
        "AAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAJgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEA"
        "AGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAEAAAABAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwA"
        "AAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAALm1kYXQSAAoJGAz/2iAhoNCAMhccR4eF3dNNNMLA"
        "AAB1fVm9zTNn3QUT7g=="
    ),
    Format.HEIC: b64decode(
        "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
        "ACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAACoAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
        "AAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
        "AAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNs"
        "eAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcGl4"
        "aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAMm1kYXQAAAAmKAGvGSFeQkDvXaW//wsz/OpX9vW3ymSgppcE14iZ"
        "CwOBgI2RnTg="
    ),
    Format.JXL: b64decode(
        "/wpDQCQIBAEAVABLGIsVANQTY9DEOYAIOEhVgFODYgA="
    ),
    Format.JP2: b64decode(
        "/0//UQAvAAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAEBAQQEAAH/XAAHQEBISFD/"
        "ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAA6AAH/k8fUGhFQVKNtH0gAAAAwkI+A34CoFABc"
        "o2r9SAAAADCQl3XrAAwkJf9/gICA/9k="
    ),
}
"""16 x 16 pixels of one colour each."""
