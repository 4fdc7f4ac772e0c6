"""The protocols: whole sets, the blocks of Extended Yale B, development classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import fetch_olivetti_faces

from benchmarks import records, sets, trials
from benchmarks.bench import Bench
from benchmarks.records import Case
from benchmarks.sets import ImageSet


@pytest.mark.parametrize(
    ("n", "count"), [(10, 29), (15, 24), (20, 19), (25, 14), (30, 9), (35, 4), (38, 1)]
)
def test_yale_b_has_the_papers_number_of_blocks(n: int, count: int) -> None:
    blocks = trials.blocks(n, 38)
    assert len(blocks) == len({block.name for block in blocks}) == count
    assert [block.classes for block in blocks] == [range(i, i + n) for i in range(count)]
    assert {block.pretrained_on for block in blocks} == {range(38)}


def test_all_classes_are_the_whole_set() -> None:
    assert trials.blocks(38, 38) == [trials.whole(38)]
    assert trials.blocks(10, 38)[2].name == "n10/block-03"


@pytest.mark.parametrize("n", [1, 39])
def test_a_block_has_two_classes_or_more_and_no_more_than_there_are(n: int) -> None:
    with pytest.raises(ValueError, match="2 to 38"):
        trials.blocks(n, 38)


def test_development_classes_are_all_that_stage_one_sees() -> None:
    trial = trials.development(1, 20, 40)
    assert trial.pretrained_on == trial.classes == range(20)
    with pytest.raises(ValueError, match="1 to 40"):
        trials.development(30, 41, 40)


def test_a_problem_is_shuffled_and_knows_its_way_back(digits: ImageSet) -> None:
    problem = trials.problem(digits, range(1, 3))
    assert len(problem.images) == 40
    assert (np.diff(problem.truth) != 0).sum() > 5
    members = np.flatnonzero(np.isin(digits.truth, (1, 2)))
    assert np.array_equal(problem.images, digits.images[members[problem.order]])
    assert np.array_equal(problem.truth, digits.truth[members[problem.order]] - 1)


def test_blocks_share_a_stage_one_of_all_images(
    bench: Callable[..., Bench], brief_case: Callable[..., Case], spy: Any
) -> None:
    blocks = trials.blocks(3, 4)
    made = bench(display := spy())
    made.run([brief_case(trial=block, view="plain") for block in blocks])
    assert [phase for phase, step in display.steps if step == 1].count("pretraining") == 1
    assert {r["stage_one"]["n_images"] for r in display.done_runs} == {80}
    assert [r["n_clusters"] for r in display.done_runs] == [3, 3]
    assert len(records.runs(made.results)) == 2
    own = brief_case(trial=trials.development(1, 3, 4))
    made.run([own])
    assert display.done_runs[-1]["stage_one"]["n_images"] == 60


def test_a_set_is_read_from_its_file(tmp_path: Path) -> None:
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    np.savez(tmp_path / "COIL20.npz", images=images, labels=np.array([0, 1]))
    found = sets.load("coil20", tmp_path)
    assert found.images.shape == (2, 1, 4, 4)
    assert found.images.dtype == np.float32
    assert found.images.max() == np.float32(31 / 255)
    assert found.n_classes == 2


@pytest.mark.parametrize("folder", [None, Path("/nowhere")])
def test_a_set_that_is_missing_is_named_with_the_remedy(folder: Path | None) -> None:
    with pytest.raises(sets.Missing, match=r"COIL100\.npz.*DATA=.*S2CONVSCN_BENCH_DATA"):
        sets.load("coil100", folder)


def test_the_olivetti_faces_are_halved(tmp_path: Path) -> None:
    faces = np.random.default_rng(0).random((400, 4096), dtype=np.float32)
    joblib.dump(faces, tmp_path / "olivetti_py3.pkz", compress=6)
    found = sets.load("olivetti", tmp_path)
    assert found.images.shape == (400, 1, 32, 32)
    faces = fetch_olivetti_faces(data_home=tmp_path).images
    assert found.images[7, 0, 3, 5] == pytest.approx(faces[7, 6:8, 10:12].mean(), rel=1e-6)
    assert found.n_classes == 40
