"""Runs the pixel work in threads of its own, within a memory budget and a deadline, so that the hub never blocks.

It refuses to know what a picture is worth: failures go to the caller as errors.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import gevent
from gevent.event import AsyncResult, Event
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from gradientd import imaging
from gradientd.errors import DecodeMemoryLost, DecodeTimeout, JobTimeout
from gradientd.imaging import Header, Limits
from gradientd.model import Extra, Gradient

SLICE_S = 0.1
"""A deadline is waited for in slices of this length, so that time in which nobody waited can be told."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A finished picture: its gradient, its header, and the seconds its stages took in the thread."""

    gradient: Gradient
    header: Header
    decode_s: float
    palette_s: float


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a task ended in its thread; neither when it could not be begun."""

    decoded: Decoded | None = None
    error: Exception | None = None


class MemoryBudget:
    """Lets decodes in while their estimates fit together; first come, first served: a large one gets its turn.

    What an abandoned decode holds comes back when its thread ends, which may be never: whoever has waited for it for
    `patience_s` is told.
    """

    def __init__(self, total_bytes: int, patience_s: float | None = None) -> None:
        self._total = self._free = total_bytes
        self._lost = 0
        self._patience_s = patience_s
        # A lock that no patch has touched: a thread's look at the budget must not run a hub of its own.
        self._counting = get_original("_thread", "allocate_lock")()
        self.is_short = False
        """Whether somebody waited in vain for what is lost."""
        self._waiting: deque[tuple[int, Event]] = deque()

    def admit(self, need: int) -> None:
        """Wait until `need` bytes are free and take them; a picture that could never fit must not come here.

        Raises DecodeMemoryLost.
        """
        if self.admit_at_once(need):
            return
        turn = Event()
        entry = (need, turn)
        self._waiting.append(entry)
        try:
            while not turn.wait(self._patience_s):
                self._insist_on_hope(need)
        except BaseException:
            if turn.is_set():
                self.give_back(need)
            else:
                self._waiting.remove(entry)
                self._call_next()
            raise

    def admit_at_once(self, need: int) -> bool:
        """Take `need` bytes if they are free and nobody waits for any; from any thread."""
        with self._counting:
            is_free = not self._waiting and need <= self._free
            if is_free:
                self._free -= need
            return is_free

    def give_back(self, need: int) -> None:
        """Return what was taken."""
        with self._counting:
            self._free += need
        self._call_next()

    def lose(self, need: int) -> None:
        """What was taken is in the hands of an abandoned decode."""
        self._lost += need

    def find(self, need: int) -> None:
        """It ended after all."""
        self._lost -= need
        self.is_short = False

    def _insist_on_hope(self, need: int) -> None:
        if need > self._total - self._lost:
            self.is_short = True
            raise DecodeMemoryLost("Abandoned decodes hold the memory that the picture needs.")

    def _call_next(self) -> None:
        with self._counting:
            while self._waiting and self._waiting[0][0] <= self._free:
                need, turn = self._waiting.popleft()
                self._free -= need
                turn.set()


class _Task:
    """One picture's work in a thread.

    The thread writes `begun` (monotonic seconds), `header` and `held`, the bytes of the budget that it may use; the
    hub writes `is_abandoned` before it reads them, so that one of the two always sees what the other did. With a
    `header` the picture has been looked at before, and its memory is there for it.
    """

    def __init__(
        self,
        data: imaging.Buffer,
        limits: Limits,
        extras: tuple[Extra, ...],
        budget: MemoryBudget,
        header: Header | None = None,
    ) -> None:
        self._data = data
        self._limits = limits
        self._extras = extras
        self._budget = budget
        self.begun: float | None = None
        self.header = header
        self.held = None if header is None else header.memory_bytes
        self.is_abandoned = False

    def run(self) -> _Ended:
        """Do the work and carry its error home as a value: gevent prints one that is raised in its threads."""
        self.begun = time.monotonic()
        try:
            return _Ended(decoded=self._decode(self.begun))
        except Exception as exc:
            return _Ended(error=exc)

    def _decode(self, begun: float) -> Decoded | None:
        """Header, pixels, gradient; None when nobody waits for it, or when its memory must be waited for."""
        if self.is_abandoned:
            return None
        header = self.header = self.header or imaging.read_header(self._data, self._limits)
        if self.held is None and self._budget.admit_at_once(header.memory_bytes):
            self.held = header.memory_bytes
        if self.held is None or self.is_abandoned:
            return None
        thumbnail = imaging.decode(self._data, self._limits, header)
        decoded = time.monotonic()
        gradient = imaging.gradient_of(thumbnail, self._extras)
        return Decoded(gradient, header, decoded - begun, time.monotonic() - decoded)


def _wait_awake(result: AsyncResult[_Ended], task: _Task, timeout_s: float) -> bool:
    """Wait for at most `timeout_s` of this process's own time since the task began; returns whether it has ended.

    A process that stood still (a paused container, a suspended machine) is charged a slice at most for it: the picture
    in its hands is not to blame, and a decode that overruns is failed for good.
    """
    left_s = timeout_s
    while left_s > 0 and not result.ready():
        slice_s = min(left_s, SLICE_S)
        result.wait(slice_s)
        if task.begun is not None:
            left_s -= min(slice_s, time.monotonic() - task.begun)
    return bool(result.ready())


class Decoder:
    """The decode threads. One that overruns its deadline cannot be stopped: it is abandoned, and counted as lost."""

    def __init__(self, threads: int, limits: Limits, timeout_s: float, extras: Iterable[str] = ()) -> None:
        self._extras = imaging.load_extras(extras)
        self._threads = threads
        self._limits = limits
        self._timeout_s = timeout_s
        self._budget = MemoryBudget(limits.memory_bytes, patience_s=timeout_s)
        self._pool = ThreadPool(threads)
        self._lost = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether decodes that do not end have taken every thread, or the memory that others wait for."""
        return self._lost >= self._threads or self._budget.is_short

    @property
    def lost_threads(self) -> int:
        """How many threads are busy with abandoned decodes."""
        return self._lost

    def gradient(self, data: imaging.Buffer, *, remaining_s: float) -> Decoded:
        """Decode `data` in a thread; `remaining_s` is what the job's own time limit leaves.

        Waiting for memory or for a thread is not charged to either deadline. Raises ImageError, DecodeTimeout,
        JobTimeout when it is the job's limit that ends first, or DecodeMemoryLost.
        """
        task = _Task(data, self._limits, self._extras, self._budget)
        try:
            while (decoded := self._in_thread(task, remaining_s)) is None:
                header = cast(Header, task.header)
                self._budget.admit(header.memory_bytes)
                task = _Task(data, self._limits, self._extras, self._budget, header)
        except DecodeTimeout as exc:
            if task.header is not None:
                exc.format, exc.width, exc.height = task.header.format, task.header.width, task.header.height
            raise
        return decoded

    def close(self) -> None:
        """Let the idle threads go; lost ones die with the process."""
        if not self._lost:
            self._pool.kill()

    def _in_thread(self, task: _Task, remaining_s: float) -> Decoded | None:
        """Run a task in a thread; None when its memory must be waited for.

        One task more than there are threads is handed over, so that a thread which ends finds its next at once.
        """
        try:
            result: AsyncResult[_Ended] = self._pool.spawn(task.run)
        except BaseException:  # no thread could be made, or the attempt was killed while it waited for one
            task.is_abandoned = True
            self._take_back(task)
            raise
        result.rawlink(lambda _: self._take_back(task))
        try:
            is_done = _wait_awake(result, task, min(self._timeout_s, remaining_s))
        except gevent.GreenletExit:
            self._abandon(result, task)
            raise
        if not is_done:
            self._abandon(result, task)
            if remaining_s < self._timeout_s:
                raise JobTimeout("The job overran its time limit while its picture was decoded.")
            raise DecodeTimeout(f"The picture took more than {self._timeout_s:g} s to decode.")
        ended = cast(_Ended, result.get())
        if ended.error is not None:
            raise ended.error
        return ended.decoded

    def _take_back(self, task: _Task) -> None:
        """The thread is done with it, abandoned or not."""
        self._budget.give_back(task.held or 0)

    def _abandon(self, result: AsyncResult[_Ended], task: _Task) -> None:
        """Leave a task to its thread; one that no thread has begun will not be."""
        if result.ready():
            return
        task.is_abandoned = True
        if task.begun is None:
            return
        held = task.held or 0

        def found(_: object) -> None:
            self._lost -= 1
            self._budget.find(held)

        self._lost += 1
        self._budget.lose(held)
        result.rawlink(found)
