"""The dead letters: what failed for good, why, and what can be done about it.

It refuses to show a job's inside: whoever needs it asks Redis.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

from gradientd.jobqueue import DeadLetter
from gradientd.web.actions import RETRIED_AT_ONCE, letter_id
from gradientd.web.page.look import Look, action_form, empty, section, when
from gradientd.web.page.markup import Markup, shown, tag
from gradientd.web.page.wording import number, plural, size
from gradientd.web.view import NEWEST_LETTERS

LETTERS_SHOWN = 50


def dead_letters(look: Look) -> Markup:
    """The newest, of one reason or of all."""
    view = look.view
    total = view.queue.lengths.dead if view.queue is not None else 0
    found = [letter for letter in view.letters if look.code in ("", letter.code)]
    if not view.letters:
        return section("dead-letters", "Dead letters", empty(look, "Nothing has failed for good."))
    return section(
        "dead-letters",
        f"{plural(total, 'dead letter')}",
        _reasons(look, total),
        _retry_all(look, found),
        tag("ul", {"class": "letters"}, [_letter(look, letter) for letter in found[:LETTERS_SHOWN]]),
        empty(look, f"Older ones are in /api/dead; here are the newest {LETTERS_SHOWN}.")
        if len(found) > LETTERS_SHOWN
        else None,
        empty(look, "None of the newest has this reason any more.") if not found else None,
    )


def _reasons(look: Look, total: int) -> Markup:
    """A link a reason, with how many of the newest letters have it."""
    counts = Counter(letter.code for letter in look.view.letters)
    links = [_reason("", "all", len(look.view.letters), is_chosen=not look.code)]
    links += [_reason(code, code, count, is_chosen=code == look.code) for code, count in counts.most_common()]
    label = "Reasons" if total <= NEWEST_LETTERS else f"Reasons of the newest {number(NEWEST_LETTERS)}"
    return tag("nav", {"class": "reasons", "aria-label": label}, tag("ul", None, links))


def _reason(code: str, name: str, count: int, *, is_chosen: bool) -> Markup:
    target = f"?{urlencode({'code': code})}#dead-letters" if code else "/#dead-letters"
    current = "true" if is_chosen else None
    attributes = {"href": target, "aria-current": current, "data-key": f"reason {code}"}
    return tag("li", None, tag("a", attributes, shown(name), tag("span", {"class": "count"}, number(count))))


def _retry_all(look: Look, found: list[DeadLetter]) -> Markup | None:
    if not (look.code and found and look.may_change):
        return None
    count = min(len(found), RETRIED_AT_ONCE)
    return action_form(
        look, "/api/dead/retry", f"Retry {plural(count, 'job')} with this reason", {"code": look.code}, key="retry all"
    )


def _letter(look: Look, letter: DeadLetter) -> Markup:
    return tag(
        "li",
        {"class": "letter"},
        tag(
            "div",
            None,
            tag("h3", {"class": "key"}, shown(letter.storage_key or f"job {letter.job_id}")),
            tag("p", {"class": "reason"}, tag("code", {"class": "code"}, letter.code), " ", shown(letter.message)),
            tag(
                "p",
                {"class": "meta"},
                when(letter.failed_at_ms, look.view.at_ms),
                tag("span", None, plural(letter.attempts, "attempt")),
                [tag("span", None, fact) for fact in _facts(letter)],
            ),
        ),
        _remedies(look, letter) if look.may_change else None,
    )


def _remedies(look: Look, letter: DeadLetter) -> Markup:
    named = letter_id(letter.name)
    return tag(
        "div",
        {"class": "remedies"},
        action_form(look, "/api/dead/retry", "Retry", {"letter": named}, key=f"retry {named}"),
        tag(
            "details",
            {"data-key": f"purge {named}"},
            tag("summary", {"class": "button quiet", "data-key": f"purge? {named}"}, "Purge"),
            action_form(
                look, "/api/dead/purge", "Forget it for good", {"letter": named}, key=f"purge {named}", is_grave=True
            ),
        ),
    )


def _facts(letter: DeadLetter) -> list[str]:
    """What was known of the picture; the letter comes from Redis, so each is looked at first."""
    details = letter.details
    facts = []
    if isinstance(details.get("format"), str):
        facts.append(details["format"])
    if _is_count(details.get("width")) and _is_count(details.get("height")):
        facts.append(f"{number(details['width'])} × {number(details['height'])}")
    if _is_count(details.get("byteCount")):
        facts.append(size(details["byteCount"]))
    return facts


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**53
