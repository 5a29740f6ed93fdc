"""The status page as HTML: values in, markup out.

It refuses to look anything up, and needs no script for anything that matters.
"""

from __future__ import annotations

from collections.abc import Mapping

import gradientd
from gradientd.web.page.fleet import fleet
from gradientd.web.page.letters import dead_letters
from gradientd.web.page.look import Look, action_form
from gradientd.web.page.markup import Child, Markup, Value, document, shown, tag
from gradientd.web.page.overview import notices, state, tiles
from gradientd.web.page.results import banner, results
from gradientd.web.page.wording import number

DONE = {
    "paused": "The fleet is paused.",
    "resumed": "The fleet takes jobs again.",
    "retried": "Back in the queue.",
    "purged": "Forgotten for good.",
}
"""What is said after an action, by the word that the action leaves in the address."""
_SECTIONS = {
    "banner": banner,
    "state": state,
    "notices": notices,
    "tiles": tiles,
    "results": results,
    "fleet": fleet,
    "dead-letters": dead_letters,
}


def live_sections(look: Look) -> dict[str, Markup]:
    """Every part of the page that changes by itself, by name."""
    return {name: render(look) for name, render in _SECTIONS.items()}


def title(look: Look) -> str:
    """The page's title: what a tab should say."""
    queue = look.view.queue
    return f"{number(queue.lengths.queue)} waiting · gradientd" if queue is not None else "unavailable · gradientd"


def status_page(look: Look, done: str) -> str:
    """The whole page; `done` is a word of DONE, or anything else for none."""
    live = live_sections(look)
    view = look.view
    return _page(
        title(look),
        _live("banner", live),
        tag("a", {"class": "skip", "href": "#content"}, "Skip to the content"),
        tag(
            "header",
            None,
            _brand(),
            tag(
                "p",
                {"class": "whose"},
                "seen by ",
                shown(view.worker_id),
                f", version {gradientd.__version__}",
            ),
            _live("state", live),
            tag("button", {"class": "button quiet", "id": "live", "aria-pressed": "true", "hidden": True}, "Live"),
            action_form(look, "/logout", "Log out", {}, key="log out") if look.visitor.has_session else None,
        ),
        tag(
            "main",
            {"id": "content"},
            tag("p", {"id": "said", "role": "status"}, DONE.get(done)),
            _live("notices", live),
            _live("tiles", live),
            _live("results", live),
            _live("fleet", live),
            _live("dead-letters", live),
        ),
        _footer(look),
    )


def login_page(problem: str | None = None) -> str:
    """What somebody sees who must show the token first."""
    field: dict[str, Value] = {
        "id": "token",
        "name": "token",
        "type": "password",
        "required": True,
        "autofocus": True,
        "autocomplete": "current-password",
        "aria-describedby": "token-help",
    }
    return _page(
        "Log in · gradientd",
        tag(
            "main",
            {"class": "login"},
            _brand(),
            tag("p", {"class": "notice bad", "role": "alert"}, problem) if problem else None,
            tag(
                "form",
                {"method": "post", "action": "/login"},
                tag("input", {"type": "text", "value": "gradientd", "autocomplete": "username", "hidden": True}),
                tag("label", {"for": "token"}, "Token"),
                tag("input", field),
                tag("p", {"id": "token-help", "class": "detail"}, "The one that GRADIENT_HTTP_TOKEN holds."),
                tag("button", {"class": "button"}, "Log in"),
            ),
        ),
    )


def problem_page(sentence: str) -> str:
    """What a browser shows that was refused something."""
    back = tag("a", {"class": "button", "href": "/"}, "Back to the status page")
    return _page("gradientd", tag("main", {"class": "login"}, _brand(), tag("p", {"role": "alert"}, sentence), back))


def _page(page_title: str, *body: Child) -> str:
    version = {"v": gradientd.__version__}
    return document(
        tag(
            "html",
            {"lang": "en"},
            tag(
                "head",
                None,
                tag("meta", {"charset": "utf-8"}),
                tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
                tag("meta", {"name": "color-scheme", "content": "light dark"}),
                tag("meta", {"name": "robots", "content": "noindex"}),
                tag("title", None, page_title),
                tag("link", {"rel": "icon", "href": _static("icon.svg", version), "type": "image/svg+xml"}),
                tag("link", {"rel": "stylesheet", "href": _static("style.css", version)}),
                tag("script", {"src": _static("page.js", version), "defer": True}),
            ),
            tag("body", None, *body),
        )
    )


def _static(name: str, version: Mapping[str, str]) -> str:
    return f"/static/{name}?v={version['v']}"


def _live(name: str, live: Mapping[str, Markup]) -> Markup:
    """A part that the script puts anew when it has changed."""
    return tag("div", {"data-live": name}, live[name])


def _brand() -> Markup:
    return tag(
        "h1",
        None,
        tag("img", {"src": f"/static/icon.svg?v={gradientd.__version__}", "alt": "", "width": 28, "height": 28}),
        "gradientd",
    )


def _footer(look: Look) -> Markup:
    rights = None if look.visitor.may_change else "Read only: changes from other machines need GRADIENT_HTTP_TOKEN. "
    links = [("Metrics", "/metrics"), ("Status as JSON", "/api/status"), ("Readiness", "/readyz")]
    return tag(
        "footer",
        None,
        tag("noscript", None, tag("a", {"href": "/"}, "Refresh")),
        tag("p", {"id": "freshness"}, rights),
        tag("ul", None, [tag("li", None, tag("a", {"href": target}, name)) for name, target in links]),
    )
