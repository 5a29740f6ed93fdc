"""The door to libvips on another libvips: Debian's, in the container image, is older than the wheel's."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import pyvips

from gradientd.imaging import generate_gradient, loaders
from gradientd.imaging.formats import Format


def test_jpeg_xl_and_jpeg_2000_are_let_in_after_libvips_has_blocked_what_it_distrusts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(pyvips, "block_untrusted_set", lambda state: calls.append(("untrusted", state)))
    monkeypatch.setattr(pyvips, "operation_block_set", lambda name, state: calls.append((name, state)))
    importlib.reload(loaders)
    assert calls == [("untrusted", True), ("VipsForeignLoadJxl", False), ("VipsForeignLoadJp2k", False)]


def test_what_is_on_no_list_of_ours_stays_blocked() -> None:
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "")


@pytest.mark.parametrize(("minor", "options"), [(16, set()), (17, {"unlimited"})])
def test_an_older_libvips_is_not_asked_for_the_tiff_option_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, minor: int, options: set[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pyvips, "at_least_libvips", lambda x, y: (x, y) <= (8, minor))
    monkeypatch.setattr(pyvips.Operation, "call", lambda *_, string_options: asked.append(string_options))
    loaders.open_image(b"II*\0", Format.TIFF)
    (words,) = asked
    assert {word.partition("=")[0] for word in words.strip("[]").split(",")} - {"access", "fail_on"} == options


def test_what_libvips_says_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """It says so in a decode thread, which a logging handler's lock, patched by gevent, has kept waiting for ever."""
    noise = pyvips.Image.gaussnoise(64, 64).cast("uchar").jpegsave_buffer()
    generate_gradient(noise[:-40] + b"\xff\xd9")  # libjpeg warns: premature end of data
    assert caplog.records == []


def test_options_mean_the_same_in_one_string() -> None:
    picture = pyvips.Image.xyz(40, 30).extract_band(0).cast("uchar")
    told = loaders.call("resize", picture, 0.5, vscale=0.1, kernel="linear")
    assert told.numpy().tolist() == picture.resize(0.5, vscale=0.1, kernel="linear").numpy().tolist()
    saved = loaders.call("jpegsave_buffer", picture, Q=60, optimize_coding=True, restart_interval=2)
    assert saved == picture.jpegsave_buffer(Q=60, optimize_coding=True, restart_interval=2)
    with pytest.raises(pyvips.Error):
        loaders.call("resize", picture, 0.5, no_such_option=1)
