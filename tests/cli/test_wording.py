import pytest

from gradientd.cli.wording import moment, plural, printable, span


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 ms"),
        (35, "35 ms"),
        (400, "0.4 s"),
        (12_000, "12 s"),
        (312_000, "5 min 12 s"),
        (273_600_000, "3 d 4 h"),
        (3_600_000, "1 h"),
    ],
)
def test_span_has_its_two_largest_units(ms: int, words: str) -> None:
    assert span(ms) == words


def test_name_cannot_speak_to_the_terminal() -> None:
    assert printable("grüße/東京.jpg") == "grüße/東京.jpg"
    assert printable("a\x1b[2Jb") == '"a\\u001b[2Jb"'
    assert printable("a\udcffb") == '"a\\udcffb"'


def test_empty_name_is_seen() -> None:
    assert printable("") == '""'


def test_moment_is_told_in_utc_and_nonsense_stays_a_number() -> None:
    assert moment(1_732_400_000_000) == "2024-11-23 22:13:20Z"
    assert moment(1e300) == "1e+300"


def test_one_is_singular() -> None:
    assert (plural(1, "job"), plural(1_000_000, "job")) == ("1 job", "1,000,000 jobs")
