"""The simulation against the closed forms of queueing theory, and against what can be counted on one's fingers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import fmean

import pytest

from benchmarks.queueing import Arrival, Machine, Outcome, Place, Shape, Simulation, Stage, percentile, poisson

JOBS = 60_000
WARM_UP = 3_000


def erlang_c(servers: int, load: float) -> float:
    """The probability that a job has to wait in M/M/c; `load` is the offered load in erlangs (Erlang, 1917)."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


def exponential(mean_s: float) -> Callable[[random.Random], tuple[Stage, ...]]:
    def stages(chance: random.Random) -> tuple[Stage, ...]:
        return ((Place.THREAD, chance.expovariate(1 / mean_s)),)

    return stages


def settled(outcomes: list[Outcome]) -> list[Outcome]:
    return outcomes[WARM_UP:]


@pytest.mark.parametrize(("workers", "rate"), [(1, 0.6), (4, 3.0), (16, 13.6)])
def test_many_workers_of_one_slot_wait_as_m_m_c_says(workers: int, rate: float) -> None:
    done = settled(Simulation(workers, Shape(1, 1)).run(poisson(rate, JOBS, exponential(1.0))))
    expected = erlang_c(workers, rate)
    assert sum(job.wait_s > 0 for job in done) / len(done) == pytest.approx(expected, rel=0.1)
    assert fmean(job.wait_s for job in done) == pytest.approx(expected / (workers - rate), rel=0.12)


def test_threads_of_one_worker_are_waited_for_as_m_m_c_says() -> None:
    done = settled(Simulation(1, Shape(10_000, 4)).run(poisson(3.0, JOBS, exponential(1.0))))
    assert all(job.wait_s == 0 for job in done)  # in the queue, since there is always a slot
    assert fmean(job.latency_s for job in done) == pytest.approx(1 + erlang_c(4, 3.0) / (4 - 3.0), rel=0.06)


def test_constant_service_waits_half_as_long_as_pollaczek_and_khinchine_say() -> None:
    rate = 0.7
    done = settled(Simulation(1, Shape(1, 1)).run(poisson(rate, JOBS, lambda _: ((Place.THREAD, 1.0),))))
    assert fmean(job.wait_s for job in done) == pytest.approx(rate / (2 * (1 - rate)), rel=0.1)


def test_the_network_keeps_nobody_waiting() -> None:
    done = Simulation(1, Shape(100, 1)).run([Arrival(0.0, ((Place.NETWORK, 1.0),))] * 100)
    assert {job.latency_s for job in done} == {1.0}


def test_downloads_overlap_with_the_decode_where_there_is_a_second_slot() -> None:
    album = [Arrival(0.0, ((Place.NETWORK, 1.0), (Place.THREAD, 1.0)))] * 4
    assert [job.latency_s for job in Simulation(1, Shape(1, 1)).run(album)] == [2.0, 4.0, 6.0, 8.0]
    assert max(job.latency_s for job in Simulation(1, Shape(2, 1)).run(album)) == 5.0


def test_the_interpreter_is_one_however_many_threads_there_are() -> None:
    done = Simulation(1, Shape(8, 8)).run([Arrival(0.0, ((Place.INTERPRETER, 0.25),))] * 8)
    assert max(job.latency_s for job in done) == 2.0


def test_servers_keep_nobody_in_line_and_take_from_cores_that_are_shared() -> None:
    both = [Arrival(0.0, ((Place.SERVER, 1.0),))] * 2
    assert {job.latency_s for job in Simulation(1, Shape(2, 1)).run(both)} == {1.0}
    assert {job.latency_s for job in Simulation(1, Shape(2, 1), machine=Machine(2)).run(both)} == {1.0}
    assert Simulation(1, Shape(2, 1), machine=Machine(1.6)).run(both)[1].latency_s == pytest.approx(1.25)
    assert {job.latency_s for job in Simulation(1, Shape(2, 1), machine=Machine(1)).run(both)} == {2.0}


def test_others_on_the_machine_have_their_share_of_it() -> None:
    done = Simulation(1, Shape(1, 1), machine=Machine(1, others=1.0)).run([Arrival(0.0, ((Place.THREAD, 1.0),))])
    assert [job.latency_s for job in done] == [2.0]


def test_the_network_takes_from_no_core() -> None:
    stages = ((Place.NETWORK, 1.0), (Place.THREAD, 1.0))
    done = Simulation(2, Shape(1, 1), machine=Machine(1)).run([Arrival(0.0, stages), Arrival(1.0, stages)])
    assert [job.latency_s for job in done] == [2.0, 2.0]


def test_who_comes_later_slows_those_who_are_there() -> None:
    one = ((Place.THREAD, 1.0),)
    done = Simulation(2, Shape(1, 1), machine=Machine(1)).run([Arrival(0.0, one), Arrival(0.5, one)])
    assert [job.latency_s for job in done] == [pytest.approx(1.5), pytest.approx(1.5)]


@pytest.mark.parametrize("stages_of", [exponential(1.0), lambda _: ((Place.THREAD, 1.0),)], ids=["M", "D"])
def test_one_shared_core_takes_as_long_as_processor_sharing_says(
    stages_of: Callable[[random.Random], tuple[Stage, ...]],
) -> None:
    """M/G/1-PS: the mean latency is the service over what is left, whatever the distribution (Kleinrock, 1967)."""
    done = settled(Simulation(1, Shape(10_000, 10_000), machine=Machine(1)).run(poisson(0.7, JOBS, stages_of)))
    assert fmean(job.latency_s for job in done) == pytest.approx(1 / (1 - 0.7), rel=0.08)


def test_shared_cores_take_as_long_as_m_m_c_says() -> None:
    done = settled(Simulation(4, Shape(10_000, 10_000), machine=Machine(4)).run(poisson(3.0, JOBS, exponential(1.0))))
    assert fmean(job.latency_s for job in done) == pytest.approx(1 + erlang_c(4, 3.0) / (4 - 3.0), rel=0.06)


def test_albums_keep_the_rate_and_lengthen_the_wait() -> None:
    def run(album: float) -> tuple[float, float]:
        arrivals = list(poisson(2.0, JOBS // 3, lambda _: ((Place.THREAD, 0.1),), album=album))
        return len(arrivals) / arrivals[-1].at, fmean(job.wait_s for job in Simulation(1, Shape(1, 1)).run(arrivals))

    (rate, alone), (same_rate, together) = run(1), run(20)
    assert same_rate == pytest.approx(rate, rel=0.1)
    assert together > 10 * alone


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    def run(seed: int) -> list[Outcome]:
        return Simulation(2, Shape(2, 1), seed).run(poisson(15.0, 500, exponential(0.1), seed=seed))

    assert run(1) == run(1) != run(2)


def test_percentile_is_a_value_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([1.0], 0.99) == 1.0
