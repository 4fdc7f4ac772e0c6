"""Runs are recorded whole, not repeated, resumed where they stopped, and share their stage I."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from zlib import decompress

import numpy as np
import pytest

from benchmarks import methods, records, trials
from benchmarks.bench import Bench
from benchmarks.records import Case
from benchmarks.sets import ImageSet
from models.base import Shape
from models.scores import score

MakeBench = Callable[..., Bench]
MakeCase = Callable[..., Case]


def fresh(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what differs from run to run: times and memory."""
    text = json.dumps(record)
    found = json.loads(text, object_hook=lambda item: {k: item[k] for k in item if k not in TIMES})
    return dict(found)


TIMES = {"seconds", "finished", "peak_bytes"}


def test_a_record_holds_all_that_was_asked(
    bench: MakeBench, brief_case: MakeCase, spy: Any
) -> None:
    case, made = brief_case(), bench(spy())
    made.run([case])
    path = case.path(made.results)
    assert path.name == "s2convscn-l1-brief-seed0.json"
    record = records.read(path)
    assert record is not None
    assert record["settings"]["epochs"] == 6
    assert record["machine"]["threads"] == 1
    assert {"python", "torch"} <= set(record["versions"])
    assert record["stage_one"]["steps"] == 12
    assert record["stage_one"]["stopped_by"] == "limit"
    assert set(record["scores"]) == {"processed", "plain", "head"}
    assert set(record["scores"]["plain"]) >= {"error", "accuracy", "nmi", "ari"}
    training = record["history"]["training"]
    assert len(training["epochs"]["L4"]) == len(training["epochs"]["C_Q_share"]) == 6
    assert training["rounds"]["epoch"] == [2, 4, 6]
    assert {"relative_eigengap", "components", "changed_labels"} <= set(training["rounds"])
    assert training["rounds"]["error"][-1] == record["scores"]["processed"]["error"]
    assert record["oracle"]["error"] == min(training["rounds"]["error"])
    assert set(record["seconds"]) == {"self_expression", "training", "final"}
    stage_one = records.read(
        records.stage_one_path(made.results, "orl", record["stage_one"]["name"])
    )
    assert stage_one is not None
    assert len(stage_one["history"]["L0"]) == record["stage_one"]["epochs"] == 6


def test_labels_are_kept_in_the_order_of_the_file(
    bench: MakeBench, brief_case: MakeCase, spy: Any, digits: ImageSet
) -> None:
    made = bench(display := spy())
    made.run([brief_case()])
    record = display.done_runs[0]
    body = decompress(b64decode(record["labels"]["processed"]["int16"]))
    labels = np.frombuffer(body, dtype="<i2").astype(np.int64)
    assert score(digits.truth, labels)["error"] == record["scores"]["processed"]["error"]


def test_a_known_run_is_skipped_and_one_with_other_settings_is_not(
    bench: MakeBench, brief_case: MakeCase, spy: Any
) -> None:
    bench(spy()).run([brief_case()])
    bench(second := spy()).run([brief_case()])
    assert len(second.known_runs) == 1
    assert not second.steps
    bench(third := spy()).run([brief_case(epochs=2)])
    assert third.done_runs[0]["settings"]["epochs"] == 2
    bench(fourth := spy()).run([brief_case(epochs=2)], again=True)
    assert len(fourth.done_runs) == 1


def test_a_setting_that_is_new_since_then_counts_as_at_its_default(brief_case: MakeCase) -> None:
    case = brief_case()
    chosen = methods.settings(case.method, case.choice, "orl", Shape(80, 1, 8, 8), 4)
    identity = case.identity(methods.relevant(case.method, chosen))
    older = {k: v for k, v in identity["settings"].items() if k != "tau"}
    assert records.same(identity | {"settings": older}, identity)
    assert not records.same(identity | {"settings": older | {"tau": 0.7}}, identity)
    assert not records.same(identity | {"settings": older | {"gone": 1}}, identity)
    assert not records.same(identity | {"seed": 1}, identity)


def test_stage_one_is_trained_once_and_gives_what_a_fit_alone_gives(
    bench: MakeBench, brief_case: MakeCase, spy: Any, digits: ImageSet
) -> None:
    bench(first := spy()).run([brief_case()])
    bench(second := spy()).run([brief_case("dscnet-l2"), brief_case("lsr-features")])
    assert "pretraining" in first.phases
    assert "pretraining" not in second.phases
    assert len({r["stage_one"]["name"] for r in first.done_runs + second.done_runs}) == 1
    bench(third := spy()).run([brief_case(seed=1)])
    assert "pretraining" in third.phases

    case = brief_case()
    chosen = methods.settings(case.method, case.choice, "orl", Shape(80, 1, 8, 8), 4)
    shuffled = trials.problem(digits, range(4))
    alone = chosen.fit(shuffled.images, 4, Unheard())
    error = score(shuffled.truth, alone.labels)["error"]
    assert first.done_runs[0]["scores"]["processed"]["error"] == error
    labels = np.empty(80, dtype=np.int64)
    labels[shuffled.order] = alone.labels
    kept = first.done_runs[0]["labels"]["processed"]["sha256"]
    assert records.packed(labels)["sha256"] == kept


