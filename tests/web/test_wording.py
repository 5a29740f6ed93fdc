import pytest

from gradientd.web.page.markup import Markup, tag
from gradientd.web.page.wording import ago, duration, iso, plural, rate, roughly, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0354, "35 ms"), (0.4, "0.4 s"), (9.99, "10.0 s"), (12, "12 s"), (60, "1 min"), (75, "1 min 15 s"),
     (3600, "1 h"), (3660, "1 h 1 min"), (93_600, "1 d 2 h")],
)  # fmt: skip
def test_duration_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.3, "a moment"), (59, "59 s"), (600, "10 min"), (200_000, "2 d")])
def test_rough_duration_has_one(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


@pytest.mark.parametrize(
    ("per_second", "words"), [(0, "0 /s"), (0.05, "3.0 /min"), (2.44, "2.4 /s"), (1234, "1,234 /s")]
)
def test_rate_reads_well(per_second: float, words: str) -> None:
    assert rate(per_second) == words


def test_time_ago_is_never_in_the_future() -> None:
    assert ago(5_000, 4_000) == "just now"
    assert ago(0, 60_000) == "1 min ago"


@pytest.mark.parametrize(("at_ms", "text"), [(0, "1970-01-01T00:00:00Z"), (1e30, ""), (-1e18, "")])
def test_time_beyond_any_calendar_is_left_out(at_ms: float, text: str) -> None:
    assert iso(at_ms) == text


def test_counts_and_sizes() -> None:
    assert [plural(n, "job") for n in (0, 1, 1234)] == ["0 jobs", "1 job", "1,234 jobs"]
    assert [size(n) for n in (1, 999, 41_000, 2_500_000)] == ["1 byte", "999 bytes", "41 kB", "2.5 MB"]


def test_all_but_markup_is_escaped() -> None:
    assert tag("p", {"title": '"<&'}, "<b>", Markup("<i>"), ["&", 7, None]) == (
        '<p title="&quot;&lt;&amp;">&lt;b&gt;<i>&amp;7</p>'
    )
    assert tag("br") == "<br>"
    assert tag("input", {"required": True, "checked": False, "value": None}) == "<input required>"


def test_markup_that_is_put_together_by_hand_is_no_markup() -> None:
    assert tag("p", None, tag("b") + "<script>") == "<p>&lt;b&gt;&lt;/b&gt;&lt;script&gt;</p>"
