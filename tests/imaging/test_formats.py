import pytest

from gradientd.errors import NotAnImage, UnsupportedFormat
from gradientd.imaging.formats import Format, sniff
from tests.imaging import paint


@pytest.mark.parametrize(
    ("format", "written"),
    [(format, format.upper()) for format in ("jpeg", "png", "gif", "webp", "tiff", "avif")],
)
def test_format_is_told_by_its_first_bytes(format: str, written: str) -> None:
    assert sniff(paint.by_pillow(paint.quarters(16, 16), written)[:512]) is Format(format)


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Format.HEIC),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", Format.AVIF),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", Format.HEIC),
        (b"\xff\x0a\x00\x00", Format.JXL),
        (b"MM\0+\0\x08\0\0", Format.TIFF),
    ],
)
def test_brands_and_bare_streams_are_told_apart(head: bytes, format: Format) -> None:
    assert sniff(head) is format


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by hand -->\n<svg width='1'>", "SVG"),
        (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC 'a' 'b' [<!ENTITY x 'y'>]><svg:svg>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"P6\n2 2\n255\n", "Netpbm"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "MP4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "camera raw"),
    ],
)
def test_known_format_that_is_not_let_in_is_named(head: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=name):
        sniff(head)


def test_bmp_is_named_but_not_every_text_that_begins_with_its_letters() -> None:
    with pytest.raises(UnsupportedFormat, match="BMP"):
        sniff(paint.by_pillow(paint.solid(paint.RED), "BMP")[:512])
    with pytest.raises(NotAnImage):
        sniff(b"BMW sells cars and motorcycles")


@pytest.mark.parametrize(
    ("head", "hint"),
    [
        (b"<!DOCTYPE html><html>404", "HTML"),
        (b"\n<HTML><body>", "HTML"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (bytes(range(16, 48)), "first bytes"),
        (b"x", "first bytes"),
    ],
)
def test_what_is_no_picture_is_told_with_a_hint(head: bytes, hint: str) -> None:
    with pytest.raises(NotAnImage, match=hint):
        sniff(head)
