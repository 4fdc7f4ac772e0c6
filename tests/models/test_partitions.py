import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from models.base import IntArray
from models.partitions import adjusted_rand, likeness

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("clusters", [(1, 1), (1, 5), (2, 2), (3, 40), (200, 200)])
def test_adjusted_rand_is_scikit_learns(clusters: tuple[int, int]) -> None:
    a, b = (RNG.integers(0, k, 200) for k in clusters)
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand(b, a), abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0, 1, 2, 3], [3, 2, 1, 0]),
        ([0, 0, 0, 0], [1, 1, 1, 1]),
        ([0, 0, 1, 1], [0, 1, 0, 1]),
        ([0, 0, 0, 0], [0, 1, 2, 3]),
        ([7], [9]),
    ],
)
def test_adjusted_rand_at_its_ends(a: list[int], b: list[int]) -> None:
    expected = adjusted_rand_score(a, b)
    assert adjusted_rand(np.array(a), np.array(b)) == pytest.approx(expected, abs=1e-12)


def test_adjusted_rand_needs_no_table_of_all_clusters() -> None:
    each = np.arange(100_000)
    assert adjusted_rand(each, each[::-1].copy()) == 1
    assert adjusted_rand(each * 10**9, each) == 1


def noisy(truth: IntArray, share: float) -> IntArray:
    wrong = RNG.random(len(truth)) < share
    return np.where(wrong, RNG.integers(0, 4, len(truth)), truth)


def test_likeness_gives_each_group_one_voice() -> None:
    truth = np.arange(120) % 4
    groups = [[noisy(truth, s) for s in shares] for shares in [(0.1, 0.2), (0.3,), (0.5, 0.6, 0.7)]]
    first, second, third = likeness(groups)
    for labels, agreement in zip(groups[0], first.agreement, strict=True):
        voices = [np.mean([adjusted_rand_score(labels, o) for o in g]) for g in groups[1:]]
        assert agreement == pytest.approx(np.mean(voices))
    a, b, c = groups[2]
    pairs = [adjusted_rand_score(*pair) for pair in ((a, b), (a, c), (b, c))]
    assert third.stability == pytest.approx(np.mean(pairs))
    assert second.stability is None
    assert len(second.agreement) == 1


def test_likeness_of_what_is_there() -> None:
    labels = np.array([0, 0, 1, 1])
    alone, none = likeness([[labels, labels], []])
    assert alone == ([], 1)
    assert none == ([], None)
    assert likeness([[], []]) == [([], None)] * 2
