import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from bench import patterns, write_dataset

from jobs.errors import Diverged, JobFailed, OutOfMemory, TrainerCrashed, UnsuitableData
from jobs.records import Artifact
from jobs.states import Phase
from models import landmarks
from models.base import Clustering, NotFinite, State, Stopped, Unsuitable
from models.catalogue import parse
from worker.exchange import Report, Scratch, Spec, read
from worker.trainer import checkpoints, session
from worker.trainer import run as surroundings
from worker.trainer.checkpoints import Checkpoint, Journal
from worker.trainer.files import neighbours
from worker.trainer.images import Loaded, load_images, load_truth, look_for_oddities, resize
from worker.trainer.main import classify
from worker.trainer.progress import Tracker
from worker.trainer.results import Judgement, certainty, summary
from worker.trainer.run import JobRun
from worker.trainer.session import fit

STATE = State(
    {
        "C": np.random.default_rng(0).random((3, 3)).astype(np.float32),
        "step": np.array(7.0, dtype=np.float32),
        "transposed": np.arange(6).reshape(2, 3).T,
        "rng": np.arange(5, dtype=np.uint8),
    },
    {"epoch": 3, "unit": 0.1 + 0.2},
)
JOURNAL = Journal([{"phase": "training", "loss": 1 / 3}], 0.5, 4, 12.5, {"torch": "2"})


def test_images_come_in_their_canonical_form(tmp_path: Path) -> None:
    pixels, truth = patterns(n=4)
    write_dataset(tmp_path / "set", pixels, truth)
    loaded = load_images(tmp_path / "set", None)
    assert loaded.images.dtype == np.float32
    assert loaded.images.shape == (4, 1, 8, 8)
    assert np.array_equal(loaded.images[2, 0], pixels[2, :, :, 0] / np.float32(255))
    assert (loaded.names[1], loaded.filters) == ("1.png", {})
    found = load_truth(tmp_path / "set")
    assert found is not None
    assert found.labels.tolist() == truth
    assert len(found.classes) == max(truth) + 1


def test_colour_images_of_mixed_sizes_are_resized(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = [(8, 8), (16, 16), (4, 4), (16, 4)]
    images = [rng.random((h, w, 3), dtype=np.float32) for h, w in sizes]
    write_dataset(tmp_path / "set", images, None)
    loaded = load_images(tmp_path / "set", (8, 8))
    assert loaded.images.shape == (4, 3, 8, 8)
    assert loaded.filters == {"LANCZOS": 1, "BICUBIC": 2}
    assert np.array_equal(loaded.images[0], images[0].transpose(2, 0, 1))
    assert loaded.images.min() >= 0
    assert loaded.images.max() <= 1
    assert load_truth(tmp_path / "set") is None


def test_feature_vectors_come_as_they_are(tmp_path: Path) -> None:
    rows = np.array([[-3.5, 0, 1e6, 2], [255, -1e-6, 7, 7]], np.float32)
    write_dataset(tmp_path / "set", rows[:, None, None], [0, 1])
    loaded = load_images(tmp_path / "set", None)
    assert loaded.images.shape == (2, 4, 1, 1)
    assert np.array_equal(loaded.images[:, :, 0, 0], rows)
    assert loaded.filters == {}


def test_shrinking_averages_and_keeps_a_constant() -> None:
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (1, 32, 16))
    shrunk, name = resize(stripes, (4, 4))
    assert name == "LANCZOS"
    assert np.allclose(shrunk, 0.5, atol=0.06)
    assert np.allclose(resize(np.full((1, 9, 7), 0.25, np.float32), (5, 3))[0], 0.25)


def test_the_fits_of_an_ensemble_share_the_time_of_one() -> None:
    now = [0.0]
    tracker = Tracker(clock=lambda: now[0], wall_clock=lambda: now[0])
    tracker.step(Phase.LOADING, 1, 1, {})
    fractions = []
    for part in range(4):
        tracker.part, tracker.parts = part, 4
        for phase in (Phase.PRETRAINING, Phase.TRAINING):
            for step in (1, 2):
                now[0] += 1
                progress = tracker.step(phase, step, 2, {})
                fractions.append(progress.fraction)
        assert tracker.place == {"member": part}
        assert progress.fraction == pytest.approx(0.02 + 0.93 * (part + 1) / 4)
        assert progress.finish_at is not None
        assert progress.finish_at - now[0] > 3.9 * (3 - part)
    assert fractions == sorted(set(fractions))
    assert tracker.step(Phase.SCORING, 0, 1, {}).fraction == pytest.approx(0.96)


