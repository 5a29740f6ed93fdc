"""The demo's page: one file that holds everything it shows, pictures included.

It refuses to trust a name or a message, and to ask the network for anything: its own policy forbids both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Any

import gradientd
from gradientd.cli.swatches import channels
from gradientd.imaging.color import luminance
from gradientd.imaging.preview import Preview

_COLOUR = re.compile(r"#[0-9A-F]{6}")
_DATA_URL = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture and what became of it; `byte_count` is None where its file is not at hand.

    `gradient` is the wire's object, None when the job failed: then `last_error` says why. `preview` is None where the
    picture cannot be shown; `took_ms` is the job's time where it is known.
    """

    name: str
    note: str
    byte_count: int | None
    gradient: Mapping[str, Any] | None
    last_error: str | None
    preview: Preview | None
    took_ms: int | None

    @property
    def is_completed(self) -> bool:
        """Whether there is a gradient."""
        return self.gradient is not None


def render_page(items: Sequence[Shown], seconds: float | None = None) -> str:
    """The page as HTML; `seconds` is how long the demo's worker took for all of them, None outside the demo."""
    failed = sum(not item.is_completed for item in items)
    count = "1 picture" if len(items) == 1 else f"{len(items)} pictures"
    return _PAGE.substitute(
        style=_STYLE,
        wall="".join(f'<i style="background:{_css(item.gradient)}"></i>' for item in items if item.gradient),
        count=count,
        lead=escape(items[0].name) + "." if seconds is None else _DEMO.substitute(
            count=count, failed=f", and {failed} failed" if failed else "", seconds=f"{seconds:.1f}"
        ),
        command="gradientd show FILE --html" if seconds is None else "gradientd demo FOLDER",
        cards="".join(_card(number, item) for number, item in enumerate(items)),
        version=escape(gradientd.__version__),
    )


def _card(number: int, item: Shown) -> str:
    return _completed_card(number, item, item.gradient) if item.gradient else _failed_card(item)


def _completed_card(number: int, item: Shown, gradient: Mapping[str, Any]) -> str:
    preview, name = item.preview, escape(item.name)
    blur = sound_data_url(gradient.get("blurDataUrl"))
    foreground = sound_colour(gradient.get("foreground"))
    primary, secondary = sound_colour(gradient.get("primary")), sound_colour(gradient.get("secondary"))
    colours = [sound_colour(colour) for colour in gradient.get("palette", ())]
    return _CARD.substitute(
        name=name,
        css=_css(gradient),
        aspect=_aspect(preview),
        wait=f"{0.08 * number:.2f}",
        clear="clear" if preview and preview.is_transparent else "",
        photo=f'<img class="photo" src="{preview.data_url}" alt="{name}">' if preview else "",
        blur=f'<img class="blur" src="{blur}" alt="">' if blur else "",
        placeholder=f'<img src="{blur}" alt="The placeholder of {name}, enlarged">' if blur else "",
        placeholder_bytes=data_url_bytes(blur),
        corner=legible_corner(foreground, primary, secondary),
        foreground=foreground,
        primary=primary,
        secondary=secondary,
        facts=_facts(item),
        palette=_palette(colours, gradient.get("shares")),
    )


def _failed_card(item: Shown) -> str:
    photo = f'<img src="{item.preview.data_url}" alt="{escape(item.name)}">' if item.preview else ""
    reason = escape(item.last_error or "")
    return _FAILED.substitute(
        name=escape(item.name), reason=reason, facts=_facts(item), photo=photo, aspect=_aspect(item.preview)
    )


def _aspect(preview: Preview | None) -> str:
    """Width over height; what is beyond two to five or five to two is cropped, or a page would be all one picture."""
    return f"{min(max(preview.width / preview.height, 0.4), 2.5):.3f}" if preview else "1.5"


def legible_corner(foreground: str, primary: str, secondary: str) -> str:
    """Where text in black or white is the more legible: at the gradient's start, top left, or at its end."""
    text, start, end = (luminance(channels(colour)) for colour in (foreground, primary, secondary))
    return "start" if abs(text - start) >= abs(text - end) else "end"


def _palette(colours: Sequence[str], shares: Any) -> str:
    """Swatches, as wide as their shares where those are known."""
    known = isinstance(shares, Sequence) and len(shares) == len(colours)
    widths = [float(share) for share in shares] if known else [1.0] * len(colours)
    return "".join(
        f'<li style="flex-grow:{width:.3f}"><b style="background:{colour}"></b><code>{colour}</code></li>'
        for colour, width in zip(colours, widths, strict=True)
    )


