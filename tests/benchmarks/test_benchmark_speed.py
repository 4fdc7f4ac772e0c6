"""What the benchmark of speed counts, whom it compares, and what it writes; no time is asserted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import document, records
from benchmarks.__main__ import main
from benchmarks.machine import provenance
from benchmarks.sets import ImageSet
from benchmarks.speed import cases, epochs, gpu, measure, memory, pretraining, spectral, timing
from benchmarks.speed.cases import Case
from benchmarks.speed.tables import KINDS


@pytest.fixture
def case(digits: ImageSet) -> Case:
    return Case("orl", digits.images, digits.n_classes, real=True, truth=digits.truth)


def test_contenders_take_turns_and_the_first_turn_is_not_counted() -> None:
    calls: list[str] = []
    found = timing.alternately({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert {name: len(times) for name, times in found.items()} == {"a": 2, "b": 2}


def test_ratios_are_medians_over_rounds() -> None:
    assert timing.ratio([2, 30, 4], [1, 10, 4]) == 2


def test_ours_and_the_yardstick_have_the_same_costs(case: Case) -> None:
    """Same encoder, weights and images, both heads new: L1 and the share of L3 agree exactly."""
    settings = case.settings().model_copy(update={"initial_value": 1e-4})
    ours = cases.ours(case, settings)
    theirs = cases.yardstick(case, settings, bare=False)
    with torch.no_grad():
        for mine, other in zip(
            (*ours.network.encoder.parameters(), *ours.network.decoder.parameters()),
            (*theirs.model.down.parameters(), *theirs.model.up.parameters()),
            strict=True,
        ):
            other.copy_(mine)
        theirs.model.C.fill_diagonal_(0)
    found, expected = ours.step(), theirs.step()
    for name in ("L0", "L1", "L2", "L3"):
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    assert set(found) >= set(expected)


def test_the_arithmetic_is_what_torch_counts_for_the_yardstick(case: Case) -> None:
    """Torch's counter sees the convolutions and products of the literal epoch, not its cdist."""
    settings = case.settings()
    yardstick = cases.yardstick(case, settings, bare=False)
    with FlopCounterMode(display=False) as counter:
        yardstick.step()
    ours = cases.ours(case, settings)
    N, n = len(case.images), case.n_clusters
    apart = 2e-9 * N * N * n  # Q Q^T, for which the yardstick has cdist
    counted = epochs.gflop(ours.network.encoder, N, n) - apart
    assert counted == pytest.approx(counter.get_total_flops() / 1e9, rel=0.01)


def test_synthetic_images_are_a_union_of_subspaces_of_the_sets_size() -> None:
    found = cases.synthetic("orl", cases.Size(40, 4, 6, 5))
    assert found.images.shape == (40, 1, 6, 5)
    assert found.n_classes == 4
    for k in range(4):
        own = found.images[found.truth == k].reshape(10, -1)
        assert np.linalg.matrix_rank(own, tol=1e-4) == cases.DIMENSION


def test_without_its_images_a_set_is_synthetic() -> None:
    found = cases.case("orl", None)
    assert not found.real
    assert found.images.shape == (400, 1, 32, 32)
    assert found.n_clusters == 40


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells peaks")
def test_the_peak_holds_at_least_c_its_gradient_and_moments(case: Case) -> None:
    images = np.random.default_rng(0).random((900, 1, 8, 8), dtype=np.float32)
    large = case._replace(images=images)
    assert memory.peak(large, "highest", 1) >= 4 * 4 * 900**2


def test_the_exact_partition_finds_blocks() -> None:
    owner = np.repeat(np.arange(3), (12, 8, 10))
    A = (owner[:, None] == owner) + 0.01
    for solver in (spectral.exact, spectral.ours, spectral.scikit_learn):
        assert adjusted_rand_score(owner, solver(A, 3)) == 1


def test_every_kind_is_measured_written_and_shown(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "case", lambda name, folder: case)
    monkeypatch.setattr(timing, "SHAPES", ())
    monkeypatch.setattr(memory, "few_features", lambda: case)
    monkeypatch.setattr(memory, "CONTENDERS", ("highest",))
    monkeypatch.setattr(pretraining, "STEPS", 1)
    kinds = ",".join([*(kind for kind in KINDS if kind != "memory"), "solvers"])
    arguments = ["speed", "--sets", "orl", "--rounds", "1", "--threads", "1", "--kinds", kinds]
    main(["--results", str(tmp_path), *arguments])
    found = records.of_family(tmp_path, records.SPEED)
    assert sorted(record["speed"] for record in found) == sorted(kinds.split(","))
    assert records.runs(tmp_path) == []
    printed = capsys.readouterr().out
    for name in document.OF_SPEED:
        if name != "speed memory" and not name.startswith("speed gpu"):
            assert "| ORL |" in document.table(name, found), name
            assert document.table(name, found) in printed
    assert document.table("speed memory", found) == "Not run."


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SystemExit, match="Nothing is timed as dreams"):
        main(["speed", "--kinds", "dreams"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="There is no CUDA device"):
        main(["--results", str(tmp_path), "speed", "--kinds", "gpu", "--sets", "orl"])
    assert not [*tmp_path.rglob("*.json")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_is_measured(case: Case) -> None:
    found = gpu.measure(case, 1)
    about = {"set": "orl", "n_images": len(case.images), "real": True}
    record = about | {"speed": "gpu"} | found | provenance("cuda")
    for name in ("gpu_jobs", "gpu_epochs", "gpu_truth"):
        assert "ORL" in document.table(f"speed {name}", [record])
    assert found["agreement"]["highest"] < 1e-3
