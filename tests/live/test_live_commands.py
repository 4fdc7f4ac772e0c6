"""The command line as its users have it, in a terminal's place a pipe."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from live_images import subspaces, write_zip
from live_service import Service, processes, wait_until

COMMAND = str(Path(sys.executable).with_name("s2convscn"))
LONG = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
    "epochs": 4000,
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    zipfile.ZipFile(write_zip(root / "set.zip", *subspaces())).extractall(root / "photos")
    return root / "photos"


def run(service: Service | None, *words: str, **environment: str) -> Any:
    there = {"S2CONVSCN_URL": service.stack.url} if service else {}
    return subprocess.run(
        [COMMAND, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | there | environment,
    )


def test_a_folder_is_sorted_on_a_service(service: Service, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(
        service, "cluster", str(photos), "-k", "4", "-o", str(out), "--method", "lsr", "--truth"
    )
    assert said.returncode == 0, said.stderr
    assert "96 images in 4 clusters of 24." in said.stdout
    assert "accuracy 100.0%" in said.stdout
    assert "submitted" in said.stderr
    lines = (out / "labels.csv").read_text().splitlines()
    assert len(lines) == 97
    links = [*(out / "clusters").rglob("*.png")]
    assert len(links) == 96
    assert all(path.is_symlink() and path.resolve().parent.parent == photos for path in links)
    for group in (out / "clusters").iterdir():
        assert len({path.parent.name for path in group.rglob("*.png")}) == 1, "of one class"
    assert {"clusters.png", "affinity.png", "map.png", "report.html"} <= {
        p.name for p in out.iterdir()
    }
    again = run(service, "cluster", str(photos), "-k", "4", "-o", str(out))
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_copies_and_json(service: Service, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("-k", "4", "-o", str(out), "--method", "lsr", "--copy", "--json")
    said = run(service, "cluster", str(photos), *words)
    answer = json.loads(said.stdout)
    assert (answer["n_images"], answer["cluster_sizes"]) == (96, [24] * 4)
    assert not any(path.is_symlink() for path in out.rglob("*"))
    listed = json.loads(run(service, "jobs", "--json", "--limit", "1").stdout)
    assert [job["id"] for job in listed] == [answer["job_id"]]
    assert answer["job_id"] in run(service, "jobs", "--status", "succeeded").stdout


def test_new_images_are_sorted_by_a_job(service: Service, photos: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "out", tmp_path / "new"
    words = ("-k", "auto", "-o", str(out), "--json")
    answer = json.loads(run(service, "cluster", str(photos), *words).stdout)
    assert answer["n_clusters"] == len(answer["cluster_sizes"])
    said = run(service, "predict", answer["job_id"], str(photos), "-o", str(new), "--truth")
    assert said.returncode == 0, said.stderr
    assert "96 images in" in said.stdout
    assert "Against the folders as classes" in said.stdout
    assert {"labels.csv", "report.html", "clusters", "map.png"} <= {p.name for p in new.iterdir()}
    for wrong in ("1", "few"):
        refused = run(service, "cluster", str(photos), "-k", wrong, "-o", str(tmp_path / "no"))
        assert refused.returncode == 2
        assert "nor auto" in refused.stderr
    shallow = ("-k", "4", "-o", str(tmp_path / "lsr"), "--method", "lsr", "--json")
    job = json.loads(run(service, "cluster", str(photos), *shallow).stdout)["job_id"]
    refused = run(service, "predict", job, str(photos), "-o", str(tmp_path / "no"))
    assert (refused.returncode, "no head" in refused.stderr) == (1, True)
    assert not (tmp_path / "no").exists()


def test_without_a_service_one_is_started_and_stopped(photos: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    words = ("cluster", str(photos), "-k", "4", "-o", str(out), "--method", "lsr")
    said = run(None, *words, "--data-dir", str(data), S2CONVSCN_URL="")
    assert said.returncode == 0, said.stderr
    assert len([*(out / "clusters").rglob("*.png")]) == 96
    assert processes(data) == {}


def test_an_interrupted_one_leaves_its_job_and_nothing_else(
    service: Service, photos: Path, tmp_path: Path
) -> None:
    words = ("cluster", str(photos), "-k", "4", "-o", str(tmp_path / "out"), "--seed", "7")
    process = subprocess.Popen(
        [COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"S2CONVSCN_URL": service.stack.url},
    )
    assert process.stderr is not None
    job_id = process.stderr.readline().split()[3]
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"s2convscn watch {job_id}" in errors
    assert list(tmp_path.iterdir()) == []
    assert json.loads(run(service, "cancel", job_id, "--json").stdout)["id"] == job_id
    assert run(service, "watch", job_id).returncode == 4


def test_a_job_is_watched_stopped_and_gone_on_with(service: Service, photos: Path) -> None:
    dataset = service.client.datasets.upload(photos)
    job = service.client.jobs.submit(dataset, 4, method=LONG)
    wait_until(lambda: job.refresh().status == "running")
    assert job.id in run(service, "jobs", "--status", "running").stdout
    assert "Stopping" in run(service, "cancel", job.id).stdout
    watched = run(service, "watch", job.id)
    assert (watched.returncode, "Cancelled." in watched.stdout) == (4, True)
    resumed = json.loads(run(service, "resume", job.id, "--json").stdout)
    assert resumed["resumed_from"] == job.id
    run(service, "cancel", resumed["id"])


def test_files_are_fetched(service: Service, photos: Path, tmp_path: Path) -> None:
    job = service.client.cluster(photos, 4, method="lsr").job
    names = ("--name", "labels.csv", "--name", "affinity-plain.npz")
    said = run(service, "download", job.id, "-o", str(tmp_path / "some"), *names, "--json")
    assert json.loads(said.stdout) == [
        str(tmp_path / "some" / name) for name in ("labels.csv", "affinity-plain.npz")
    ]
    run(service, "download", job.id, "-o", str(tmp_path / "all"))
    fetched = {path.name for path in (tmp_path / "all").iterdir()}
    assert fetched == {"labels.csv"} | {artifact["name"] for artifact in job.artifacts()}
    wrong = run(service, "download", job.id, "--name", "nothing.txt")
    assert (wrong.returncode, "nothing.txt" in wrong.stderr) == (2, True)


def test_methods_and_their_hyperparameters(service: Service) -> None:
    listed = json.loads(run(service, "methods", "--json").stdout)
    assert {"s2convscn", "lsr"} <= {method["name"] for method in listed}
    assert "Least Squares Regression" in run(service, "methods").stdout
    explained = run(service, "methods", "lsr").stdout
    assert "ridge" in explained
    assert "Lu et al." in explained


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("watch", "job_none"), 1, "There is no job 'job_none'"),
        (("methods", "none"), 1, "no method 'none'; there are"),
        (("cluster", "nowhere", "-k", "3"), 1, "nowhere is not there"),
        (("cluster", "nowhere", "-k", "1"), 2, "Invalid value"),
        (("cluster", "nowhere"), 2, "--clusters"),
        (("jobs", "--status", "sleepy"), 1, "status"),
    ],
)
def test_what_is_wrong_is_said(
    service: Service, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    out = ("-o", str(tmp_path / "out")) if words[0] == "cluster" else ()
    said = run(service, *words, *out)
    assert said.returncode == status, said.stderr
    assert says in said.stderr
    assert said.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_away_is_named() -> None:
    said = run(None, "jobs", "--url", "http://127.0.0.1:9")
    assert said.returncode == 1
    assert "http://127.0.0.1:9 does not answer" in said.stderr
    assert "s2convscn serve" in said.stderr
