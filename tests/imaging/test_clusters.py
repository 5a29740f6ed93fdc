import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradientd.imaging.clusters import cluster
from gradientd.imaging.color import Floats

COUNT = 5


def middles(points: Floats, weight: Floats) -> Floats:
    """The weighted means under each label that is used, by their first axis."""
    labels, central = cluster(points, weight, COUNT)
    found = [np.average(points[:, labels == label], axis=1, weights=central[labels == label]) for label in set(labels)]
    return np.array(sorted(found, key=lambda middle: float(middle[0])))


@given(st.integers(0, 2**32 - 1))
def test_groups_far_apart_are_each_found_however_small(seed: int) -> None:
    random = np.random.default_rng(seed)
    centres = np.stack([np.arange(COUNT), random.permutation(COUNT), random.permutation(COUNT)])
    sizes = random.permutation([200, 60, 20, 6, 2])
    points = np.repeat(centres, sizes, axis=1) + random.normal(0, 0.02, (3, sizes.sum()))
    assert middles(points, np.ones(sizes.sum())) == pytest.approx(centres.T, abs=0.08)


def test_a_few_strays_do_not_pull_a_middle_from_where_its_points_are() -> None:
    homes = np.repeat(np.array([[0.0, 1, 2, 3, 4]] * 3), 100, axis=1)
    strays = np.repeat([[4.8], [4.8], [4.8]], 8, axis=1)
    weight = np.ones(508)
    plain_mean = 4 + 0.8 * 8 / 108
    last = middles(np.concatenate([homes, strays], axis=1), weight)[-1]
    assert last[0] - 4 < 0.3 * (plain_mean - 4)


def test_points_on_one_spot_take_one_label() -> None:
    labels, central = cluster(np.full((3, 9), 0.25), np.arange(1.0, 10), COUNT)
    assert len(set(labels)) == 1
    assert np.all(central > 0)
