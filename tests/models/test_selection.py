"""Selection without labels: what is tried, what is kept, and how it goes on after a stop."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from models import selection
from models.base import FloatArray, IntArray, Shape, Stopped
from models.methods.dscnet import DSCNet
from models.methods.s2convscn import S2ConvSCN

Subspaces = tuple[FloatArray, IntArray]
METHOD = S2ConvSCN(view="plain", pretrain_max_steps=20, epochs=4, round_epochs=2, encoder=((3, 4),))
AUTO = [
    "another-seed",
    "half-power",
    "double-power",
    "fewer-neighbours",
    "more-neighbours",
    "ridge-1",
    "ridge-3",
    "no-self-supervision",
    "as-asked",
]


def resolved(images: FloatArray) -> S2ConvSCN:
    return METHOD.resolve(Shape(*images.shape), 3)


def test_each_candidate_differs_in_one_thing(subspaces: Subspaces) -> None:
    settings = resolved(subspaces[0])
    found = settings.candidates()
    assert [c.name for c in found] == AUTO
    for candidate in found:
        different = {
            key
            for key in S2ConvSCN.model_fields
            if getattr(candidate.method, key) != getattr(settings, key)
        }
        assert different == set(candidate.changes)
        S2ConvSCN.model_validate(candidate.method.model_dump())
    assert [c.seed_offset for c in found] == [1] + [0] * 8
    clean_ups = [c.shown()["postprocessing"] for c in found[1:5]]
    base = settings.postprocessing
    assert base is not None
    assert base.neighbours is not None
    assert [c["power"] / base.power for c in clean_ups] == [0.5, 2, 1, 1]
    assert clean_ups[2]["neighbours"] < base.neighbours < clean_ups[3]["neighbours"]


@pytest.mark.parametrize("preset", ["orl", "coil20", "yaleb"])
def test_constants_with_a_threshold_vary_that(preset: str) -> None:
    settings = DSCNet().with_preset(preset, 20).resolve(Shape(100, 1, 32, 32), 20)
    found = settings.candidates()
    names = [c.name for c in found]
    assert {"fewer-coefficients", "more-coefficients"} < set(names)
    assert not {"no-self-supervision", "ridge-1"} & set(names)
    assert ("half-power" in names) == (preset != "orl")
    for candidate in found:
        DSCNet.model_validate(candidate.method.model_dump())


def test_the_candidate_with_which_others_agree_is_kept(subspaces: Subspaces, parted: Any) -> None:
    run = parted(seed=3)
    found = selection.fit(METHOD, subspaces[0], 3, run)
    candidates = resolved(subspaces[0]).candidates()
    alone = [c.method.fit(subspaces[0], 3, parted(seed=3 + c.seed_offset)) for c in candidates]
    for tried, candidate, fit in zip(found.candidates, candidates, alone, strict=True):
        others = [a.labels for a in alone if a is not fit]
        agreement = np.mean([adjusted_rand_score(fit.labels, labels) for labels in others])
        assert tried["agreement"] == pytest.approx(agreement)
        assert tried["name"] == candidate.name
        assert tried["seed"] == 3 + candidate.seed_offset
        assert tried["relative_eigengap"] == fit.diagnostics["relative_eigengap"]
        assert np.array_equal(found.labelings[candidate.name], fit.labels)
    (kept,) = [k for k, tried in enumerate(found.candidates) if tried["chosen"]]
    agreements = [tried["agreement"] for tried in found.candidates]
    assert agreements[kept] == max(agreements) == found.diagnostics["candidate_agreement"]
    assert np.array_equal(found.labels, alone[kept].labels)
    np.testing.assert_array_equal(found.coefficients, alone[kept].coefficients)
    assert any(notice.code == "selected" for notice in found.notices) == (kept != 8)


def test_of_equals_the_settings_as_asked_are_kept(subspaces: Subspaces, parted: Any) -> None:
    sofar = selection.Selection(parted(), resolved(subspaces[0]).candidates())
    sofar.labels = [subspaces[1]] * len(sofar.candidates)
    assert sofar.chosen().name == "as-asked"
    sofar.labels[-1] = np.zeros_like(subspaces[1])
    assert sofar.chosen().name == "no-self-supervision"


def test_candidates_of_one_seed_share_stage_one(subspaces: Subspaces, parted: Any) -> None:
    class Counting(parted):  # type: ignore[misc]
        seen: tuple[tuple[int, str], ...] = ()

        def report(self, phase: str, step: int, total: int, **values: Any) -> None:
            self.seen = (*self.seen, (self.parts[-1][0], phase))
            super().report(phase, step, total, **values)

    run = Counting()
    selection.fit(METHOD.model_copy(update={"view": "eigengap"}), subspaces[0], 3, run)
    assert {part for part, phase in run.seen if phase == "preparing"} == {0}
    assert {part for part, phase in run.seen if phase == "pretraining"} == {0, 1}
    assert {part for part, phase in run.seen if phase == "training"} >= set(range(9))


def test_a_winner_that_is_fitted_once_more_goes_on_where_it_was(
    subspaces: Subspaces, parted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(parted):  # type: ignore[misc]
        def report(self, phase: str, step: int, total: int, **values: Any) -> None:
            self.stop_at = ("training", 3) if self.parts[-1][0] == 9 else None
            super().report(phase, step, total, **values)

    monkeypatch.setattr(selection.Selection, "chosen", lambda self: self.candidates[2])
    run = Interrupted(seed=2**32 - 1)
    with pytest.raises(Stopped):
        selection.fit(METHOD, subspaces[0], 3, run)
    again = parted(seed=2**32 - 1, state=run.state)
    found = selection.fit(METHOD, subspaces[0], 3, again)
    assert again.parts == ((9, 10),)
    assert found.candidates[0]["seed"] == 0
    assert found.candidates[2]["chosen"]
    assert np.array_equal(found.labels, found.labelings["double-power"])
    assert [notice.code for notice in found.notices][-1] == "selected"


@pytest.mark.parametrize(
    ("part", "place"), [(0, ("pretraining", 2)), (1, ("training", 3)), (4, ("training", 1))]
)
def test_a_stopped_selection_goes_on_where_it_was(
    part: int, place: tuple[str, int], subspaces: Subspaces, parted: Any
) -> None:
    class Interrupted(parted):  # type: ignore[misc]
        def report(self, phase: str, step: int, total: int, **values: Any) -> None:
            self.stop_at = place if self.parts[-1][0] == part else None
            super().report(phase, step, total, **values)

    expected = selection.fit(METHOD, subspaces[0], 3, parted())
    run = Interrupted()
    with pytest.raises(Stopped):
        selection.fit(METHOD, subspaces[0], 3, run)
    again = parted(state=run.state)
    found = selection.fit(METHOD, subspaces[0], 3, again)
    assert again.parts[0] == (part, 10)
    assert np.array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.affinity, expected.affinity)
    assert found.candidates == expected.candidates
