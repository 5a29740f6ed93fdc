"""Bytes in, Gradient out.

It refuses to know Redis, S3 or gevent: a caller who must not block runs it in a thread.
"""

from gradientd.imaging.buffers import Buffer
from gradientd.imaging.decode import Thumbnail, decode
from gradientd.imaging.extras import load_extras
from gradientd.imaging.gradient import generate_gradient, gradient_of
from gradientd.imaging.header import Header, read_header
from gradientd.imaging.limits import Limits

__all__ = [
    "Buffer",
    "Header",
    "Limits",
    "Thumbnail",
    "decode",
    "generate_gradient",
    "gradient_of",
    "load_extras",
    "read_header",
]
