import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bench import ENDLESS, LONG, QUICK, Bench, wait_until
from safetensors.numpy import load_file
from scipy import sparse

from jobs.artifacts import Alive, sha256
from jobs.artifacts.folder import FolderStore
from jobs.records import Job
from jobs.states import Status
from s2convscn import warden

RESULTS = {
    "names.json": "labels",
    "labels.npy": "labels",
    "confidence.npy": "labels",
    "labels-spectral.npy": "labels",
    "labels-head.npy": "labels",
    "affinity-processed.npz": "affinity",
    "affinity-plain.npz": "affinity",
    "affinity-processed-topk.npz": "affinity",
    "affinity-plain-topk.npz": "affinity",
    "coefficients.npz": "array",
    "embedding.npy": "array",
    "model.safetensors": "checkpoint",
    "model.json": "checkpoint",
    "metrics.jsonl": "metrics",
    "clusters.png": "picture",
    "affinity.png": "picture",
    "curves.png": "picture",
    "map.npy": "array",
    "map.png": "picture",
    "spectrum.json": "report",
    "spectrum.png": "picture",
    "report.json": "report",
    "report.html": "report",
}
OVERFLOWING = {
    "pixel_scale": 65535,
    "cost_scale": "sum",
    "learning_rate": 1,
    "pretrain_max_steps": 1,
    "encoder": [[3, 64]] * 8,
    "self_expression_epochs": 5,
}
MakeBench = Callable[..., Bench]


def test_a_killed_trainer_and_an_absent_database_change_no_result(make_bench: MakeBench) -> None:
    bench = make_bench()
    undisturbed, killed = bench.submit(LONG), bench.submit(LONG)
    bench.supervisor.run(undisturbed.id)
    check_results(bench, undisturbed)

    thread = bench.begin(killed.id)
    bench.wait_for_checkpoint(killed)
    os.kill(bench.trainer_pid(killed), signal.SIGKILL)
    thread.join()
    lost = bench.job(killed.id)
    assert (lost.status, lost.failures) == (Status.QUEUED, 1)
    assert len(bench.checkpoints(killed)) in {1, 2}

    thread = bench.begin(killed.id)
    wait_until(lambda: bench.job(killed.id).status is Status.RUNNING)
    bench.take_table_away()
    time.sleep(1)
    bench.bring_table_back()
    thread.join()
    done = bench.job(killed.id)
    assert (done.status, done.attempt) == (Status.SUCCEEDED, 2)
    for name in ("labels.npy", "embedding.npy", "labels-head.npy", "map.npy"):
        assert np.array_equal(bench.array(killed, name), bench.array(undisturbed, name))
    for job, attempt in ((undisturbed, 1), (killed, 2)):
        folder = bench.artifacts.path(f"jobs/{job.id}")
        assert {p.name for p in folder.rglob("*") if p.is_file()} == set(RESULTS)
        assert (folder / str(attempt) / "labels.npy").exists()
    metrics = [
        bench.artifacts.path(f"jobs/{job.id}/{attempt}/metrics.jsonl").read_text()
        for job, attempt in ((undisturbed, 1), (killed, 2))
    ]
    assert metrics[0] == metrics[1]


def test_a_cancelled_job_ends_with_a_checkpoint(make_bench: MakeBench) -> None:
    bench = make_bench(checkpoint_seconds=3600)
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    wait_until(lambda: in_training(bench, job.id))
    bench.store.jobs.cancel(job.id, "local")
    thread.join()
    assert bench.job(job.id).status is Status.CANCELLED
    assert bench.checkpoints(job) == ["checkpoint-000001.safetensors"]


def test_a_cancelled_trainer_that_does_not_listen_is_killed(make_bench: MakeBench) -> None:
    bench = make_bench(grace_seconds=0.3)
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    wait_until(lambda: in_training(bench, job.id))
    os.kill(bench.trainer_pid(job), signal.SIGSTOP)
    bench.store.jobs.cancel(job.id, "local")
    thread.join()
    assert bench.job(job.id).status is Status.CANCELLED


