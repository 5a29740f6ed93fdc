"""A job as the peers' workers do it: one GET, the pixels, the result in Redis; by Pillow or by our own function.

It refuses to be slower than it need be: the clients are made once a process, and Pillow reads no more than it must.
"""

from __future__ import annotations

import io
import json
import os
from base64 import b64encode
from typing import Any

import boto3
import redis
from botocore.config import Config
from PIL import Image, ImageFilter

from gradientd.imaging import generate_gradient

DONE = "bench:done"
Image.MAX_IMAGE_PIXELS = None

_bucket = os.environ["MASTER_BUCKET_NAME"]
_redis: redis.Redis = redis.Redis.from_url(os.environ["REDIS_URL"])
_s3: Any = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    region_name="us-east-1",
    aws_access_key_id=os.environ["S3_ACCESS_KEY"],
    aws_secret_access_key=os.environ["S3_SECRET_KEY"],
    config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
)


def with_pillow(storage_key: str) -> None:
    """Palette, gradient and placeholder by Pillow."""
    file = Image.open(io.BytesIO(_get(storage_key)))
    file.draft("RGB", (128, 128))
    file.thumbnail((128, 128))
    image = file.convert("RGB")
    reduced = image.quantize(5, Image.Quantize.MEDIANCUT)
    numbers = reduced.getpalette() or []
    palette = [f"#{bytes(numbers[3 * index : 3 * index + 3]).hex().upper()}" for _, index in _by_share(reduced)]
    image.thumbnail((20, 20))
    blurred = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(2)).save(blurred, "JPEG", quality=60, optimize=True)
    _store(storage_key, {"palette": palette, "blurDataUrl": b64encode(blurred.getvalue()).decode()})


def with_gradientd(storage_key: str) -> None:
    """All of it by the library's one function."""
    _store(storage_key, generate_gradient(_get(storage_key)).as_dict())


def _by_share(reduced: Image.Image) -> list[tuple[int, int]]:
    shares: Any = reduced.getcolors() or []  # of a picture with a palette: how many pixels, and which colour
    return sorted(shares, reverse=True)


def _get(storage_key: str) -> bytes:
    with _s3.get_object(Bucket=_bucket, Key=storage_key)["Body"] as body:
        data: bytes = body.read()
    return data


def _store(storage_key: str, gradient: dict[str, Any]) -> None:
    with _redis.pipeline(transaction=False) as pipe:
        pipe.set(f"bench:result:{storage_key}", json.dumps(gradient), ex=2_592_000)
        pipe.incr(DONE)
        pipe.execute()
