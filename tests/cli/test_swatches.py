import pytest

from gradientd.cli.swatches import channels, gradient_bar, gradient_panel, picture_rows, swatch


def test_channels_of_a_colour() -> None:
    assert channels("#FF8000") == (255, 128, 0)


@pytest.mark.parametrize("colour", ["#FF80", "FF80001", "#GG0000", ""])
def test_something_else_is_no_colour(colour: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        channels(colour)


def test_swatch_is_text_on_true_colour_and_resets() -> None:
    assert swatch("#FF8000", "ab", "#000000") == "\x1b[48;2;255;128;0m\x1b[38;2;0;0;0mab\x1b[0m"


def test_bar_goes_from_the_first_colour_to_the_second() -> None:
    bar = gradient_bar("#000000", "#FF0064", 3)
    assert bar == "\x1b[48;2;0;0;0m \x1b[48;2;128;0;50m \x1b[48;2;255;0;100m \x1b[0m"
    assert gradient_bar("#102030", "#FFFFFF", 1) == "\x1b[48;2;16;32;48m \x1b[0m"


@pytest.mark.parametrize(
    ("colour", "number"),
    [("#000000", 16), ("#FFFFFF", 231), ("#FF0000", 196), ("#5F87AF", 67), ("#808080", 244), ("#121212", 233)],
)
def test_terminal_of_256_colours_gets_the_nearest_of_them(colour: str, number: int) -> None:
    assert swatch(colour, "x", colour, 256) == f"\x1b[48;5;{number}m\x1b[38;5;{number}mx\x1b[0m"


def test_panel_goes_from_corner_to_corner_as_css_does_and_carries_its_text() -> None:
    rows = gradient_panel(("#000000", "#FFFFFF"), ["ab"], "#FF0000", 4, 2, 2**24)
    assert [row.count("\x1b[48;2;") for row in rows] == [4, 4]
    grey = [[int(cell.split(";")[2]) for cell in row.split("\x1b[48;")[1:]] for row in rows]
    assert grey[0][0] == round(255 * 1.5 / 8)
    assert grey[1][3] == round(255 * 6.5 / 8)
    assert grey[0][2] == grey[1][0]  # a row down is two columns across
    assert "\x1b[38;2;255;0;0ma" in rows[0]
    assert all(row.endswith("\x1b[0m") for row in rows)


def test_two_rows_of_pixels_share_a_row_of_cells_and_an_odd_one_has_its_own() -> None:
    rows = picture_rows([[(1, 1, 1)], [(2, 2, 2)], [(3, 3, 3)]], 2**24)
    assert rows == ["\x1b[38;2;1;1;1m\x1b[48;2;2;2;2m▀\x1b[0m", "\x1b[38;2;3;3;3m▀\x1b[0m"]
    assert picture_rows([], 256) == []
