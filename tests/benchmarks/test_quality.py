import pytest

from benchmarks.quality import Compared, Errors


def errors(palette: float) -> Errors:
    return Errors(palette, gradient=1.0, placeholder=1.0, placeholder_bytes=300, shape=0.0)


def test_goal_is_judged_by_the_less_favourable_of_both_ratios() -> None:
    busy_is_better = Compared.of("palette", [(errors(4.0), errors(8.0)), (errors(0.9), errors(1.0))])
    assert busy_is_better.of_means == pytest.approx(4.9 / 9)
    assert busy_is_better.ratio == pytest.approx((0.5 + 0.9) / 2)
    calm_is_better = Compared.of("palette", [(errors(7.2), errors(8.0)), (errors(0.5), errors(1.0))])
    assert calm_is_better.ratio == pytest.approx(7.7 / 9)


def test_two_perfect_palettes_are_no_ratio_of_noise() -> None:
    assert Compared.of("palette", [(errors(1e-6), errors(1e-9)), (errors(1.0), errors(2.0))]).each == (1.0, 0.5)