class Unheard:
    """A run that nobody listens to."""

    device, seed = "cpu", 0

    def report(self, *_: Any, **__: Any) -> None: ...

    def resume(self) -> None:
        return None


@pytest.mark.parametrize("place", [("pretraining", 3), ("self_expression", 1), ("training", 5)])
def test_an_interrupted_run_goes_on_and_ends_like_an_undisturbed_one(
    place: tuple[str, int], bench: MakeBench, brief_case: MakeCase, spy: Any, tmp_path: Any
) -> None:
    undisturbed = bench(spy(), folder=tmp_path / "undisturbed")
    undisturbed.run([brief_case()])
    display = spy()
    display.interrupt_at = place
    with pytest.raises(KeyboardInterrupt):
        bench(display).run([brief_case()])
    made = bench(again := spy())
    made.run([brief_case()])
    phase, step = place
    assert again.steps[0] == (phase, step)  # interrupted before its state was saved
    expected = records.read(brief_case().path(undisturbed.results))
    found = records.read(brief_case().path(made.results))
    assert expected is not None
    assert found is not None
    assert fresh(found) == fresh(expected)
    assert not list(made.cache.rglob("running/**/*.npz"))


def test_a_run_with_other_settings_does_not_take_up_what_was_left(
    bench: MakeBench, brief_case: MakeCase, spy: Any
) -> None:
    display = spy()
    display.interrupt_at = ("training", 5)
    with pytest.raises(KeyboardInterrupt):
        bench(display).run([brief_case()])
    bench(other := spy()).run([brief_case(gamma3=0.5)])
    assert other.steps[0] == ("self_expression", 1)


def test_the_truth_changes_nothing_but_scores(
    bench: MakeBench, brief_case: MakeCase, spy: Any, digits: ImageSet, tmp_path: Any
) -> None:
    bench(first := spy()).run([brief_case()])
    other = digits._replace(truth=np.roll(digits.truth, 33))
    bench(second := spy(), other, tmp_path / "other").run([brief_case()])
    assert first.done_runs[0]["labels"] == second.done_runs[0]["labels"]
    assert first.done_runs[0]["scores"] != second.done_runs[0]["scores"]


def test_pixels_need_no_stage_one(bench: MakeBench, brief_case: MakeCase, spy: Any) -> None:
    bench(display := spy()).run([brief_case("lsr-pixels")])
    record = display.done_runs[0]
    assert not display.steps
    assert "stage_one" not in record
    assert set(record["scores"]) == {"processed", "plain"}
    assert set(record["settings"]) == {"view", "ridge", "postprocessing", "assign"}
    assert record["scores"]["processed"]["error"] < 0.2


def test_the_start_of_stage_two_is_a_row_of_its_own(
    bench: MakeBench, brief_case: MakeCase, spy: Any
) -> None:
    bench(display := spy()).run([brief_case("start"), brief_case("lsr-features")])
    begun, closed = display.done_runs
    assert begun["stage_one"] == closed["stage_one"]
    assert begun["settings"]["initial_coefficients"]
    assert begun["diagnostics"]["relative_eigengap"] >= closed["diagnostics"]["relative_eigengap"]


def test_a_run_that_diverges_is_recorded_as_such(
    bench: MakeBench, brief_case: MakeCase, spy: Any, digits: ImageSet
) -> None:
    hot = digits._replace(images=digits.images * np.float32(1e25))
    bench(display := spy(), hot).run([brief_case(view="plain")])
    assert "lower learning_rate" in display.done_runs[0]["failure"]
    assert "scores" not in display.done_runs[0]


def test_a_selection_records_every_candidate_with_its_error(
    bench: MakeBench, brief_case: MakeCase, spy: Any, digits: ImageSet
) -> None:
    made = bench(display := spy())
    made.run([brief_case(methods.SELECTED)])
    record = display.done_runs[0]
    tried = record["candidates"]
    assert len(tried) >= 7
    (kept,) = [c for c in tried if c["chosen"]]
    assert record["scores"]["processed"]["error"] == kept["error"]
    assert kept["agreement"] == max(c["agreement"] for c in tried)


def test_other_runs_have_no_candidates(bench: MakeBench, brief_case: MakeCase, spy: Any) -> None:
    bench(display := spy()).run([brief_case()])
    assert "candidates" not in display.done_runs[0]
