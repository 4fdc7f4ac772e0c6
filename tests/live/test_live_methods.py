"""Every method over HTTP: one word is changed in the request."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_images import names, subspaces, write_zip
from live_results import Results
from live_service import Service
from sklearn.metrics import adjusted_rand_score

from models.catalogue import METHODS
from s2convscn.answers import Dataset
from s2convscn.errors import ApiProblem

CLUSTERS = 3
OTHERS = sorted(set(METHODS) - {"s2convscn", "dscnet"})
ENCODED = {"ae-ssc", "ae-edsc", "dasc"}
"""Those that train an encoder."""
ALWAYS = {"ae-edsc", "dasc", "kmeans", "lsr", "ssc-omp"}
"""One of each kind; the others have their turn with `make test-slow`."""


def marks(name: str) -> list[pytest.MarkDecorator]:
    return [] if name in ALWAYS else [pytest.mark.slow]


@pytest.fixture(scope="module")
def dataset(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    archive = write_zip(
        tmp_path_factory.mktemp("upload") / "set.zip", *subspaces(clusters=CLUSTERS)
    )
    return service.client.upload(archive, truth="folders")


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in OTHERS])
def test_one_word_is_another_method(
    name: str, service: Service, dataset: Dataset, tmp_path: Path
) -> None:
    method: dict[str, Any] = {"method": name}
    if name in ENCODED:
        method["pretrain_max_steps"] = 200
    job = service.client.submit(dataset["id"], CLUSTERS, method=method, seed=1)
    job = service.finish(job["id"])
    _, truth = subspaces(clusters=CLUSTERS)
    results = Results(service, job["id"], tmp_path)
    labels = results.labels()
    assert adjusted_rand_score(truth, [labels[image] for image in names(truth)]) == 1
    assert job["result"]["scores"]["error"] == 0
    listed = service.http.get(f"/v1/jobs/{job['id']}/artifacts").json()
    files = {item["name"] for item in listed["items"]}
    assert ("affinity-processed.npz" in files) == METHODS[name].has_affinity
    assert ("embedding.npy" in files) == (name in ENCODED)
    assert {"clusters.png", "curves.png", "report.json"} <= files
    if METHODS[name].has_affinity:
        assert np.isfinite(results.affinity(len(truth))).all()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"method": "kmeans", "ensemble": 3}, "kmeans has none"),
        ({"method": "kmeans", "select": "auto"}, "kmeans has one setting"),
        ({"method": "ssc", "select": "auto"}, "set affinity to processed"),
        ({"method": {"method": "ssc-omp", "coefficients": 999}}, "choose 1 to"),
        ({"method": "kssc", "preset": "orl"}, "it has auto"),
    ],
)
def test_what_a_method_cannot_give_is_refused(
    wish: dict[str, Any], said: str, service: Service, dataset: Dataset
) -> None:
    with pytest.raises(ApiProblem, match=said):
        service.client.submit(dataset["id"], CLUSTERS, **wish)


def test_a_kernel_that_is_none_ends_with_its_problem(service: Service, dataset: Dataset) -> None:
    kernel = {"method": "kssc", "kernel": "polynomial", "degree": 3, "offset": -1}
    job = service.client.submit(dataset["id"], CLUSTERS, method=kernel)
    job = service.follow(job["id"])[-1]
    assert job["status"] == "failed"
    assert job["error"]["type"] == "/v1/problems/unsuitable-data"
    assert "Take an offset of 0 or more" in job["error"]["detail"]
