from gradientd.jobqueue import Lengths, WorkerSeen
from gradientd.web.history import History, Rates
from gradientd.web.page.plots import sparkline

EMPTY = Lengths(0, 0, 0, 0)


def seen(worker_id: str, processed: int, failed: int = 0, state: str = "running") -> WorkerSeen:
    return WorkerSeen(worker_id, 0, state, processed=processed, failed=failed)


def rates_of(*moments: tuple[float, list[WorkerSeen] | None]) -> list[Rates | None]:
    history = History()
    for at_s, workers in moments:
        history.add(at_s, EMPTY, workers)
    return [sample.rates for sample in history.samples]


def test_rate_is_what_the_fleet_did_over_the_window() -> None:
    moments = [(10.0 * n, [seen("a", 100 + 20 * n, n), seen("b", 10 * n)]) for n in range(7)]
    assert rates_of(*moments)[-1] == Rates(completed=3.0, failed=0.1)


def test_what_a_worker_did_before_it_was_known_counts_nothing() -> None:
    assert rates_of((0, []), (10, [seen("a", 5000)]), (20, [seen("a", 5010)]))[-1] == Rates(0.5, 0)


def test_worker_that_left_or_was_lost_takes_nothing_back() -> None:
    a, b = seen("a", 100), seen("b", 100)
    rates = rates_of((0, [a, b]), (10, [seen("a", 110), seen("b", 0, state="lost")]), (20, [seen("a", 120)]))
    assert rates[-1] == Rates(1.0, 0)


def test_worker_that_was_lost_for_a_moment_is_counted_on() -> None:
    lost = seen("a", 0, state="lost")
    assert rates_of((0, [seen("a", 100)]), (10, [lost]), (20, [seen("a", 120)]))[-1] == Rates(1.0, 0)


def test_no_rate_is_told_from_too_little() -> None:
    assert rates_of((0, [seen("a", 1)]), (5, [seen("a", 9)])) == [None, None]
    assert rates_of((0, [seen("a", 1)]), (30, None)) == [None, None]


def test_history_holds_half_an_hour() -> None:
    history = History()
    for n in range(1000):
        history.add(n * 5.0, EMPTY, None)
    assert history.samples[-1].at_s - history.samples[0].at_s == 359 * 5


def test_plot_keeps_peaks_and_gaps() -> None:
    times = [n * 5.0 for n in range(360)]
    values: list[float | None] = [0.0] * 360
    values[100] = 7.0
    values[200:212] = [None] * 12
    svg = sparkline("Waiting", times, values)
    assert "0 now, between 0 and 7" in svg
    assert svg.count("<polyline") == 2
    assert ",3.0" in svg  # the peak touches the top


def test_plot_of_nothing_says_so() -> None:
    assert "nothing known yet" in sparkline("Waiting", [], [])
    assert "nothing known yet" in sparkline("Waiting", [0.0], [None])
