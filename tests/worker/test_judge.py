import pytest

from gradientd import errors
from gradientd.worker.judge import Verdict, judge, retry_delay_ms


def verdict(error: errors.GradientdError, attempts: int = 1, max_retries: int = 3, healthy: bool = True) -> Verdict:
    return judge(error, attempts=attempts, max_retries=max_retries, is_healthy=lambda: healthy)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_own_failure_is_retried_while_retries_are_left(attempts: int) -> None:
    assert verdict(errors.ObjectMissing(), attempts) is Verdict.RETRY


def test_own_failure_ends_after_the_last_retry() -> None:
    assert verdict(errors.ObjectMissing(), 4) is Verdict.FAIL
    assert verdict(errors.ObjectMissing(), 1, max_retries=0) is Verdict.FAIL


def test_permanent_failure_is_never_retried() -> None:
    assert verdict(errors.NotAnImage()) is Verdict.FAIL


@pytest.mark.parametrize("healthy", [True, False])
def test_outage_costs_no_attempt_whatever_the_probe_says(healthy: bool) -> None:
    assert verdict(errors.StorageUnavailable(), 4, healthy=healthy) is Verdict.RELEASE


def test_fault_is_the_objects_own_when_the_probe_finds_the_storage_healthy() -> None:
    assert verdict(errors.StorageFault(), 1, healthy=True) is Verdict.RETRY
    assert verdict(errors.StorageFault(), 4, healthy=True) is Verdict.FAIL
    assert verdict(errors.StorageFault(), 4, healthy=False) is Verdict.RELEASE


def test_only_a_failure_that_may_be_the_objects_own_is_worth_a_probe() -> None:
    def probe() -> bool:
        raise AssertionError("nobody needs to know")

    for error in (errors.ObjectMissing(), errors.NotAnImage(), errors.StorageUnavailable(), errors.RedisUnavailable()):
        judge(error, attempts=1, max_retries=3, is_healthy=probe)


@pytest.mark.parametrize(("attempts", "least_ms"), [(1, 2000), (2, 4000), (3, 8000)])
def test_retry_waits_two_to_the_attempts_seconds_and_at_most_a_quarter_more(attempts: int, least_ms: int) -> None:
    delays = [retry_delay_ms(attempts) for _ in range(200)]
    assert least_ms <= min(delays) < max(delays) <= least_ms * 1.25
