from __future__ import annotations

from tests.chaos.evidence import ALL, FaultKind
from tests.chaos.plan import LONGER_THAN_ALL_RETRIES_S, PEERS, WORKERS, make_plan
from tests.chaos.proxy import Mode


def test_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert make_plan(1, 60) == make_plan(1, 60)
    assert make_plan(1, 60) != make_plan(2, 60)


def test_every_kind_of_fault_and_every_mode_of_both_links_comes_in_a_run() -> None:
    for seed in range(1, 6):
        injections = make_plan(seed, 150).injections
        assert {injection.kind for injection in injections} == set(FaultKind) - {FaultKind.STALL}
        for kind in (FaultKind.REDIS_LINK, FaultKind.S3_LINK):
            assert {i.mode for i in injections if i.kind is kind} == set(Mode) - {Mode.PASS}
        for member in WORKERS + PEERS:
            assert any(i.target == member for i in injections)


def test_one_outage_of_the_storage_is_longer_than_all_retries() -> None:
    longest = max(i.lasts_s for i in make_plan(1, 60).injections if i.kind is FaultKind.S3_LINK and i.target == ALL)
    assert longest >= LONGER_THAN_ALL_RETRIES_S > (2 + 4 + 8) * 1.25


def test_faults_do_not_overlap_on_one_target() -> None:
    last: dict[tuple[FaultKind, str], float] = {}
    for injection in make_plan(3, 150).injections:
        key = (injection.kind, injection.target)
        assert last.get(key, 0.0) <= injection.at_s
        last[key] = injection.at_s + injection.lasts_s


def test_jobs_of_every_form_and_every_breakage_have_names_of_their_own() -> None:
    jobs = make_plan(1, 60).jobs
    assert {job.how for job in jobs} == {"protocol", "inline", "queue"}
    assert len({job.order.job_id for job in jobs}) == len(jobs)
    assert {code for job in jobs for code in job.order.codes} >= {"object_missing", "not_an_image", "damaged_image"}
    assert any(job.order.is_ghost for job in jobs)
