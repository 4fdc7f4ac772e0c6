"""The Python client as its users have it: a folder in, groups out."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_images import names, subspaces, write_zip
from live_service import Service
from safetensors.numpy import load_file

from s2convscn import ApiProblem, Client, Job, JobEnded, SourceError

CLUSTERS = 4
BRIEF = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 60,
    "pretrain_window": 30,
    "epochs": 10,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in class folders, and what is none."""
    root = tmp_path_factory.mktemp("photos")
    images, truth = subspaces()
    archive = write_zip(root.parent / "photos.zip", images, truth)
    import zipfile  # noqa: PLC0415

    zipfile.ZipFile(archive).extractall(root)
    (root / ".hidden.png").write_bytes(b"none")
    (root / "notes.txt").write_text("none")
    return root


def truth_of(name: str) -> int:
    return int(name.partition("/")[0].removeprefix("class-"))


def test_a_folder_becomes_groups(service: Service, folder: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    method = BRIEF | {"epochs": 1000}  # longer than a worker waits between two reports
    labels, by_name, job = service.client.cluster(
        folder, CLUSTERS, truth="folders", method=method, seed=1, progress=seen.append
    )
    assert labels.dtype == np.int64
    assert labels.tolist() == list(by_name.values())
    assert sorted(by_name) == sorted(names(subspaces()[1]))
    assert [state["terminal"] for state in seen] == [False] * (len(seen) - 1) + [True]
    fractions = [state["progress"] for state in seen]
    assert fractions == sorted(fractions)
    assert any(state["losses"] for state in seen), "the events tell them"
    assert {len({truth_of(n) for n, k in by_name.items() if k == label}) for label in labels} == {1}
    assert job.result is not None
    assert job.result["scores"]["accuracy"] == 1.0
    assert job.client.datasets.get(job.answer["dataset_id"]).names() == list(by_name)
    check_files(job, len(labels), tmp_path)


def check_files(job: Job, n: int, folder: Path) -> None:
    for kind in ("processed", "plain"):
        A = job.affinity(kind)
        assert A.shape == (n, n)
        assert (A == A.T).all()
    assert "C" not in load_file(job.checkpoint(folder / "model.safetensors"))
    assert job.download("clusters.png", folder / "groups.png").read_bytes()[1:4] == b"PNG"
    assert set(np.unique(job.labels(by="head"))) <= set(range(CLUSTERS))
    assert [event["kind"] for event in job.events()][-1] == "succeeded"


def test_arrays_and_archives(service: Service, folder: Path) -> None:
    images, truth = subspaces()
    found = service.client.cluster(images, CLUSTERS, method="lsr")
    assert list(found.by_name) == [str(i) for i in range(len(images))]
    assert found.job.result is not None
    assert found.job.result["scores"] is None
    rows = images.reshape(len(images), -1).astype(np.float32)
    features = service.client.cluster(rows, CLUSTERS, kind="features", method="lsr")
    assert len(features.labels) == len(truth)
    archive = folder.parent / "photos.zip"
    assert len(service.client.cluster(str(archive), CLUSTERS, method="lsr").labels) == len(truth)


def test_jobs_are_found_stopped_and_gone_on_with(service: Service, folder: Path) -> None:
    dataset = service.client.datasets.upload(folder, truth="folders")
    assert dataset.id in {one.id for one in service.client.datasets}
    first = next(folder.rglob("*.png"))
    os.utime(first, (0, 0))
    assert service.client.datasets.upload(folder, truth="folders").id == dataset.id
    long = BRIEF | {"epochs": 4000}
    job = service.client.jobs.submit(dataset, CLUSTERS, method=long, metadata={"for": "test"})
    assert service.client.jobs.get(job.id).answer["metadata"] == {"for": "test"}
    assert job.id in {one.id for one in service.client.jobs.find(dataset_id=dataset.id)}
    for event in job.events():
        if event["kind"] == "progress":
            break
    assert job.cancel().status in {"cancelling", "cancelled"}
    with pytest.raises(JobEnded, match="ended as cancelled") as ended:
        job.wait()
    assert ended.value.job["id"] == job.id
    again = job.resume()
    assert again.answer["resumed_from"] == job.id
    again.cancel()
    with pytest.raises(JobEnded):
        again.wait()
    again.delete()
    with pytest.raises(ApiProblem, match="deleted"):
        again.refresh()


def test_new_images_go_to_the_groups_of_a_job(service: Service, folder: Path) -> None:
    found = service.client.cluster(folder, CLUSTERS, method=BRIEF | {"epochs": 300})
    images, truth = subspaces(n=144)
    new = images[np.arange(len(images)) % 3 == 0]
    labels, by_name, job = service.client.predict(found.job, new)
    assert labels.shape == (len(new),)
    assert list(by_name) == [str(i) for i in range(len(new))]
    assert job.answer["predicts"] == found.job.id
    assert [one.id for one in found.job.predictions()] == [job.id]
    assert job.result is not None
    assert job.result["final_labels"] == "head"
    owner = {label: truth_of(name) for name, label in found.by_name.items()}
    right = [owner[int(k)] == t for k, t in zip(labels, truth[::3], strict=True)]
    assert np.mean(right) > 0.9
    assert np.array_equal(found.job.predict(new).labels, labels)
    with pytest.raises(ApiProblem, match="no head") as refused:
        service.client.predict(service.client.cluster(new, 2, method="lsr").job.id, new)
    assert refused.value.problem["type"].endswith("/no-trained-head")


def test_the_number_of_groups_may_be_left_to_the_service(service: Service, folder: Path) -> None:
    found = service.client.cluster(folder, method="lsr")
    assert found.job.result is not None
    assert found.job.result["n_clusters"] == CLUSTERS
    spectrum = found.job.spectrum()
    assert (spectrum["asked"], spectrum["n_clusters"]) == ("auto", CLUSTERS)
    assert spectrum["choice"] is not None
    assert len(spectrum["eigenvalues"]) > CLUSTERS


def test_what_is_nothing_to_cluster(service: Service, tmp_path: Path) -> None:
    upload = service.client.datasets.upload
    with pytest.raises(SourceError, match="is not there"):
        upload(tmp_path / "none")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="no image in"):
        upload(tmp_path)
    with pytest.raises(ValueError, match="allow_pickle"):
        upload(np.array([{}]))
    with pytest.raises(ApiProblem, match="neither an archive"):
        upload(tmp_path / "a.txt")


def test_a_client_of_nobody(tmp_path: Path) -> None:
    import httpx  # noqa: PLC0415

    with Client("http://127.0.0.1:9") as client, pytest.raises(httpx.ConnectError):
        client.cluster(np.zeros((4, 8, 8), np.uint8), 2)
    assert list(tmp_path.iterdir()) == []
