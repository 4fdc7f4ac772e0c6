"""Consensus over seeds: what is averaged, what is delivered, and how it goes on after a stop."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from models import ensemble
from models.alignment import align
from models.base import FloatArray, IntArray, Stopped
from models.methods.s2convscn import S2ConvSCN
from models.spectral import spectral_clustering

Subspaces = tuple[FloatArray, IntArray]
METHOD = S2ConvSCN(pretrain_max_steps=20, epochs=4, round_epochs=2, encoder=((3, 4),))


def test_the_mean_affinity_of_the_seeds_is_clustered(subspaces: Subspaces, parted: Any) -> None:
    run = parted(seed=7)
    found = ensemble.fit(METHOD, subspaces[0], 3, run, 3)
    members = [METHOD.fit(subspaces[0], 3, parted(seed=seed)) for seed in (7, 8, 9)]
    mean = np.mean([member.affinity for member in members], axis=0)
    np.testing.assert_allclose(found.affinity, mean, atol=1e-6)
    expected = spectral_clustering(found.affinity, 3, 7)
    assert np.array_equal(found.labels, align(expected.labels, members[-1].labels, 3))
    assert found.answer == "consensus"
    assert np.array_equal(found.labelings["consensus"], found.labels)
    assert np.array_equal(found.coefficients, members[-1].coefficients)
    agreement = np.mean([adjusted_rand_score(m.labels, found.labels) for m in members])
    assert found.diagnostics["member_agreement"] == pytest.approx(agreement)
    assert found.diagnostics["relative_eigengap"] == expected.relative_eigengap
    assert run.parts == ((0, 3), (1, 3), (2, 3))


def test_an_ensemble_of_one_is_the_method_itself(subspaces: Subspaces, parted: Any) -> None:
    run = parted()
    found = ensemble.fit(METHOD, subspaces[0], 3, run)
    alone = METHOD.fit(subspaces[0], 3, parted())
    assert np.array_equal(found.affinity, alone.affinity)
    assert found.answer == "spectral"
    assert run.parts == ()


@pytest.mark.parametrize("member", [0, 1])
def test_a_stopped_ensemble_goes_on_where_it_was(
    member: int, subspaces: Subspaces, parted: Any
) -> None:
    class Interrupted(parted):  # type: ignore[misc]
        def report(self, phase: str, step: int, total: int, **values: Any) -> None:
            self.stop_at = ("training", 3) if self.parts[-1][0] == member else None
            super().report(phase, step, total, **values)

    expected = ensemble.fit(METHOD, subspaces[0], 3, parted(), 2)
    run = Interrupted()
    with pytest.raises(Stopped):
        ensemble.fit(METHOD, subspaces[0], 3, run, 2)
    again = parted(state=run.state)
    found = ensemble.fit(METHOD, subspaces[0], 3, again, 2)
    assert again.parts == tuple((k, 2) for k in range(member, 2))
    assert np.array_equal(found.affinity, expected.affinity)
    assert np.array_equal(found.labels, expected.labels)
    assert dict(found.diagnostics) == dict(expected.diagnostics)
