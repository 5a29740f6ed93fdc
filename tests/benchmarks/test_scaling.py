"""The planner: its answer is the smallest fleet that keeps the target, and its command line says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.queueing import Shape
from benchmarks.scaling import (
    BUILT_IN,
    DEFAULT_MIX,
    MOST_BUSY,
    Demand,
    Picture,
    Planner,
    Surroundings,
    demand_of,
    make_parser,
    report,
)

ROOT = Path(__file__).parents[2]
ONE_KIND = Demand(10.0, (Picture("any", 0.1, 0),), (1.0,))
FEW = 4_000
AT_HAND = Surroundings(overhead_s=0.001, storage_latency_s=0.0)


def test_the_answer_is_the_smallest_fleet_that_keeps_the_target_and_is_not_too_busy() -> None:
    planner = Planner(ONE_KIND, Shape(2, 1), AT_HAND, jobs=FEW)
    assert planner.worker_rate == pytest.approx(10.0)
    found = planner.find(0.25, 0.95)
    assert found is not None
    assert found.workers >= planner.least_workers == 2
    assert found.busy < MOST_BUSY
    assert found.latency_s(0.95) <= 0.25 < planner.try_out(found.workers - 1).latency_s(0.95)


def test_albums_need_more_workers_than_single_pictures() -> None:
    def needed(album: float) -> int:
        demand = Demand(10.0, ONE_KIND.pictures, (1.0,), album)
        found = Planner(demand, Shape(2, 1), AT_HAND, jobs=FEW).find(1.0, 0.95)
        assert found is not None
        return found.workers

    assert needed(30) > needed(1)


def test_a_picture_that_takes_longer_than_the_target_by_itself_has_no_fleet() -> None:
    assert Planner(ONE_KIND, Shape(2, 1), AT_HAND).find(0.09, 0.95) is None


def test_what_is_scarcest_bounds_a_worker() -> None:
    far = Surroundings(overhead_s=0.001, storage_latency_s=0.899)
    assert Planner(ONE_KIND, Shape(1, 1), far).worker_rate == pytest.approx(1.0, rel=0.01)  # the one slot
    assert Planner(ONE_KIND, Shape(50, 1), far).worker_rate == pytest.approx(10.0)  # the thread
    assert Planner(ONE_KIND, Shape(50, 50), Surroundings(overhead_s=0.02)).worker_rate == pytest.approx(50.0)  # Python


def test_list_length_is_what_one_worker_does_in_the_time_left() -> None:
    assert Planner(ONE_KIND, Shape(2, 1), AT_HAND).list_length(2.0, 0.95) == 18  # 10 a second for 1.9 s
    assert Planner(ONE_KIND, Shape(2, 1), AT_HAND).list_length(0.1, 0.95) == 1


def test_default_mix_is_of_built_in_pictures_and_another_name_is_refused() -> None:
    demand = demand_of(make_parser().parse_args(["--rate", "5"]))
    assert {picture.name for picture in demand.pictures} <= set(BUILT_IN)
    assert len(demand.pictures) == len(DEFAULT_MIX.split(","))
    with pytest.raises(SystemExit, match="'gif=1' is not NAME=SHARE"):
        demand_of(make_parser().parse_args(["--rate", "5", "--mix", "gif=1"]))


def test_command_line_answers_for_pictures_of_ones_own(tmp_path: Path) -> None:
    from tests.real.pictures import jpeg

    (tmp_path / "own.jpg").write_bytes(jpeg())
    command = [sys.executable, "-m", "benchmarks.scaling", "--rate", "5", "--pictures", str(tmp_path)]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    assert "workers needed: 1, for 95 of 100 pictures within 2000 ms" in asked.stdout
    assert "KEDA: listLength" in asked.stdout


def test_the_guide_s_example_is_what_the_program_says() -> None:
    demand = demand_of(make_parser().parse_args(["--rate", "50", "--album", "20"]))
    planner = Planner(demand, Shape(3, 1), Surroundings())
    example = report(planner, demand, Shape(3, 1), 2.0, 0.95)
    assert example in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
