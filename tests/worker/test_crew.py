from __future__ import annotations

import logging
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool

from gradientd.jobqueue import Taken
from gradientd.worker import crew as room
from gradientd.worker.crew import Crew

TAKEN = Taken("id", "id", "token", "{}", False, 0, 0)


def test_job_without_a_free_slot_is_refused_or_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    is_done = Event()

    class Attempt:
        def __init__(self, *_: object) -> None:
            self.run = is_done.wait

    monkeypatch.setattr(room, "Attempt", Attempt)
    crew = Crew(Pool(1), cast(Any, None), lambda: None, logging.getLogger())
    with gevent.Timeout(5):
        assert crew.work_on(TAKEN, waits=False)
        assert not crew.work_on(TAKEN, waits=False)
        waiting = gevent.spawn(crew.work_on, TAKEN, waits=True)
        gevent.sleep(0.01)
        assert not waiting.ready()
        is_done.set()
        assert waiting.get()