def test_black_and_equal_images_are_noticed() -> None:
    images = np.random.default_rng(0).random((5, 1, 4, 4), dtype=np.float32)
    images[1] = 0
    images[4] = images[2]
    notices = look_for_oddities(images, ["a", "b", "c", "d", "e"])
    assert [n.code for n in notices] == ["black-images", "duplicate-images"]
    assert "b" in notices[0].detail
    assert "e = c" in notices[1].detail
    assert look_for_oddities(images[:1], ["a"]) == []


def test_a_checkpoint_comes_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / checkpoints.file_name(12)
    checkpoints.save(path, Checkpoint(STATE, JOURNAL))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-000012.safetensors"]
    back = checkpoints.load(path)
    assert (back.state.meta, back.journal) == (STATE.meta, JOURNAL)
    for name, array in STATE.arrays.items():
        assert back.state.arrays[name].dtype == array.dtype
        assert back.state.arrays[name].shape == array.shape
        assert np.array_equal(back.state.arrays[name], array)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    good, damaged, missing = (tmp_path / f"{name}.safetensors" for name in "gdm")
    checkpoints.save(good, Checkpoint(STATE, JOURNAL))
    damaged.write_bytes(good.read_bytes()[:-9])
    found = checkpoints.newest([missing, damaged, good])
    assert found is not None
    assert found.journal == JOURNAL
    assert checkpoints.newest([missing, damaged]) is None


