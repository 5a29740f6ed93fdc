import signal
import subprocess
import sys
import threading
import time

import gevent
import pytest
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from gradientd import imaging
from gradientd.errors import DamagedImage, DecodeMemoryLost, DecodeTimeout, JobTimeout
from gradientd.imaging import Header, Limits
from gradientd.model import Gradient
from gradientd.worker.decoder import Decoder, MemoryBudget
from tests.real.console import wait_until

real_sleep = get_original("time", "sleep")
GRADIENT = Gradient(("#FF0000",), "#FF0000", "#880000", "#FFFFFF", "data:,")


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """imaging, replaced by one whose decode takes `seconds` in its thread."""
    knobs = {"seconds": 0.0, "memory": 10.0}
    header = Header("jpeg", 10, 10, 1, 10)
    monkeypatch.setattr(imaging, "read_header", lambda data, limits: header)
    monkeypatch.setattr(imaging, "decode", lambda data, limits, header: real_sleep(knobs["seconds"]))
    monkeypatch.setattr(imaging, "gradient_of", lambda thumbnail, extras: GRADIENT)
    return knobs


def decoder(threads: int = 2, timeout_s: float = 5.0) -> Decoder:
    return Decoder(threads, Limits(), timeout_s)


def test_hub_goes_on_while_a_thread_works(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.3
    beats = 0

    def beat() -> None:
        nonlocal beats
        while True:
            gevent.sleep(0.01)
            beats += 1

    beater = gevent.spawn(beat)
    assert decoder().gradient(b"x", remaining_s=9).gradient is GRADIENT
    beater.kill()
    assert beats > 5


def test_overrun_is_abandoned_and_its_thread_counts_as_lost_until_it_ends(picture: dict[str, float]) -> None:
    picture["seconds"] = 1.0
    pool = decoder(threads=1, timeout_s=0.05)
    with pytest.raises(DecodeTimeout, match=r"0\.05 s") as caught:
        pool.gradient(b"x", remaining_s=9)
    assert (caught.value.format, caught.value.width) == ("jpeg", 10)
    assert pool.lost_threads == 1
    assert pool.is_exhausted
    wait_until(lambda: pool.lost_threads == 0)
    assert not pool.is_exhausted


def test_jobs_own_limit_is_told_apart_from_the_decode_deadline(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.2
    with pytest.raises(JobTimeout):
        decoder(timeout_s=5).gradient(b"x", remaining_s=0.05)


def test_waiting_for_a_thread_is_not_charged(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.2
    pool = decoder(threads=1, timeout_s=0.35)
    jobs = [gevent.spawn(pool.gradient, b"x", remaining_s=9) for _ in range(4)]
    gevent.joinall(jobs, raise_error=True)
    assert [job.get().gradient for job in jobs] == [GRADIENT] * 4


def test_thread_finds_its_next_picture_without_the_hub(
    monkeypatch: pytest.MonkeyPatch, picture: dict[str, float]
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(imaging, "decode", lambda data, limits, header: decoded.append(data))
    pool = decoder(threads=1)
    jobs = [gevent.spawn(pool.gradient, data, remaining_s=9) for data in (b"one", b"other")]
    gevent.sleep(0)
    until = time.monotonic() + 5
    while len(decoded) < 2 and time.monotonic() < until:
        real_sleep(0.01)  # the hub stands still
    assert decoded == [b"one", b"other"]
    gevent.joinall(jobs, raise_error=True)


def test_picture_that_is_given_up_before_its_thread_began_is_not_decoded_and_loses_none(
    monkeypatch: pytest.MonkeyPatch, picture: dict[str, float]
) -> None:
    decoded: list[object] = []

    def decode(data: object, limits: Limits, header: Header) -> None:
        decoded.append(data)
        real_sleep(0.2)

    monkeypatch.setattr(imaging, "decode", decode)
    pool = decoder(threads=1)
    first, second = (gevent.spawn(pool.gradient, data, remaining_s=9) for data in (b"one", b"other"))
    wait_until(lambda: bool(decoded))
    second.kill()
    assert pool.lost_threads == 0
    assert first.get().gradient is GRADIENT
    assert pool.gradient(b"third", remaining_s=9).gradient is GRADIENT
    assert decoded == [b"one", b"third"]


def test_error_of_the_picture_reaches_the_caller(monkeypatch: pytest.MonkeyPatch, picture: dict[str, float]) -> None:
    def damaged(data: object, limits: Limits, header: Header) -> None:
        raise DamagedImage("broken")

    monkeypatch.setattr(imaging, "decode", damaged)
    pool = decoder()
    with pytest.raises(DamagedImage, match="broken"):
        pool.gradient(b"x", remaining_s=9)
    assert pool.lost_threads == 0


def test_work_runs_outside_the_hubs_thread(monkeypatch: pytest.MonkeyPatch, picture: dict[str, float]) -> None:
    get_ident = get_original("_thread", "get_ident")
    seen: list[int] = []

    def look(*_: object) -> Gradient:
        seen.append(get_ident())
        return GRADIENT

    monkeypatch.setattr(imaging, "gradient_of", look)
    decoder().gradient(b"x", remaining_s=9)
    assert seen[0] != get_ident()
    assert threading.current_thread() is threading.main_thread()


def test_budget_lets_in_what_fits_and_makes_the_rest_wait_in_order() -> None:
    budget, entered = MemoryBudget(100), []

    def work(name: str, need: int) -> None:
        budget.admit(need)
        entered.append(name)

    for name, need in (("a", 60), ("b", 60), ("c", 10)):
        gevent.spawn(work, name, need)
    gevent.sleep(0.01)
    assert entered == ["a"]  # c would fit, but it came after b
    budget.give_back(60)
    gevent.sleep(0.01)
    assert entered == ["a", "b", "c"]


def test_killed_waiter_leaves_the_budget_whole() -> None:
    budget = MemoryBudget(100)
    budget.admit(100)
    waiters = [gevent.spawn(budget.admit, 100), gevent.spawn(budget.admit, 40)]
    gevent.sleep(0.01)
    waiters[0].kill()
    budget.give_back(100)
    waiters[1].join(timeout=1)
    budget.admit(60)
    assert waiters[1].ready()


def test_waiter_killed_just_after_its_turn_gives_it_back() -> None:
    budget = MemoryBudget(100)
    budget.admit(100)
    waiter = gevent.spawn(budget.admit, 100)
    gevent.sleep(0.01)
    waiter.kill(block=False)
    budget.give_back(100)
    with gevent.Timeout(1):
        budget.admit(100)
    assert waiter.ready()


def test_budget_is_given_back_only_when_an_abandoned_thread_ends(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.5
    pool = Decoder(2, Limits(memory_bytes=15), 0.3)
    with pytest.raises(DecodeTimeout):
        pool.gradient(b"x", remaining_s=9)
    picture["seconds"] = 0.0
    began = time.monotonic()
    pool.gradient(b"x", remaining_s=9)
    assert time.monotonic() - began > 0.1


def test_picture_that_waits_in_vain_for_lost_memory_is_told_and_the_worker_too(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.5
    pool = Decoder(2, Limits(memory_bytes=15), 0.05)
    with pytest.raises(DecodeTimeout):
        pool.gradient(b"x", remaining_s=9)
    with gevent.Timeout(0.4), pytest.raises(DecodeMemoryLost):
        pool.gradient(b"x", remaining_s=9)
    assert pool.is_exhausted
    picture["seconds"] = 0.0
    gevent.sleep(0.5)
    assert pool.gradient(b"x", remaining_s=9).gradient is GRADIENT


def test_picture_that_waits_for_memory_in_use_is_patient(picture: dict[str, float]) -> None:
    picture["seconds"] = 0.3
    pool = Decoder(2, Limits(memory_bytes=15), 0.4)
    done: list[Gradient] = []
    jobs = [gevent.spawn(lambda: done.append(pool.gradient(b"x", remaining_s=9).gradient)) for _ in range(4)]
    gevent.joinall(jobs, timeout=5)
    assert done == [GRADIENT] * 4
    assert not pool.is_exhausted


def test_thread_that_cannot_be_made_gives_its_place_and_its_memory_back(
    monkeypatch: pytest.MonkeyPatch, picture: dict[str, float]
) -> None:
    pool = decoder(threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(ThreadPool, "spawn", no_thread)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                pool.gradient(b"x", remaining_s=9)
    with gevent.Timeout(2):
        assert pool.gradient(b"x", remaining_s=9).gradient is GRADIENT


FROZEN_DECODE = """
from gevent import monkey; monkey.patch_all()
import time
from gradientd import imaging
from gradientd.imaging import Header, Limits
from gradientd.worker.decoder import Decoder

def work(*_):
    print("decoding", flush=True)
    until = time.thread_time() + 0.5
    while time.thread_time() < until:
        pass

imaging.read_header = lambda data, limits: Header("jpeg", 10, 10, 1, 10)
imaging.decode, imaging.gradient_of = work, lambda *_: "done"
print(Decoder(1, Limits(), 2.0).gradient(b"x", remaining_s=60).gradient, flush=True)
"""


def test_time_in_which_the_process_was_frozen_is_not_charged() -> None:
    with subprocess.Popen([sys.executable, "-c", FROZEN_DECODE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "decoding\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "done\n"


def no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")
