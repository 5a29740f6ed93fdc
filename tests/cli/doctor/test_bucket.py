"""Planted in the storage: reach, bucket, secret."""

from __future__ import annotations

from gradientd.cli.exits import Exit
from tests.cli.doctor.consulting import only_fault
from tests.real.conftest import Bench


def test_7_missing_bucket_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "MASTER_BUCKET_NAME": "no-such-bucket"}, Exit.UNAVAILABLE, "bucket")
    assert text.startswith("The bucket 'no-such-bucket' does not exist")


def test_8_wrong_s3_secret_is_found_and_not_told(bench: Bench) -> None:
    text = only_fault({**bench.env, "S3_SECRET_KEY": "hunter2"}, Exit.UNAVAILABLE, "bucket")
    assert "SignatureDoesNotMatch" in text
    assert "hunter2" not in text


def test_9_storage_that_is_down_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "S3_ENDPOINT": "http://127.0.0.1:1"}, Exit.UNAVAILABLE, "bucket")
    assert "http://127.0.0.1:1 cannot be reached" in text
