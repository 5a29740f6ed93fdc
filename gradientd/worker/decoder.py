"""Runs the pixel work in threads of its own, within a memory budget and a deadline, so that the hub never blocks.

It refuses to know what a picture is worth: failures go to the caller as errors.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import Semaphore
from gevent.threadpool import ThreadPool

from gradientd import imaging
from gradientd.errors import DecodeMemoryLost, DecodeTimeout, JobTimeout
from gradientd.imaging import Header, Limits
from gradientd.model import Gradient

T = TypeVar("T")
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
class _Ended(Generic[T]):
    """How work ended in its thread."""

    value: T | None = None
    error: Exception | None = None


def _end_of(work: Callable[[], T]) -> _Ended[T]:
    """Do the work and carry its error home as a value: gevent prints one that is raised in its threads."""
    try:
        return _Ended(value=work())
    except Exception as exc:
        return _Ended(error=exc)


def _wait_awake(result: AsyncResult[Any], timeout_s: float) -> bool:
    """Wait for at most `timeout_s` of this process's own time; returns whether the result is there.

    A process that stood still (a paused container, a suspended machine) is charged a slice at most for it: the picture
    in its hands is not to blame, and a decode that overruns is failed for good.
    """
    left_s = timeout_s
    while left_s > 0 and not result.ready():
        slice_s = min(left_s, SLICE_S)
        result.wait(slice_s)
        left_s -= slice_s
    return bool(result.ready())


class MemoryBudget:
    """Lets decodes in while their estimates fit together; first come, first served: a large one gets its turn.

    What an abandoned decode holds comes back when its thread ends, which may be never: whoever has waited for it for
    `patience_s` is told.
    """

    def __init__(self, total_bytes: int, patience_s: float | None = None) -> None:
        self._total = self._free = total_bytes
        self._lost = 0
        self._patience_s = patience_s
        self.is_short = False
        """Whether somebody waited in vain for what is lost."""
        self._waiting: deque[tuple[int, Event]] = deque()

    def admit(self, need: int) -> None:
        """Wait until `need` bytes are free and take them; a picture that could never fit must not come here.

        Raises DecodeMemoryLost.
        """
        if not self._waiting and need <= self._free:
            self._free -= need
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

    def give_back(self, need: int) -> None:
        """Return what `admit` took."""
        self._free += need
        self._call_next()

    def lose(self, need: int) -> None:
        """What `admit` took is in the hands of an abandoned decode."""
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
        while self._waiting and self._waiting[0][0] <= self._free:
            need, turn = self._waiting.popleft()
            self._free -= need
            turn.set()


class Decoder:
    """The decode threads. One that overruns its deadline cannot be stopped: it is abandoned, and counted as lost."""

    def __init__(self, threads: int, limits: Limits, timeout_s: float, extras: Iterable[str] = ()) -> None:
        self._extras = imaging.load_extras(extras)
        self._threads = threads
        self._limits = limits
        self._timeout_s = timeout_s
        self._budget = MemoryBudget(limits.memory_bytes, patience_s=timeout_s)
        self._pool = ThreadPool(threads)
        self._free_threads = Semaphore(threads)
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
        limits, started = self._limits, time.monotonic
        header = self._in_thread(lambda: imaging.read_header(data, limits), remaining_s)
        self._budget.admit(header.memory_bytes)

        def work() -> Decoded:
            begun = started()
            thumbnail = imaging.decode(data, limits, header)
            decoded = started()
            gradient = imaging.gradient_of(thumbnail, self._extras)
            return Decoded(gradient, header, decoded - begun, started() - decoded)

        try:
            return self._in_thread(work, remaining_s, header.memory_bytes)
        except DecodeTimeout as exc:
            exc.format, exc.width, exc.height = header.format, header.width, header.height
            raise

    def close(self) -> None:
        """Let the idle threads go; lost ones die with the process."""
        if not self._lost:
            self._pool.kill()

    def _in_thread(self, work: Callable[[], T], remaining_s: float, held: int = 0) -> T:
        """Run `work` in a thread; the `held` bytes are given back when the thread is done, abandoned or not."""
        result = self._start(work, lambda: self._budget.give_back(held))
        try:
            is_done = _wait_awake(result, min(self._timeout_s, remaining_s))
        except gevent.GreenletExit:
            self._abandon(result, held)
            raise
        if not is_done:
            self._abandon(result, held)
            if remaining_s < self._timeout_s:
                raise JobTimeout("The job overran its time limit while its picture was decoded.")
            raise DecodeTimeout(f"The picture took more than {self._timeout_s:g} s to decode.")
        ended = cast(_Ended[T], result.get())
        if ended.error is not None:
            raise ended.error
        return cast(T, ended.value)

    def _start(self, work: Callable[[], T], on_end: Callable[[], None]) -> AsyncResult[_Ended[T]]:
        """Wait for a free thread, so that the deadline starts when a thread does; its place is free when it ends."""
        try:
            self._free_threads.acquire()
        except BaseException:
            on_end()
            raise

        def end(_: object) -> None:
            self._free_threads.release()
            on_end()

        try:
            result: AsyncResult[_Ended[T]] = self._pool.spawn(_end_of, work)
        except BaseException:  # no thread could be made, or the attempt was killed meanwhile
            end(None)
            raise
        result.rawlink(end)
        return result

    def _abandon(self, result: AsyncResult[Any], held: int) -> None:
        if result.ready():
            return

        def found(_: object) -> None:
            self._lost -= 1
            self._budget.find(held)

        self._lost += 1
        self._budget.lose(held)
        result.rawlink(found)
