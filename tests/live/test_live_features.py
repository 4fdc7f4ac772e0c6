"""Feature vectors over HTTP: principal components of scikit-learn's handwritten digits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_images import read_png
from live_results import Results
from live_service import Service
from scipy.io import savemat
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from s2convscn.client import Dataset
from s2convscn.errors import ApiProblem

CLASSES = 10
COMPONENTS = 30
N = 500
NAMES = [f"digit {position}" for position in range(N)]
TRUTH = load_digits().target[:N]


@pytest.fixture(scope="module")
def dataset(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("upload") / "digits.npz"
    features = PCA(COMPONENTS, random_state=0).fit_transform(load_digits().data)[:N]
    np.savez(path, features=features, labels=TRUTH, names=np.array(NAMES))
    return service.client.upload(path)


def test_the_set_says_what_it_is(service: Service, dataset: Dataset) -> None:
    assert (dataset["kind"], dataset["dimension"]) == ("features", COMPONENTS)
    assert (dataset["n_images"], dataset["notices"]) == (N, [])
    path = f"/v1/datasets/{dataset['id']}/images"
    assert [image["name"] for image in service.listing(path)] == NAMES
    assert service.http.get(f"{path}/0").status_code == 404


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"method": "lsr"}, 0.35),
        ({"method": "kmeans"}, 0.35),
        ({"method": "spectral", "ensemble": 2}, 0.25),
        ({"method": "ensc", "select": "auto"}, 0.25),
    ],
    ids=["lsr", "kmeans", "ensemble", "select"],
)
def test_vectors_in_clusters_out(
    service: Service, dataset: Dataset, tmp_path: Path, wish: dict[str, Any], error: float
) -> None:
    sent = service.client.submit(dataset["id"], CLASSES, seed=0, **wish)
    job = service.finish(sent["id"])
    results = Results(service, job["id"], tmp_path)
    labels = results.labels()
    assert list(labels) == NAMES
    assert job["method"]["view"] == "plain"
    scores = (job["result"] or {})["scores"]
    assert scores["ari"] == pytest.approx(adjusted_rand_score(TRUTH, list(labels.values())))
    assert scores["error"] < error
    files = {file["name"] for file in service.client.artifacts(job["id"])}
    pictures = {name for name in files if name.endswith(".png")}
    expected = {"curves.png", "map.png", "spectrum.png"}
    assert pictures == expected | ({"affinity.png"} if wish["method"] != "kmeans" else set())
    for name in pictures:
        assert read_png(results.fetch(f"artifacts/{name}", name).read_bytes()).std() > 0
    report = json.loads(results.fetch("artifacts/report.json", "report.json").read_text())
    assert report["images"] == {"shape": [N, COMPONENTS, 1, 1], "resized": {}}


def test_a_deep_method_names_those_that_work(service: Service, dataset: Dataset) -> None:
    with pytest.raises(ApiProblem, match=r"auto-encoder on images.*choose one of edsc, ensc"):
        service.client.submit(dataset["id"], CLASSES)


def test_rows_of_a_matlab_file_are_features_if_that_is_said(
    service: Service, tmp_path: Path
) -> None:
    savemat(tmp_path / "digits.mat", {"fea": load_digits().data[:N], "gnd": TRUTH[:, None]})
    rows = service.client.upload(tmp_path / "digits.mat", kind="features")
    assert (rows["kind"], rows["dimension"]) == ("features", 64)
    images = service.client.upload(tmp_path / "digits.mat")
    assert (images["kind"], images["height"], images["width"]) == ("images", 8, 8)
