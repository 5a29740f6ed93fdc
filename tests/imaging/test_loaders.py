"""The door to libvips on another libvips: Debian's, in the container image, is older than the wheel's."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import pyvips

from gradientd.imaging import loaders
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
    asked: dict[str, Any] = {}
    monkeypatch.setattr(pyvips, "at_least_libvips", lambda x, y: (x, y) <= (8, minor))
    monkeypatch.setattr(pyvips.Operation, "call", lambda *_, **options: asked.update(options))
    loaders.open_image(b"II*\0", Format.TIFF)
    assert set(asked) - {"access", "fail_on"} == options
