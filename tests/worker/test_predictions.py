"""What a worker makes of jobs that predict, and of those that leave the number of clusters open."""

import html
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
from bench import LONG, QUICK, Bench, wait_until

from jobs.records import AUTO, Job
from jobs.states import Status

MakeBench = Callable[..., Bench]
HEAD = QUICK | {"epochs": 300}
PREDICTED = {
    "names.json",
    "labels.npy",
    "labels-head.npy",
    "confidence.npy",
    "embedding.npy",
    "clusters.png",
    "map.npy",
    "map.png",
    "metrics.jsonl",
    "report.json",
    "report.html",
}


def read(bench: Bench, job: Job, name: str) -> str:
    found = {file.name: file for file in bench.store.jobs.artifacts(job.id)}
    return bench.artifacts.path(found[name].key).read_text()


def left_open(bench: Bench, hyperparameters: dict[str, Any]) -> Job:
    """A job whose number of clusters is up to the worker."""
    job = bench.submit(hyperparameters)
    request = job.request | {"n_clusters": AUTO}
    bench.store.jobs.cancel(job.id, "local")
    return bench.store.jobs.submit(
        owner="local",
        dataset_id=job.dataset_id,
        request=request,
        method=job.method | {"postprocessing": None},
    )


def test_the_head_of_a_job_assigns_images(make_bench: MakeBench) -> None:
    bench = make_bench()
    source = bench.submit(HEAD)
    bench.supervisor.run(source.id)
    trained = bench.job(source.id)
    assert trained.status is Status.SUCCEEDED
    job = bench.store.jobs.submit(
        owner="local",
        dataset_id=bench.add_dataset(),
        request=source.request,
        method=source.method,
        predicts=source.id,
    )
    bench.supervisor.run(job.id)
    done = bench.job(job.id)
    assert done.status is Status.SUCCEEDED, done.error
    assert {file.name for file in bench.store.jobs.artifacts(job.id)} == PREDICTED
    assert np.array_equal(bench.array(job, "labels.npy"), bench.array(source, "labels-head.npy"))
    assert done.result is not None
    assert (done.result["final_labels"], done.result["n_clusters"]) == ("head", 2)
    assert done.result["scores"]["accuracy"] == trained.result["scores_by"]["head"]["accuracy"]
    report = json.loads(read(bench, job, "report.json"))
    assert report["predicts"] == source.id
    assert f"/v1/jobs/{source.id}/predictions" in read(bench, job, "report.html")


def test_the_number_of_clusters_is_chosen_and_told(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = left_open(bench, QUICK)
    bench.supervisor.run(job.id)
    done = bench.job(job.id)
    assert done.status is Status.SUCCEEDED, done.error
    assert done.result is not None
    n = done.result["n_clusters"]
    assert len(done.result["cluster_sizes"]) == n
    assert done.method["postprocessing"] is not None, "as it was used"
    spectrum = json.loads(read(bench, job, "spectrum.json"))
    assert (spectrum["asked"], spectrum["n_clusters"]) == (AUTO, n)
    assert spectrum["choice"]["suggested"] == n
    assert n in [count["n_clusters"] for count in spectrum["survey"]["counts"]]
    (said,) = [notice.detail for notice in done.notices if notice.code == "number-chosen"]
    assert said.startswith(f"{n} clusters were chosen")


def test_a_resumed_job_keeps_its_choice(make_bench: MakeBench) -> None:
    bench = make_bench()
    undisturbed, killed = left_open(bench, LONG), left_open(bench, LONG)
    bench.supervisor.run(undisturbed.id)
    thread = bench.begin(killed.id)
    bench.wait_for_checkpoint(killed)
    os.kill(bench.trainer_pid(killed), signal.SIGKILL)
    thread.join()
    bench.supervisor.run(killed.id)
    wait_until(lambda: bench.job(killed.id).status is Status.SUCCEEDED)
    expected = json.loads(read(bench, undisturbed, "spectrum.json"))
    assert json.loads(read(bench, killed, "spectrum.json")) == expected
    assert np.array_equal(bench.array(killed, "map.npy"), bench.array(undisturbed, "map.npy"))


def test_a_report_is_one_file_that_runs_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    bench.supervisor.run(job.id)
    report = html.unescape(read(bench, job, "report.html"))
    assert "<script" not in report
    assert "src=" not in report.replace('src="data:', "")
    assert "href=" not in report
    assert "url(" not in report
    assert report.count("data:image/png;base64,") == 5
    for word in ("patterns.zip", "Hyperparameters", "pretrain_max_steps", "torch", '"seed": 3'):
        assert word in report


def test_names_in_a_report_are_text(make_bench: MakeBench) -> None:
    bench = make_bench()
    name = "<img src=x onerror=alert(1)>.zip"
    dataset = bench.add_dataset()
    with bench.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE datasets SET name = ?", (name,))
    job = bench.submit(QUICK)
    assert job.dataset_id == dataset
    bench.supervisor.run(job.id)
    report = read(bench, job, "report.html")
    assert "<img src=x" not in report
    assert "&lt;img src=x" in report
