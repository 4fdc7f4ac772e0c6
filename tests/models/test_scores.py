import numpy as np
import pytest

from models.scores import confidence, score


def test_a_renamed_perfect_clustering_scores_one() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    found = score(truth, np.array([2, 2, 0, 0, 1, 1]))
    assert found["error"] == 0
    assert all(found[k] == pytest.approx(1) for k in ("accuracy", "nmi", "ari", "purity"))


def test_accuracy_matches_clusters_to_classes_one_to_one() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    found = score(truth, np.array([0, 0, 1, 1, 2, 2]))
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["purity"] == pytest.approx(5 / 6)


def test_more_clusters_than_classes_and_fewer() -> None:
    assert score(np.array([0, 0, 0, 0]), np.array([0, 1, 2, 3]))["accuracy"] == pytest.approx(1 / 4)
    assert score(np.array([0, 1, 2, 3]), np.array([0, 0, 0, 0]))["accuracy"] == pytest.approx(1 / 4)


def test_confidence_is_the_share_of_affinity_inside_the_cluster() -> None:
    A = np.array([[9, 3, 1], [3, 9, 0], [1, 0, 9]], dtype=np.float32)
    assert confidence(A, np.array([0, 0, 1])) == pytest.approx([0.75, 1.0, 0.0])