def _facts(item: Shown) -> str:
    took = f"{item.took_ms} ms" if item.took_ms is not None else ""
    size = "" if item.byte_count is None else size_in_words(item.byte_count)
    return escape(" · ".join(fact for fact in (item.note, size, took) if fact))


def size_in_words(byte_count: int) -> str:
    """912 bytes, 31.4 kB, 4.1 MB."""
    if byte_count < 1000:
        return f"{byte_count} bytes"
    return f"{byte_count / 1e3:.1f} kB" if byte_count < 100_000 else f"{byte_count / 1e6:.1f} MB"


def _css(gradient: Mapping[str, Any]) -> str:
    return f"linear-gradient(135deg,{sound_colour(gradient.get('primary'))},{sound_colour(gradient.get('secondary'))})"


def sound_colour(value: Any) -> str:
    """A value that is a colour on the wire, or else a grey."""
    return value if isinstance(value, str) and _COLOUR.fullmatch(value) else "#808080"


def sound_data_url(value: Any) -> str:
    """A value that is a picture's data URL, or else nothing."""
    return value if isinstance(value, str) and _DATA_URL.fullmatch(value) else ""


def data_url_bytes(data_url: str) -> int:
    """How many bytes the data URL holds."""
    return len(data_url.partition(",")[2].rstrip("=")) * 3 // 4


