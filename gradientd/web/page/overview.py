"""The top of the page: is all well, how much is there to do, how fast is it done.

It refuses detail: the sections below have it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradientd.web.page.look import UNKNOWN, Look, action_form
from gradientd.web.page.markup import Child, Markup, tag
from gradientd.web.page.plots import sparkline
from gradientd.web.page.wording import duration, number, plural, rate, roughly
from gradientd.web.view import View
from gradientd.worker.breaker import Trouble
from gradientd.worker.stats import Outcome


def state(look: Look) -> Markup:
    """In one word whether work goes on, and the button that pauses or resumes it."""
    view = look.view
    word, kind = _state(view)
    button = None
    if look.may_change and view.queue is not None and view.queue.is_paused:
        button = action_form(look, "/api/resume", "Resume the fleet", {}, key="resume")
    elif look.may_change:
        button = action_form(look, "/api/pause", "Pause the fleet", {}, key="pause")
    return tag("div", {"class": "state"}, tag("p", {"class": f"pill {kind}"}, word), button)


def notices(look: Look) -> Markup:
    """What is wrong, as far as somebody should know."""
    view, condition = look.view, look.view.condition
    found: list[Markup] = []
    if condition.redis_trouble is not None:
        found.append(_trouble("Redis is unavailable", condition.redis_trouble))
    elif view.redis_problem is not None:
        found.append(_notice("bad", "Redis does not answer", view.redis_problem))
    if condition.storage_trouble is not None:
        found.append(_trouble("The breaker is open: the object storage is unavailable", condition.storage_trouble))
    elif view.storage_problem is not None:
        found.append(_notice("bad", "The object storage does not serve", view.storage_problem))
    if condition.is_stopping:
        found.append(_notice("warn", "This worker is stopping", "It takes no more jobs and lets the running ones end."))
    if view.queue is not None and view.queue.is_paused:
        found.append(_notice("warn", "The fleet is paused", "Jobs queue up; none is taken until somebody resumes."))
    lost = sum(worker.state == "lost" for worker in view.workers)
    if lost:
        whose, they = ("Its heartbeat has", "it") if lost == 1 else ("Their heartbeats have", "they")
        sentence = f"{whose} ended. What {they} had in work goes back to the queue when its leases expire."
        found.append(_notice("warn", f"{plural(lost, 'worker')} lost", sentence))
    return tag("div", {"class": "notices"}, found)


def tiles(look: Look) -> Markup:
    """The depths and the speed, each with its last half hour."""
    view = look.view
    dead = tag("a", {"href": "#dead-letters"}, "dead letters")
    return tag(
        "dl",
        {"class": "tiles"},
        _depth(view, "Waiting", "queue", _waiting_note(view)),
        _depth(view, "In work", "processing", _work_note(view)),
        _depth(view, "Retrying", "delayed", "after a growing pause"),
        _speed(view),
        _depth(view, "Failed for good", "dead", dead),
    )


def _state(view: View) -> tuple[str, str]:
    condition = view.condition
    if view.queue is None or condition.redis_trouble is not None:
        return "Redis unavailable", "bad"
    if condition.storage_trouble is not None or view.storage_problem is not None:
        return "Storage unavailable", "bad"
    if condition.is_stopping:
        return "Stopping", "warn"
    return ("Paused", "warn") if view.queue.is_paused else ("Running", "good")


def _trouble(title: str, trouble: Trouble) -> Markup:
    sentence = f"For {duration(trouble.for_s)}: {trouble.reason} Jobs lose no attempt; work goes on by itself."
    return _notice("bad", title, sentence)


def _notice(kind: str, title: str, sentence: str) -> Markup:
    return tag("div", {"class": f"notice {kind}"}, tag("strong", None, title), tag("p", None, sentence))


def _depth(view: View, name: str, field: str, note: Child) -> Markup:
    """A tile with one of the lengths."""
    figure = number(getattr(view.queue.lengths, field)) if view.queue is not None else UNKNOWN
    values = [None if at.lengths is None else float(getattr(at.lengths, field)) for at in view.history.samples]
    return _tile(view, name, figure, note, values)


def _speed(view: View) -> Markup:
    rates = view.history.latest_rates()
    figure = UNKNOWN if rates is None else rate(rates.completed)
    note = f"{number(view.readings.outcomes[Outcome.COMPLETED])} by this worker"
    values = [None if at.rates is None else at.rates.completed for at in view.history.samples]
    return _tile(view, "Completed", figure, note, values, unit=" a second")


def _tile(view: View, name: str, figure: str, note: Child, values: Sequence[float | None], unit: str = "") -> Markup:
    times = [at.at_s for at in view.history.samples]
    return tag(
        "div",
        {"class": "tile"},
        tag("dt", None, name),
        tag("dd", {"class": "figure"}, figure),
        tag("dd", {"class": "note"}, note),
        tag("dd", {"class": "trend"}, sparkline(name, times, values, unit)),
    )


def _waiting_note(view: View) -> str:
    if view.queue is None:
        return "unknown"
    queue, rates = view.queue, view.history.latest_rates()
    if not queue.lengths.queue:
        return "nothing to do"
    parts = []
    if queue.oldest_job_ms is not None:
        parts.append(f"the oldest for {roughly(queue.oldest_job_ms / 1000)}")
    if rates is not None and rates.completed > 0:
        parts.append(f"done in about {roughly(queue.lengths.queue / rates.completed)}")
    return ", ".join(parts) or "jobs without a time"


def _work_note(view: View) -> str:
    if view.queue is None:
        return "unknown"
    slots = sum(worker.concurrency for worker in view.workers if worker.state != "lost")
    note = f"of {plural(slots, 'slot')}"
    if view.queue.leases.expired:
        note += f", {plural(view.queue.leases.expired, 'lease')} expired"
    return note
