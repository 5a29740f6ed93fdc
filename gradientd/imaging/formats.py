"""Which format a file is in, told by its first bytes, and which formats are let in at all.

It refuses to trust a name, a media type or a decoder's own guess.
"""

from __future__ import annotations

import enum
import re

from gradientd.errors import NotAnImage, UnsupportedFormat

SNIFF_BYTES = 512


class Format(enum.StrEnum):
    """The formats on the allow-list."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    TIFF = "tiff"
    AVIF = "avif"
    HEIC = "heic"
    JXL = "jxl"
    JP2 = "jp2"

    @property
    def label(self) -> str:
        """The format's name in a sentence."""
        return _LABELS.get(self, self.upper())


_LABELS = {Format.WEBP: "WebP", Format.JXL: "JPEG XL", Format.JP2: "JPEG 2000"}

_MAGIC = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\xff\x0a", Format.JXL),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Format.JXL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format.JP2),
    (b"\xff\x4f\xff\x51", Format.JP2),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})

_BLOCKED_MAGIC = (
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"BM", "a BMP picture"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\1\0", "an ICO icon"),
    (b"\0\0\2\0", "a CUR cursor"),
    (b"II\xbc\1", "a JPEG XR picture"),
    (b"v/1\1", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"qoif", "a QOI picture"),
    (b"gimp xcf", "a GIMP picture"),
    (b"DDS ", "a DDS texture"),
    (b"FUJIFILMCCD-RAW", "a camera raw file"),
    (b"IIRO", "a camera raw file"),
    (b"IIRS", "a camera raw file"),
    (b"IIU\0", "a camera raw file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"FLIF", "a FLIF picture"),
    (b"\xd7\xcd\xc6\x9a", "a WMF drawing"),
)

_NETPBM = re.compile(rb"P[1-7][ \t\r\n]")
_XML_BEFORE_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*", re.S)
_SVG_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,30}:)?svg[\s>/]")


def sniff(head: bytes) -> Format:
    """The format of a file that begins with `head` (SNIFF_BYTES of it, or all there is).

    Raises UnsupportedFormat with the name of a format that is known but not let in, NotAnImage for everything else.
    """
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    _refuse_blocked(head)
    raise NotAnImage(f"The file is not a picture: {_describe(head)}.")


def _sniff_brands(head: bytes) -> Format:
    """ISO base media files (ISO/IEC 14496-12) name their kind in brands: the major one first, then those compatible."""
    end = min(int.from_bytes(head[:4]), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    if not _AVIF_BRANDS.isdisjoint(brands):
        return Format.AVIF
    if not _HEIC_BRANDS.isdisjoint(brands):
        return Format.HEIC
    if brands[0] == b"crx ":
        raise _unsupported("a camera raw file")
    raise _unsupported("an MP4 or QuickTime video")


def _refuse_blocked(head: bytes) -> None:
    for magic, title in _BLOCKED_MAGIC:
        if head.startswith(magic) and (magic != b"BM" or _is_bmp(head)):
            raise _unsupported(title)
    if _NETPBM.match(head):
        raise _unsupported("a Netpbm picture")
    if _is_svg(head):
        raise _unsupported("an SVG drawing")


def _is_bmp(head: bytes) -> bool:
    """Two letters are too little: the reserved words are zero and the pixels begin soon after the header."""
    return len(head) >= 18 and head[6:10] == bytes(4) and int.from_bytes(head[10:14], "little") < 0x10000


def _is_svg(head: bytes) -> bool:
    before = _XML_BEFORE_ROOT.match(head)
    return before is not None and _SVG_ROOT.match(head, before.end()) is not None


def _unsupported(title: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"The file is {title}, a format that is not supported.")


def _describe(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "it looks like an HTML page"
    if text.startswith(b"<"):
        return "it looks like an XML document"
    if text.startswith((b"{", b"[")):
        return "it looks like JSON"
    return "its first bytes belong to no known picture format"
