"""Storage against a server that checks every signature."""

from __future__ import annotations

import dataclasses
import logging
import mmap
import os
from typing import Any

import gevent
import pytest
from gevent.pool import Pool

from gradientd.errors import BucketMissing, LimitExceeded, ObjectMissing, StorageCredentials, StorageFault
from gradientd.settings import Settings
from gradientd.storage import Storage


@pytest.mark.parametrize(
    "key",
    [
        "plain.jpg",
        "a b+c%2F&d=e;f,g.jpg",
        "grüße/東京 🌆.jpg",
        "what?is#this.jpg",
        "~!@$^*()_[]{}'\",<>|\\`.jpg",
        "tab\tand\nnewline.jpg",
        "deep/" * 20 + "a.jpg",
    ],
)
def test_object_comes_back_under_an_odd_key(server_settings: Settings, key: str) -> None:
    storage = Storage(server_settings)
    storage.put(key, key.encode(), "image/jpeg")
    with storage.get(key, max_bytes=1000, deadline_s=5) as body:
        assert bytes(body.data) == key.encode()
    assert list(storage.list_pages("")) == [[key]]


@pytest.mark.parametrize("key", ["/leading.jpg", "a//b.jpg", "a/../b.jpg", "a/./b.jpg"])
def test_key_that_this_server_refuses_is_its_own_fault_and_no_outage(server_settings: Settings, key: str) -> None:
    storage = Storage(server_settings)
    with pytest.raises(StorageFault) as caught:
        storage.get(key, max_bytes=1000, deadline_s=5)
    assert caught.value.probe_decides
    storage.probe()


def test_missing_things_are_told_apart(server_settings: Settings) -> None:
    with pytest.raises(ObjectMissing):
        Storage(server_settings).get("nothing.jpg", max_bytes=1000, deadline_s=5)
    elsewhere = Storage(dataclasses.replace(server_settings, master_bucket_name="no-such-bucket"))
    for request in (elsewhere.probe, lambda: elsewhere.get("nothing.jpg", max_bytes=1000, deadline_s=5)):
        with pytest.raises(BucketMissing, match="no-such-bucket"):
            request()


@pytest.mark.parametrize("change", [{"s3_secret_key": "not-the-secret"}, {"s3_access_key": "nobody-knows-it"}])
def test_wrong_credentials_are_told_as_such(server_settings: Settings, change: dict[str, Any]) -> None:
    stranger = Storage(dataclasses.replace(server_settings, **change))
    for request in (stranger.probe, lambda: stranger.put("a.jpg", b"a", "image/jpeg")):
        with pytest.raises(StorageCredentials) as caught:
            request()
        assert next(iter(change.values())) not in str(caught.value)


def test_large_object_is_spooled_and_over_the_limit_refused(server_settings: Settings) -> None:
    storage = Storage(server_settings)
    data = os.urandom(20_000_000)
    storage.put("large.jpg", data, "image/jpeg")
    with storage.get("large.jpg", max_bytes=20_000_000, deadline_s=20) as body:
        assert isinstance(body.data, mmap.mmap)
        assert bytes(body.data) == data
    with pytest.raises(LimitExceeded) as caught:
        storage.get("large.jpg", max_bytes=19_999_999, deadline_s=20)
    assert caught.value.byte_count == 20_000_000


def test_listing_goes_on_after_a_page_and_after_a_key(server_settings: Settings) -> None:
    storage = Storage(dataclasses.replace(server_settings, concurrency=4))
    keys = [f"album/{number:04}.jpg" for number in range(1005)]
    Pool(4).map(lambda key: storage.put(key, b"x", "image/jpeg"), [*keys, "other.jpg"])
    pages = list(storage.list_pages("album/"))
    assert [len(page) for page in pages] == [1000, 5]
    assert [key for page in pages for key in page] == keys
    assert list(storage.list_pages("album/", start_after=keys[1001])) == [keys[1002:]]
    assert list(storage.list_pages("nothing/")) == []


def test_as_many_downloads_as_jobs_share_the_client_without_a_warning(
    server_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    storage = Storage(dataclasses.replace(server_settings, concurrency=20))
    storage.put("a.jpg", b"a picture", "image/jpeg")
    with caplog.at_level(logging.WARNING):
        readers = [gevent.spawn(storage.get, "a.jpg", max_bytes=100, deadline_s=10) for _ in range(20)]
        probes = [gevent.spawn(storage.probe) for _ in range(2)]
        assert [reader.get().size for reader in readers] == [9] * 20
        gevent.joinall(probes, raise_error=True)
    assert caplog.records == []


def test_closed_storage_opens_again_when_it_is_asked(server_settings: Settings) -> None:
    storage = Storage(server_settings)
    storage.close()
    assert storage.tells_missing_keys()
    storage.close()
    assert storage.tells_missing_keys()