_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>gradientd: $count</title>
<style>$style</style>
</head>
<body>
<header>
<div class="wall" aria-hidden="true">$wall</div>
<div class="title">
<h1>gradientd</h1>
<p>$lead This is what a gallery
can show before a photograph arrives: first its gradient, then its placeholder, then the picture.</p>
</div>
</header>
<input type="checkbox" id="again"><label for="again">Let them arrive again</label>
<main>
$cards</main>
<footer>gradientd $version · <code>$command</code> does this with your own pictures.</footer>
</body>
</html>
""")

_DEMO = Template("$count went through a real Valkey and a real S3 server in $seconds seconds$failed.")

_CARD = Template("""<article style="--aspect:$aspect">
<div class="panels">
<div class="panel $clear" style="background:$css;--wait:${wait}s">$blur$photo</div>
<section class="panel gradient $corner" style="background:$css;color:$foreground">
<h2>$name</h2>
<p><code>$primary</code> → <code>$secondary</code></p>
<p>text in <code>$foreground</code></p>
</section>
<figure class="panel" style="background:$css">$placeholder<figcaption>$placeholder_bytes bytes</figcaption></figure>
</div>
<ul class="palette" aria-label="Palette, the largest share first">$palette</ul>
<p class="facts">$facts</p>
</article>
""")

_FAILED = Template("""<article class="failed" style="--aspect:$aspect">
<div class="panels">
<div class="panel">$photo</div>
<section>
<h2>$name</h2>
<p class="reason"><strong>Failed.</strong> $reason</p>
<p class="facts">$facts</p>
</section>
</div>
</article>
""")

_STYLE = """
:root{color-scheme:light dark;--page:#f5f4f1;--card:#fff;--ink:#1b1b1f;--soft:#65656e;--line:#00000012;--bad:#b3261e;
--shade:0 1px 2px #0000000d,0 14px 34px -14px #0000002b;--tall:14rem}
@media(prefers-color-scheme:dark){:root{--page:#101013;--card:#1b1b20;--ink:#f1f0ee;--soft:#a0a0ab;--line:#ffffff17;
--bad:#ff8a80;--shade:0 1px 2px #0006,0 18px 44px -16px #000}}
*{box-sizing:border-box;margin:0}
body{background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
-webkit-text-size-adjust:100%}
code{font:.94em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
header{position:relative;overflow:hidden;background:#17171c}
.wall{position:absolute;inset:0;display:flex;transform:skewX(-12deg) scaleX(1.3)}
.wall i{flex:1}
header::after{content:"";position:absolute;inset:0;
background:linear-gradient(100deg,#000d,#000b 30rem,#0000 66rem)}
.title{position:relative;z-index:1;max-width:76rem;margin:auto;color:#fff;
padding:clamp(3rem,9vw,6.5rem) clamp(1.1rem,4vw,2.5rem)}
h1{font-size:clamp(2.6rem,8vw,4.6rem);line-height:1;letter-spacing:-.04em;font-weight:750}
.title p{max-width:34rem;margin-top:1.1rem;font-size:clamp(1rem,2.2vw,1.15rem);text-shadow:0 1px 12px #000a}
#again{position:absolute;opacity:0}
label{display:block;width:max-content;margin:1.6rem auto 0;padding:.45rem 1.1rem;border-radius:2rem;font-size:.9rem;
background:var(--card);color:var(--soft);box-shadow:0 0 0 1px var(--line);cursor:pointer}
label:hover{color:var(--ink)}
#again:focus-visible+label{outline:2px solid currentColor;outline-offset:2px}
main{max-width:78rem;margin:auto;padding:1.6rem clamp(.9rem,3vw,2.5rem) 3.5rem;display:flex;flex-wrap:wrap;gap:1.6rem;
justify-content:center}
article{background:var(--card);border-radius:22px;padding:12px;box-shadow:var(--shade),0 0 0 1px var(--line);
--wide:calc(3*var(--aspect)*var(--tall) + 48px);flex:1 1 var(--wide);min-width:min(100%,26rem);
max-width:min(100%,1.12*var(--wide))}
.panels{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:12px}
.panel{position:relative;overflow:hidden;aspect-ratio:var(--aspect);border-radius:12px;container-type:inline-size}
.panel img{position:absolute;inset:0;width:100%;height:100%;object-fit:cover}
.blur{animation:arrive .7s calc(.5s + var(--wait)) both}
.photo{animation:arrive .9s calc(1.2s + var(--wait)) both}
.clear .blur{animation:pass 1.7s calc(.5s + var(--wait)) both}
#again:checked~main .blur,#again:checked~main .photo{animation-name:arrive-again}
#again:checked~main .clear .blur{animation-name:pass-again}
@keyframes arrive{from{opacity:0}}
@keyframes arrive-again{from{opacity:0}}
@keyframes pass{0%,100%{opacity:0}45%,60%{opacity:1}}
@keyframes pass-again{0%,100%{opacity:0}45%,60%{opacity:1}}
@media(prefers-reduced-motion:reduce){.blur,.photo{animation:none!important}.clear .blur{display:none}}
.gradient{display:flex;flex-direction:column;padding:clamp(.7rem,1.6vw,1.2rem)}
.gradient.end{justify-content:flex-end;text-align:right}
h2{font-size:clamp(.95rem,8.5cqi,1.4rem);line-height:1.2;font-weight:680;letter-spacing:-.01em;overflow-wrap:anywhere;
margin-bottom:.35rem}
.gradient p{font-size:clamp(.68rem,5.6cqi,.82rem)}
.failed h2{font-size:1.15rem}
figcaption{position:absolute;right:.6rem;bottom:.6rem;padding:.1rem .6rem;border-radius:1rem;font-size:.75rem;
color:#fff;background:#0009}
.palette{list-style:none;padding:0;display:flex;gap:6px;margin-top:12px}
.palette li{flex:1 1 0;min-width:3.2rem;text-align:center}
.palette b{display:block;height:2.2rem;border-radius:9px;box-shadow:inset 0 0 0 1px var(--line)}
.palette code{font-size:.7rem;color:var(--soft)}
.facts{font-size:.8rem;color:var(--soft);margin-top:.3rem;text-align:center}
.failed{--wide:40rem}
.failed .panels{grid-template-columns:minmax(0,2fr) minmax(0,3fr)}
.failed .panel{background:repeating-linear-gradient(135deg,var(--line) 0 10px,#0000 10px 20px)}
.failed .panel img{filter:grayscale(1);opacity:.6}
.failed section{align-self:center;padding:.4rem}
.failed .facts{text-align:left;margin-top:.6rem}
.reason{font-size:.95rem;overflow-wrap:anywhere}
.reason strong{color:var(--bad)}
footer{text-align:center;font-size:.85rem;color:var(--soft);padding:0 1rem 3.5rem}
@media print{.blur,.photo{animation:none!important}}
@media(max-width:44rem){.panels,.failed .panels{grid-template-columns:repeat(2,minmax(0,1fr))}
article:not(.failed) .panel:first-child{grid-column:1/-1}.gradient{min-height:7rem}}
"""
