"""What scaling_check makes of what it measures: a lone job's stages, the most that a fleet can do, the table."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.cores import machine_s, process_s, worth
from benchmarks.queueing import Outcome, Place, Shape
from benchmarks.scaling import Picture
from benchmarks.scaling_check import HEAD, Cost, Lone, Row, cost, most_jobs_a_s
from tests.real.pictures import jpeg

PICTURE = Picture("lake.jpg", 0.030, 1_000_000)
LONE = Lone(pickup_s=0.010, latency_s=0.100, worker_s=0.040, servers_s=0.008)


def seconds_at(place: Place, found: Cost) -> float:
    return sum(seconds for at, seconds in found.stages if at is place)


def test_a_lone_job_s_time_is_shared_out_and_none_of_it_twice() -> None:
    found = cost(PICTURE, LONE)
    assert seconds_at(Place.THREAD, found) == PICTURE.decode_s
    assert seconds_at(Place.INTERPRETER, found) == pytest.approx(0.010)
    assert seconds_at(Place.SERVER, found) == LONE.servers_s
    assert found.pickup_s + sum(seconds for _, seconds in found.stages) == pytest.approx(LONE.latency_s)


def test_a_decode_that_took_longer_here_than_the_whole_job_there_costs_no_less_than_nothing() -> None:
    found = cost(Picture("lake.jpg", 0.200, 1), LONE)
    assert min(seconds for _, seconds in found.stages) == 0.0


@pytest.mark.parametrize(
    ("workers", "shape", "cores", "most"),
    [
        (1, Shape(8, 1), 8.0, 1 / 0.030),  # its thread
        (2, Shape(1, 1), 8.0, 2 / 0.100),  # their slots
        (1, Shape(50, 50), 80.0, 1 / 0.010),  # its interpreter
        (9, Shape(8, 1), 2.0, 2 / 0.048),  # the machine: decode, interpreter and servers
    ],
)
def test_what_is_scarcest_bounds_the_fleet(workers: int, shape: Shape, cores: float, most: float) -> None:
    assert most_jobs_a_s(workers, shape, {"lake.jpg": cost(PICTURE, LONE)}, cores) == pytest.approx(most)


def test_a_row_has_a_cell_for_each_head() -> None:
    row = Row(1, 0.5, 3.0, 0.25, (Outcome(0.010, 0.100),), (Outcome(0.020, 0.200),))
    assert len(row.cells()) == HEAD.splitlines()[0].count("|") - 1
    assert row.cells()[4:6] == ("0.25", "10 / 20 = 0.50")


def test_a_process_s_seconds_are_part_of_the_machine_s() -> None:
    machine, own = machine_s(), process_s([os.getpid()])
    assert own == pytest.approx(time.process_time(), abs=0.05)
    while process_s([os.getpid()]) - own < 0.2:
        pass
    assert machine_s() - machine >= 0.15  # it counts in hundredths


def test_processors_together_are_worth_something_and_no_more_than_there_are(tmp_path: Path) -> None:
    picture = tmp_path / "lake.jpg"
    picture.write_bytes(jpeg())
    assert 0.3 < worth(picture, pace_s=0.2) <= (os.cpu_count() or 1)