def test_a_job_over_its_time_fails_and_keeps_its_checkpoint(make_bench: MakeBench) -> None:
    bench = make_bench(checkpoint_seconds=3600)
    for seconds in (3, 12, 48):  # a busy machine takes longer to have anything worth keeping
        job = bench.submit(ENDLESS, max_seconds=seconds)
        bench.supervisor.run(job.id)
        if bench.checkpoints(job):
            break
    failed = bench.job(job.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/time-limit"
    assert bench.checkpoints(job) == ["checkpoint-000001.safetensors"]


def test_a_trainer_that_stalls_is_killed_and_the_job_goes_back(make_bench: MakeBench) -> None:
    bench = make_bench(stall_seconds=3)
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    wait_until(lambda: in_training(bench, job.id))
    os.kill(bench.trainer_pid(job), signal.SIGSTOP)
    thread.join()
    lost = bench.job(job.id)
    assert (lost.status, lost.failures) == (Status.QUEUED, 1)


def test_without_its_images_a_job_fails_at_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    assert bench.artifacts.delete(f"datasets/{job.dataset_id}") > 0
    bench.supervisor.run(job.id)
    failed = bench.job(job.id)
    assert (failed.status, failed.attempt) == (Status.FAILED, 1)
    assert failed.error["type"] == "/v1/problems/files-missing"
    assert job.dataset_id in failed.error["detail"]
    assert "S2CONVSCN_ARTIFACTS_URL" in failed.error["detail"]


def test_what_is_fetched_slowly_is_no_stall(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, bench = make_bench(), make_bench(stall_seconds=5)
    patient.supervisor.run(patient.submit(QUICK).id)  # the server has loaded
    fetch = FolderStore.fetch_all

    def slowly(store: FolderStore, prefix: str, folder: Path, alive: Alive) -> Path:
        for _ in range(60):
            time.sleep(0.1)
            alive()
        return fetch(store, prefix, folder, alive)

    monkeypatch.setattr(FolderStore, "fetch_all", slowly)
    job = bench.submit(QUICK)
    bench.supervisor.run(job.id)
    assert (bench.job(job.id).status, bench.job(job.id).failures) == (Status.SUCCEEDED, 0)


def test_an_attempt_whose_lease_is_lost_writes_nothing_more(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    bench.wait_for_checkpoint(job)
    pid = bench.trainer_pid(job)
    assert bench.store.attempts.release(job.id, 1, "taken away by the test")
    second = bench.store.attempts.claim(job.id, "worker-2")
    thread.join()
    assert second is not None
    assert not warden.exists(pid)
    after = bench.job(job.id)
    assert (after.status, after.attempt, after.worker) == (Status.RUNNING, 2, "worker-2")
    assert not bench.scratch(job).exists()
    for file in second.checkpoint:
        assert bench.artifacts.path(file.key).exists()


def test_what_a_killed_worker_left_goes_with_the_next_attempt(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    assert bench.store.attempts.claim(job.id, "killed")
    bench.scratch(job, 1).mkdir(parents=True)
    assert bench.store.attempts.release(job.id, 1, "its worker was killed")
    bench.supervisor.run(job.id)
    assert bench.job(job.id).status is Status.SUCCEEDED
    assert not (bench.settings.scratch_dir / job.id).exists()


def test_a_cost_that_is_not_finite_fails_the_job_at_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK | OVERFLOWING)
    bench.supervisor.run(job.id)
    failed = bench.job(job.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/diverged"
    assert "learning_rate" in failed.error["detail"]


def test_a_trainer_that_cannot_read_its_data_is_lost_until_it_fails(make_bench: MakeBench) -> None:
    bench = make_bench(max_failures=1)
    job = bench.submit(QUICK)
    bench.artifacts.path(f"datasets/{job.dataset_id}/pixels.npy").unlink()
    bench.supervisor.run(job.id)
    failed = bench.job(job.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/trainer-crashed"
    assert "pixels.npy" in failed.error["detail"]


def test_an_error_that_would_come_again_fails_the_job_at_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    pixels = bench.artifacts.path(f"datasets/{job.dataset_id}/pixels.npy")
    np.save(pixels, np.load(pixels)[:-1])
    bench.supervisor.run(job.id)
    failed = bench.job(job.id)
    assert (failed.status, failed.attempt) == (Status.FAILED, 1)
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/job-failed"
    assert "ValueError: cannot reshape" in failed.error["detail"]


def check_results(bench: Bench, job: Job) -> None:
    done = bench.job(job.id)
    assert done.status is Status.SUCCEEDED
    assert done.progress is not None
    assert done.progress.fraction == 1
    assert done.result is not None
    assert sum(done.result["cluster_sizes"]) == 24
    assert done.result["scores"]["accuracy"] == done.result["scores_by"]["spectral"]["accuracy"]
    assert done.result["threads"] == 1

    files = {file.name: file for file in bench.store.jobs.artifacts(job.id)}
    assert {name: file.kind for name, file in files.items()} == RESULTS
    for file in files.values():
        assert sha256(bench.artifacts.path(file.key)) == file.sha256
    folder = bench.artifacts.path(f"jobs/{job.id}/1")
    assert {path.name for path in folder.iterdir()} == set(RESULTS)
    assert not (bench.settings.scratch_dir / job.id).exists()

    affinity = np.load(folder / "affinity-processed.npz")["affinity"]
    assert affinity.shape == (24, 24)
    assert np.array_equal(affinity, affinity.T)
    few = sparse.load_npz(folder / "affinity-processed-topk.npz").toarray()
    off_diagonal = affinity - np.diag(np.diag(affinity))
    assert np.array_equal(few, off_diagonal)
    assert load_file(folder / "model.safetensors")
    assert json.loads((folder / "model.json").read_text())["n_clusters"] == 2
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["phase"] == "training"] == list(range(1, 151))
    assert {"L0", "L1", "L2", "L3", "loss"} <= set(rows[-1])
    assert json.loads((folder / "report.json").read_text())["seed"] == 3


def in_training(bench: Bench, job_id: str) -> bool:
    progress = bench.job(job_id).progress
    return progress is not None and progress.phase == "training"


def test_landmarks_leave_sparse_results(make_bench: MakeBench) -> None:
    bench = make_bench()
    request = {"n_clusters": 2, "seed": 3, "image_size": None, "landmarks": 12}
    job = bench.submit(QUICK, request=request)
    bench.begin(job.id).join()
    done = bench.job(job.id)
    assert done.status is Status.SUCCEEDED, done.error
    assert done.result is not None
    assert (done.result["landmarks"], done.result["n_images"]) == (12, 24)
    assert "landmarks" in {notice.code for notice in done.notices}
    dense = {"affinity-processed.npz", "affinity-plain.npz", "coefficients.npz"}
    more = {"coefficients-sparse.npz": "array", "landmarks.npy": "array"}
    expected = {k: v for k, v in RESULTS.items() if k not in dense} | more
    files = bench.store.jobs.artifacts(job.id)
    assert {file.name: file.kind for file in files} == expected
    assert bench.array(job, "labels.npy").shape == bench.array(job, "confidence.npy").shape == (24,)
    assert len(bench.array(job, "landmarks.npy")) == 12
    path = bench.artifacts.path(f"jobs/{job.id}/1/affinity-processed-topk.npz")
    assert sparse.load_npz(path).shape == (24, 24)
