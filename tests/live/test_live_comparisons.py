"""Comparisons over HTTP on the live stack: methods that succeed and one that fails; a stop."""

import csv
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from live_images import names, subspaces, write_zip
from live_results import Results
from live_service import Service, wait_until
from sklearn.metrics import adjusted_rand_score

from s2convscn.answers import Dataset

CLUSTERS = 3
FAILING = {"method": "kssc", "kernel": "polynomial", "degree": 3, "offset": -1}
LONG = {"method": "s2convscn", "encoder": [[3, 8]], "pretrain_max_steps": 5000, "epochs": 5000}


@pytest.fixture(scope="module")
def dataset(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    archive = write_zip(
        tmp_path_factory.mktemp("upload") / "set.zip", *subspaces(clusters=CLUSTERS)
    )
    return service.client.upload(archive, truth="folders")


def test_methods_are_ranked_and_one_fails(
    service: Service, dataset: Dataset, tmp_path: Path
) -> None:
    sent = service.client.compare(
        dataset["id"], CLUSTERS, ["kmeans", FAILING, "lsr"], seeds=[0, 1], name="Three ways"
    )
    seen: list[float] = []
    ended = service.client.wait_for_comparison(
        sent["id"], lambda comparison: seen.append(comparison["progress"])
    )
    assert seen == sorted(seen)
    assert (ended["status"], ended["progress"]) == ("succeeded", 1)
    assert ended["counts"] == {"succeeded": 4, "failed": 2}
    failed = [job for job in ended["jobs"] if job["status"] == "failed"]
    assert {job["method"]["method"] for job in failed} == {"kssc"}
    assert all("Take an offset of 0 or more" in job["error"]["detail"] for job in failed)

    ranking = service.get(f"/v1/comparisons/{sent['id']}/ranking")
    assert (ranking["complete"], ranking["ordered_by"]) == (True, "error")
    rows = {row["method"]: row for row in ranking["rows"]}
    assert (rows["kssc"]["rank"], rows["kssc"]["failed"]) == (None, 2)
    _, truth = subspaces(clusters=CLUSTERS)
    found: dict[str, list[Any]] = {"kmeans": [], "lsr": []}
    for job in ended["jobs"]:
        if job["status"] == "succeeded":
            labels = Results(service, job["job_id"], tmp_path).labels()
            found[job["method"]["method"]].append([labels[image] for image in names(truth)])
    for name, rival in (("kmeans", "lsr"), ("lsr", "kmeans")):
        expected = [np.mean([adjusted_rand_score(a, b) for b in found[rival]]) for a in found[name]]
        assert rows[name]["agreement"]["median"] == pytest.approx(np.median(expected))
        assert rows[name]["stability"] == pytest.approx(adjusted_rand_score(*found[name]))
        scores = [adjusted_rand_score(truth, labels) for labels in found[name]]
        assert rows[name]["ari"]["max"] == pytest.approx(max(scores))

    target = service.client.download(f"/v1/comparisons/{sent['id']}/chart", tmp_path / "chart.svg")
    words = [element.text or "" for element in ET.parse(target).iter()]  # noqa: S314 - our own
    assert {"Three ways", "1. lsr", "failed"} <= set(words)
    assert any(word.startswith("2 of 2 failed, kernel polynomial") for word in words)
    table = service.http.get(f"/v1/comparisons/{sent['id']}/ranking?format=csv").text.splitlines()
    assert [row["method"] for row in csv.DictReader(table)] == [
        r["method"] for r in ranking["rows"]
    ]

    assert service.http.delete(f"/v1/comparisons/{sent['id']}").status_code == 200
    assert all(service.stored(job["job_id"]) == [] for job in ended["jobs"])


def test_a_running_comparison_is_stopped_and_goes_on(service: Service, dataset: Dataset) -> None:
    sent = service.client.compare(dataset["id"], CLUSTERS, [LONG, "lsr"])
    network, other = (job["job_id"] for job in sent["jobs"])
    wait_until(lambda: service.client.job(network)["status"] == "running")
    answer = service.http.post(f"/v1/comparisons/{sent['id']}/cancel")
    assert answer.status_code in {200, 202}
    ended = service.client.wait_for_comparison(sent["id"])
    assert ended["status"] == "cancelled"
    assert ended["counts"] == {"cancelled": 2}
    resumed = service.http.post(f"/v1/jobs/{other}/resume").json()
    ended = service.client.wait_for_comparison(sent["id"])
    assert ended["counts"] == {"succeeded": 1, "cancelled": 1}
    assert ended["jobs"][1]["job_id"] == resumed["id"]
