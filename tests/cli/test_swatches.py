import pytest

from gradientd.cli.swatches import channels, gradient_bar, swatch


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