def test_a_checkpoint_that_cannot_be_written_may_be_at_another_attempt(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "c.safetensors"
    with pytest.raises(OSError, match="I/O error") as found:
        checkpoints.save_arrays(nowhere, {"C": np.zeros(1)}, {})
    assert classify(found.value) is TrainerCrashed


def test_a_checkpoint_of_another_version_is_passed_over(tmp_path: Path) -> None:
    later = tmp_path / "later.safetensors"
    body = {"meta": {}, "journal": {"rows": [], "what_is_not_known_yet": 1}}
    checkpoints.save_arrays(later, {"C": np.zeros(1)}, {"state": json.dumps(body)})
    assert checkpoints.newest([later]) is None


def test_progress_never_goes_back_and_foresees_the_end() -> None:
    now = [100.0]
    tracker = Tracker(clock=lambda: now[0], wall_clock=lambda: now[0])
    fractions = []
    steps = [
        (Phase.LOADING, 1, 1),
        (Phase.PREPARING, 1, 4),
        *[(Phase.TRAINING, i, 10) for i in range(1, 11)],
    ]
    for phase, step, total in [*steps, (Phase.SELF_EXPRESSION, 1, 2), (Phase.PUBLISHING, 1, 1)]:
        now[0] += 2
        progress = tracker.step(phase, step, total, {"L0": 1.0, "bad": float("nan")})
        fractions.append(progress.fraction)
        assert (progress.finish_at is None) == (phase in {Phase.LOADING, Phase.PREPARING})
        if (phase, step) == (Phase.TRAINING, 5):
            assert progress.finish_at == pytest.approx(now[0] + 10 + 20 / 0.5 * 0.05)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert progress.losses == {"L0": 1.0}
    assert tracker.longest_step == 2


def test_a_clock_that_is_set_makes_no_step_long() -> None:
    steady, wall = [10.0], [1000.0]
    assert Tracker().clock is time.monotonic
    tracker = Tracker(clock=lambda: steady[0], wall_clock=lambda: wall[0])
    tracker.step(Phase.TRAINING, 1, 10, {})
    steady[0] += 2
    wall[0] += 3600
    progress = tracker.step(Phase.TRAINING, 2, 10, {})
    assert tracker.longest_step == 2
    assert progress.finish_at is not None
    assert progress.finish_at > wall[0]


def make_run(tmp_path: Path, *, seconds: float = 0, checkpoint: Checkpoint | None = None) -> JobRun:
    spec = Spec(
        job_id="job_1",
        attempt=2,
        scratch=tmp_path,
        dataset=tmp_path,
        source={},
        request={},
        method={},
        n_clusters=2,
        predicts=None,
        model={},
        seed=5,
        ensemble=1,
        landmarks=None,
        select=None,
        image_size=None,
        notices=[],
        checkpoints=[],
        next_checkpoint=8,
        checkpoint_seconds=seconds,
        device="cpu",
        threads=1,
    )
    Scratch(tmp_path).create()
    return JobRun(
        spec, device="cpu", threads=1, versions={}, checkpoint=checkpoint, stop=threading.Event()
    )


def test_a_run_keeps_every_epoch_and_saves_when_due(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.report("training", 1, 2, L0=0.1, L1=float("inf"))
    run.report("training", 2, 2, save=lambda: STATE, L0=0.05)
    assert run.rows == [
        {"phase": "training", "epoch": 1, "epochs": 2, "L0": 0.1, "L1": None},
        {"phase": "training", "epoch": 2, "epochs": 2, "L0": 0.05},
    ]
    report = read(Scratch(tmp_path).report, Report)
    assert report is not None
    assert (report.progress.epoch, report.progress.losses) == (2, {"L0": 0.05})
    record = json.loads((tmp_path / "checkpoints" / "checkpoint-000008.json").read_text())
    assert Artifact(**record).key == "jobs/job_1/2/checkpoint-000008.safetensors"
    saved = checkpoints.load(tmp_path / "checkpoints" / "checkpoint-000008.safetensors")
    assert saved.journal.rows == run.rows


def test_a_run_that_shall_stop_saves_first(tmp_path: Path) -> None:
    run = make_run(tmp_path, seconds=3600)
    run.report("training", 1, 2, save=lambda: STATE)
    assert list((tmp_path / "checkpoints").iterdir()) == []
    run._stop.set()
    with pytest.raises(Stopped):
        run.report("training", 2, 2, save=lambda: STATE)
    assert (tmp_path / "checkpoints" / "checkpoint-000008.safetensors").exists()


def test_a_run_that_shall_stop_does_not_begin(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run._stop.set()
    with pytest.raises(Stopped):
        fit(run._spec, parse({"method": "s2convscn"}), run)


def test_a_resumed_run_goes_on_with_the_metrics_and_seconds_so_far(tmp_path: Path) -> None:
    run = make_run(tmp_path, checkpoint=Checkpoint(STATE, JOURNAL))
    assert run.resume() is STATE
    run.report("training", 4, 9, loss=0.25)
    assert [row["loss"] for row in run.rows] == [1 / 3, 0.25]
    assert run.elapsed >= 12.5
    assert make_run(tmp_path).resume() is None


def test_the_seconds_of_a_result_are_those_of_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    write_dataset(tmp_path / "set", *patterns(n=4))
    found = Clustering(labels=np.arange(4) % 2, answer="kmeans", confidence=np.ones(4, np.float32))

    def load(folder: Path, _: None) -> Loaded:
        now[0] += 100
        return load_images(folder / "set", None)

    def cluster(*given: Any) -> Clustering:
        given[3].resume()
        now[0] += 3
        return found

    monkeypatch.setattr(surroundings, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(session, "load_images", load)
    monkeypatch.setattr(landmarks, "fit", cluster)
    run = make_run(tmp_path, checkpoint=Checkpoint(STATE, JOURNAL))
    finished = fit(run._spec, parse({"method": "kmeans"}), run)
    now[0] += 50
    judgement = Judgement(certainty(found), None, None, [])
    assert summary(run, finished, judgement)["seconds"] == 3 + JOURNAL.elapsed


def test_neighbours_are_the_largest_of_each_row_without_the_diagonal() -> None:
    affinity = np.array([[9, 1, 3], [1, 9, 2], [3, 2, 9]], dtype=np.float32)
    expected = [[0, 0, 3], [0, 0, 2], [3, 2, 0]]
    assert neighbours(affinity, 1).toarray().tolist() == expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFinite("L0"), Diverged),
        (Unsuitable("no kernel"), UnsuitableData),
        (MemoryError(), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), OutOfMemory),
        (RuntimeError("shapes differ"), JobFailed),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), TrainerCrashed),
        (OSError(28, "No space left on device"), TrainerCrashed),
    ],
)
def test_exceptions_become_errors_of_a_jobs_life(error: Exception, kind: type[Exception]) -> None:
    assert classify(error) is kind
