from benchmarks.report import Goal, Section, Table, ratios, spread


def test_spread_shows_the_median_and_the_extremes_and_one_value_stands_alone() -> None:
    assert f"{spread([3.0, 1.0, 2.0]):.1f}" == "2.0 [1.0 to 3.0]"
    assert f"{spread([3.0]):.1f}" == "3.0"


def test_ratio_is_of_neighbours_not_of_medians() -> None:
    assert ratios([1.0, 8.0, 3.0], [2.0, 4.0, 3.0]).values == (0.5, 2.0, 1.0)


def test_goal_at_its_limit_is_met_from_either_side() -> None:
    assert Goal("cost", 1.2, 1.2).is_met
    assert not Goal("cost", 1.2001, 1.2).is_met
    assert Goal("share", 0.85, 0.85, at_least=True).is_met
    assert not Goal("share", 0.8499, 0.85, at_least=True).is_met


def test_miss_is_said_wherever_the_value_is() -> None:
    missed = Goal("cost", 1.3, 1.2)
    assert missed.reached == "1.30 (missed)"
    assert "MISSED  cost: 1.30 (missed), at most 1.2 wanted" in Section("One", "two", goals=(missed,)).text()


def test_table_stands_in_columns_and_in_markdown() -> None:
    table = Table(("what", "ms"), (("one", "1.0"), ("another", "10.0")))
    assert table.text().splitlines() == ["  what       ms", "  one       1.0", "  another  10.0"]
    assert table.markdown().splitlines()[1:3] == ["| --- | ---: |", "| one | 1.0 |"]
