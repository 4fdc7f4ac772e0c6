"""The main job over HTTP on the live stack, and a job that is cancelled and goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
from live_images import Pixels, Truth, names, read_png, subspaces, write_zip
from live_results import Results
from live_service import Service
from sklearn.metrics import adjusted_rand_score

from s2convscn.answers import Dataset, Job

CLUSTERS = 4
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
    "epochs": 600,
    "round_epochs": 10,
}


@pytest.fixture(scope="module")
def images() -> tuple[Pixels, Truth]:
    return subspaces(clusters=CLUSTERS)


@pytest.fixture(scope="module")
def dataset(
    service: Service, images: tuple[Pixels, Truth], tmp_path_factory: pytest.TempPathFactory
) -> Dataset:
    archive = write_zip(tmp_path_factory.mktemp("upload") / "set.zip", *images)
    return service.client.upload(archive, truth="folders")


@pytest.fixture(scope="module")
def undisturbed(service: Service, dataset: Dataset) -> Job:
    return service.finish(submit(service, dataset))


def submit(service: Service, dataset: Dataset) -> str:
    job = service.client.submit(dataset["id"], CLUSTERS, method=METHOD, preset="auto", seed=5)
    return job["id"]


def test_images_in_clusters_out(
    service: Service,
    images: tuple[Pixels, Truth],
    dataset: Dataset,
    undisturbed: Job,
    tmp_path: Path,
) -> None:
    pixels, truth = images
    path = f"/v1/datasets/{dataset['id']}/images"
    assert [image["name"] for image in service.listing(path)] == names(truth)
    assert (read_png(service.http.get(f"{path}/7").content) == pixels[7]).all()

    results = Results(service, undisturbed["id"], tmp_path)
    labels = results.labels()
    assert list(labels) == names(truth)
    assert set(labels.values()) == set(range(CLUSTERS))
    result = undisturbed["result"]
    assert result
    assert result["scores"]["ari"] == pytest.approx(
        adjusted_rand_score(truth, list(labels.values()))
    )
    assert result["scores"]["error"] == pytest.approx(1 - result["scores"]["accuracy"])
    assert result["scores_by"].keys() == {"spectral", "head"}
    assert sum(result["cluster_sizes"]) == len(pixels)

    A = results.affinity(len(pixels))
    own = truth[:, None] == truth
    assert A[own].sum() > A[~own].sum()
    results.check_embedding(pixels)
    assert not np.allclose(results.recomputed(255 - pixels), results.embedding())
    results.check_pictures()


def test_cancelled_job_goes_on_to_the_results_of_an_undisturbed_one(
    service: Service, dataset: Dataset, undisturbed: Job
) -> None:
    job_id = submit(service, dataset)
    service.until_training(job_id, epoch=1)
    cancelled = service.http.post(f"/v1/jobs/{job_id}/cancel")
    assert cancelled.status_code in {200, 202}
    assert service.follow(job_id)[-1]["status"] == "cancelled"
    assert service.http.get(f"/v1/jobs/{job_id}/labels").status_code == 409

    resumed = service.http.post(f"/v1/jobs/{job_id}/resume")
    assert resumed.status_code == 202
    seen = service.follow(resumed.json()["id"])
    assert seen[-1]["status"] == "succeeded"
    assert "pretraining" not in {job["phase"] for job in seen}
    assert service.digests(seen[-1]["id"]) == service.digests(undisturbed["id"])


def test_an_ensemble_answers_by_consensus(
    service: Service, images: tuple[Pixels, Truth], dataset: Dataset, tmp_path: Path
) -> None:
    brief = METHOD | {"epochs": 10}
    sent = service.client.submit(
        dataset["id"], CLUSTERS, method=brief, preset="auto", seed=5, ensemble=3
    )
    job = service.finish(sent["id"])
    assert job["request"]["ensemble"] == 3
    assert job["result"]["final_labels"] == "consensus"
    assert 0 < job["result"]["diagnostics"]["member_agreement"] <= 1
    results = Results(service, job["id"], tmp_path)
    labels = results.labels()
    stored = np.load(results.fetch("artifacts/labels-consensus.npy", "consensus.npy"))
    assert list(labels.values()) == stored.tolist()
    results.affinity(len(images[1]))
    results.check_embedding(images[0])
    results.check_pictures()
    metrics = results.fetch("artifacts/metrics.jsonl", "metrics.jsonl").read_text()
    rows = [json.loads(line) for line in metrics.splitlines()]
    assert sorted({row["member"] for row in rows}) == [0, 1, 2]


def test_a_selection_keeps_one_setting_and_shows_all(
    service: Service, images: tuple[Pixels, Truth], dataset: Dataset, tmp_path: Path
) -> None:
    brief = METHOD | {"epochs": 10, "ridge": 1}
    sent = service.client.submit(
        dataset["id"], CLUSTERS, method=brief, preset="auto", seed=5, select="auto"
    )
    result = service.finish(sent["id"])["result"]
    tried = result["candidates"]
    assert {"another-seed", "double-power", "ridge-3", "as-asked"} < {c["name"] for c in tried}
    assert "ridge-1" not in {c["name"] for c in tried}
    (kept,) = [c for c in tried if c["chosen"]]
    assert kept["agreement"] == max(c["agreement"] for c in tried)
    assert result["scores"] == result["scores_by"][kept["name"]]
    assert result["scores"]["error"] <= max(result["scores_by"][c["name"]]["error"] for c in tried)
    results = Results(service, sent["id"], tmp_path)
    stored = np.load(results.fetch(f"artifacts/labels-{kept['name']}.npy", "kept.npy"))
    assert list(results.labels().values()) == stored.tolist()
    results.check_embedding(images[0])
    report = json.loads(results.fetch("artifacts/report.json", "report.json").read_text())
    assert report["candidates"] == tried
