"""Bytes in, Gradient out.

It refuses to know Redis, S3 or gevent: a caller who must not block runs it in a thread.
"""

from gradientd.imaging.buffers import Buffer
from gradientd.imaging.decode import Thumbnail, decode
from gradientd.imaging.extras import load_extras
from gradientd.imaging.formats import Format
from gradientd.imaging.gradient import generate_gradient, gradient_of
from gradientd.imaging.header import Header, read_header
from gradientd.imaging.limits import Limits
from gradientd.imaging.samples import can_decode

__all__ = [
    "Buffer",
    "Format",
    "Header",
    "Limits",
    "Thumbnail",
    "can_decode",
    "decode",
    "generate_gradient",
    "gradient_of",
    "load_extras",
    "read_header",
]
