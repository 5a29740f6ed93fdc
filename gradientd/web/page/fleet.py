"""The fleet: every worker and what it has in hand.

It refuses to show more than a page can hold; the API has them all.
"""

from __future__ import annotations

from gradientd.jobqueue import InWork, WorkerSeen
from gradientd.web.page.look import UNKNOWN, Look, empty, section, when
from gradientd.web.page.markup import Child, Markup, shown, tag
from gradientd.web.page.wording import duration, number, plural

WORKERS_SHOWN = 100
JOBS_SHOWN = 8
_KINDS = {"running": "good", "waiting": "bad", "stopping": "warn", "lost": "bad"}
_COLUMNS = ("Worker", "State", "Working on", "Completed", "Failed", "Version", "Last heartbeat")


def fleet(look: Look) -> Markup:
    """A table with a row a worker."""
    workers = look.view.workers
    heading = f"Fleet of {plural(len(workers), 'worker')}" if workers else "Fleet"
    if not workers:
        return section("fleet", heading, empty(look, "No worker has sent a heartbeat lately."))
    names = [tag("th", {"scope": "col", "role": "columnheader"}, name) for name in _COLUMNS]
    # The roles are those that the elements have; a phone's layout would take them away.
    table = tag(
        "table",
        {"role": "table", "aria-labelledby": "fleet-heading"},
        tag("thead", {"role": "rowgroup"}, tag("tr", {"role": "row"}, names)),
        tag("tbody", {"role": "rowgroup"}, [_row(look, worker) for worker in workers[:WORKERS_SHOWN]]),
    )
    more = None
    if len(workers) > WORKERS_SHOWN:
        more = empty(look, f"{plural(len(workers) - WORKERS_SHOWN, 'worker')} more; /api/fleet has them all.")
    frame = {"class": "frame", "role": "group", "aria-label": "The fleet's table, which may scroll", "tabindex": "0"}
    return section("fleet", heading, tag("div", frame, table), more)


def _row(look: Look, worker: WorkerSeen) -> Markup:
    now_ms = look.view.at_ms
    is_this = worker.worker_id == look.view.worker_id
    name = tag("span", {"class": "name"}, shown(worker.host or worker.worker_id))
    is_known = worker.state != "lost"
    details = f"process {worker.pid}" if is_known else "known by its ID only"
    cells: list[Child] = [
        tag("span", {"class": f"pill {_KINDS.get(worker.state, 'warn')}"}, worker.state),
        _hands(worker),
        number(worker.processed) if is_known else UNKNOWN,
        number(worker.failed) if is_known else UNKNOWN,
        shown(worker.version) if is_known else UNKNOWN,
        when(now_ms - worker.beat_ago_ms, now_ms),
    ]
    return tag(
        "tr",
        {"role": "row"},
        tag(
            "th",
            {"scope": "row", "role": "rowheader", "title": worker.worker_id},
            name,
            tag("span", {"class": "detail"}, details, ", this one" if is_this else None),
        ),
        [tag("td", {"role": "cell", "data-label": name}, cell) for name, cell in zip(_COLUMNS[1:], cells, strict=True)],
    )


def _hands(worker: WorkerSeen) -> Markup:
    if worker.state == "lost":
        return tag("span", {"class": "detail"}, UNKNOWN)
    share = f"{len(worker.jobs)} of {worker.concurrency}"
    meter = tag("meter", {"max": max(worker.concurrency, 1), "value": len(worker.jobs), "title": share}, share)
    jobs = [_job(job) for job in worker.jobs[:JOBS_SHOWN]]
    if len(worker.jobs) > JOBS_SHOWN:
        jobs.append(tag("li", {"class": "detail"}, f"and {len(worker.jobs) - JOBS_SHOWN} more"))
    return tag(
        "div",
        {"class": "hands"},
        tag("p", {"class": "load"}, meter, tag("span", None, share)),
        tag("ul", None, jobs) if jobs else None,
    )


def _job(job: InWork) -> Markup:
    details = f"{job.phase}, {duration(job.for_ms / 1000)}"
    name = job.storage_key.rpartition("/")[2] or job.storage_key  # the end of a key tells more than its beginning
    key = tag("span", {"class": "key", "title": job.storage_key}, shown(name))
    return tag("li", None, key, tag("span", {"class": "detail"}, details))
