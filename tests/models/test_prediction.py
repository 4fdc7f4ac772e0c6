"""New images through a trained model: the head that training left, and images it has not seen."""

from typing import Any

import numpy as np
import pytest

from models import ensemble
from models.base import FloatArray, IntArray
from models.catalogue import parse
from models.methods.s2convscn import S2ConvSCN
from models.prediction import Predictor

BRIEF = {"pretrain_max_steps": 200, "pretrain_window": 100, "encoder": [[3, 8]]}
Subspaces = tuple[FloatArray, IntArray]


def halves(subspaces: Subspaces) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    X, truth = subspaces
    seen = np.arange(len(X)) % 3 > 0
    return np.ascontiguousarray(X[seen]), np.ascontiguousarray(X[~seen]), truth[seen], truth[~seen]


@pytest.mark.parametrize("view", ["plain", "mirror", "contrast"])
def test_images_that_were_trained_on_get_the_heads_labels(
    subspaces: Subspaces, recorder: Any, view: str
) -> None:
    method = S2ConvSCN(**BRIEF, epochs=5, view=view)
    found = method.fit(subspaces[0], 3, recorder())
    assert found.model is not None
    told: list[tuple[int, int]] = []
    again = Predictor(found.model).predict(subspaces[0], lambda *done: told.append(done))
    assert np.array_equal(again.labels, found.labelings["head"])
    np.testing.assert_allclose(again.embedding, found.embedding, rtol=1e-5, atol=1e-3)
    assert ((again.confidence >= 1 / 3) & (again.confidence <= 1)).all()
    assert told[-1] == (len(subspaces[0]), len(subspaces[0]))


def test_images_that_were_not_seen_go_to_the_clusters_of_their_kind(
    subspaces: Subspaces, recorder: Any
) -> None:
    seen, new, seen_truth, new_truth = halves(subspaces)
    found = S2ConvSCN(**BRIEF, epochs=300).fit(seen, 3, recorder())
    assert found.model is not None
    assert found.diagnostics["head_agreement"] == 1
    labels = Predictor(found.model).predict(new).labels
    owner = np.array([np.bincount(seen_truth[found.labels == k]).argmax() for k in range(3)])
    assert (owner[found.labels] == seen_truth).mean() > 0.95
    assert (owner[labels] == new_truth).mean() > 0.9


def test_the_head_of_an_ensemble_counts_as_the_consensus_does(
    subspaces: Subspaces, parted: Any
) -> None:
    found = ensemble.fit(S2ConvSCN(**BRIEF, epochs=60), subspaces[0], 3, parted(seed=5), 3)
    assert found.model is not None
    labels = Predictor(found.model).predict(subspaces[0]).labels
    assert (labels == found.labels).mean() > 0.9


def test_a_head_that_has_learnt_little_is_told_of(subspaces: Subspaces, recorder: Any) -> None:
    found = S2ConvSCN(**BRIEF, epochs=1).fit(subspaces[0], 3, recorder())
    agreement = (found.labelings["head"] == found.labels).mean()
    assert found.diagnostics["head_agreement"] == pytest.approx(agreement)
    assert agreement < 0.9
    (said,) = [notice.detail for notice in found.notices if notice.code == "weak-head"]
    assert f"{agreement:.0%}" in said


@pytest.mark.parametrize(
    "settings", [{"method": "dscnet"}, {"method": "s2convscn", "gamma4": 0}, {"method": "ae-ssc"}]
)
def test_a_model_without_a_head_predicts_nothing(
    subspaces: Subspaces, recorder: Any, settings: dict[str, Any]
) -> None:
    more = BRIEF | ({} if settings["method"] == "ae-ssc" else {"epochs": 2})
    method = parse(settings | more)
    assert not method.trains_head
    found = method.fit(subspaces[0], 3, recorder())
    assert found.model is not None
    with pytest.raises(ValueError, match="no trained head"):
        Predictor(found.model)
