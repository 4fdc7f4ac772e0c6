"""Jobs over HTTP: submit, its refusals, list, read, events, cancel, resume, delete."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_service import Service, add_dataset, npy, serving

from jobs.records import Dataset
from jobs.settings import Settings
from models.catalogue import METHODS


def test_submission_is_stored_then_sent(service: Service, dataset: Dataset) -> None:
    body = {
        "dataset_id": dataset.id,
        "n_clusters": 2,
        "method": {"method": "s2convscn", "norm": "l2"},
        "seed": 7,
        "image_size": 16,
        "max_seconds": 60,
        "metadata": {"run": "first"},
    }
    answer = service.http.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert job["status"] == "queued"
    assert job["terminal"] is False
    assert job["method"]["norm"] == "l2"
    assert job["method"]["epochs"] > 0, "the rule has filled in what was left out"
    assert job["request"] == {
        "n_clusters": 2,
        "method": {"method": "s2convscn", "norm": "l2"},
        "preset": None,
        "seed": 7,
        "ensemble": 1,
        "select": None,
        "landmarks": None,
        "image_size": [16, 16],
    }
    assert job["metadata"] == {"run": "first"}
    assert [notice["code"] for notice in job["notices"]] == ["duplicates"]
    row = service.context.store.jobs.get(job["id"], "local")
    assert row.sent_at is not None
    assert row.max_seconds == 60


def test_whoever_has_a_message_can_take_its_job(
    service: Service, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims pass over locked rows: whatever is to be noted is noted before the message goes."""
    noted = []

    def send(job_id: str, device: str | None, *, again: bool) -> None:
        job = service.context.store.attempts.queued(job_id)
        noted.append(job is not None and job.sent_at is not None)

    monkeypatch.setattr(service.context.queue, "send", send)
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    assert service.http.post("/v1/jobs", json=body | {"method": "lsr"}).status_code == 202
    several = body | {"methods": ["lsr", "kmeans"]}
    assert service.http.post("/v1/comparisons", json=several).status_code == 202
    assert noted == [True] * 3


def test_a_method_by_name_has_its_defaults(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2, "method": "dscnet"}
    job = service.http.post("/v1/jobs", json=body).json()
    assert job["request"]["method"] == {"method": "dscnet"}
    assert job["method"]["method"] == "dscnet"


def test_a_preset_gives_way_to_what_is_said(service: Service, dataset: Dataset) -> None:
    method = {"method": "s2convscn", "gamma2": 0.125}
    body = {"dataset_id": dataset.id, "n_clusters": 2, "method": method, "preset": "orl"}
    job = service.http.post("/v1/jobs", json=body | {"image_size": [32, 32]}).json()
    plain = service.http.post("/v1/jobs", json=body | {"preset": "auto"}).json()
    assert job["method"]["gamma2"] == 0.125
    assert job["method"]["encoder"] != plain["method"]["encoder"]


def test_mixed_sizes_need_image_size(service: Service) -> None:
    dataset = add_dataset(service.context, ["0", "1", "2"], mixed=True)
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    with service.unchanged():
        service.problem(service.http.post("/v1/jobs", json=body), 422, "image-size-needed")
    answer = service.http.post("/v1/jobs", json=body | {"image_size": [16, 8]})
    assert answer.json()["request"]["image_size"] == [16, 8]


def upload_features(service: Service) -> str:
    rows = np.random.default_rng(0).normal(0, 9, (6, 20))
    headers = {"content-type": "application/x-npy"}
    answer = service.http.post("/v1/datasets", content=npy(rows), headers=headers)
    dataset_id: str = answer.json()["id"]
    return dataset_id


@pytest.mark.parametrize("name", [name for name, m in METHODS.items() if not m.needs_images])
def test_features_are_taken_by_what_needs_no_images(service: Service, name: str) -> None:
    body = {"dataset_id": upload_features(service), "n_clusters": 2, "preset": "auto"}
    answer = service.http.post("/v1/jobs", json=body | {"method": name})
    assert answer.status_code == 202, answer.text
    assert answer.json()["method"]["view"] == "plain"
    method = {"method": name, "view": "contrast"}
    with service.unchanged():
        answer = service.http.post("/v1/jobs", json=body | {"method": method})
        problem = service.problem(answer, 422, "invalid-hyperparameter")
    assert "neither a mirror image nor a contrast" in problem["detail"]


@pytest.mark.parametrize("name", [name for name, m in METHODS.items() if m.needs_images])
def test_features_are_refused_by_what_needs_images(service: Service, name: str) -> None:
    body = {"dataset_id": upload_features(service), "n_clusters": 2, "method": name}
    with service.unchanged():
        answer = service.http.post("/v1/jobs", json=body)
        problem = service.problem(answer, 422, "images-needed")
    assert problem["detail"].startswith(f"{name} trains an auto-encoder")
    assert {"lsr", "kmeans"} < set(problem["methods"])
    listed = service.http.get("/v1/methods").json()["items"]
    assert {m["name"] for m in listed if not m["needs_images"]} == set(problem["methods"])


def test_features_cannot_be_resized(service: Service) -> None:
    body = {"dataset_id": upload_features(service), "n_clusters": 2, "method": "lsr"}
    with service.unchanged():
        answer = service.http.post("/v1/jobs", json=body | {"image_size": 16})
        problem = service.problem(answer, 422, "invalid-request")
    assert problem["detail"].startswith("/image_size: the data set holds feature vectors of 20")


REFUSALS = [
    ({"n_clusters": 1}, "invalid-n-clusters", "/n_clusters"),
    ({"n_clusters": 5}, "invalid-n-clusters", "choose 2 to 4"),
    ({"n_clusters": "two"}, "invalid-n-clusters", "/n_clusters"),
    ({"method": "k-means"}, "unknown-method", "'s2convscn'"),
    ({"method": {"norm": "l1"}}, "unknown-method", "/method"),
    ({"method": 5}, "invalid-hyperparameter", "/method must be a method's name"),
    ({"method": {"method": "s2convscn", "gamma9": 1}}, "unknown-hyperparameter", "/method/gamma9"),
    ({"method": {"method": "s2convscn", "tau": 2}}, "invalid-hyperparameter", "/method/tau"),
    (
        {"method": {"method": "s2convscn", "encoder": [[99, 8]]}},
        "invalid-hyperparameter",
        "/method/encoder/0/0 should be less than or equal to 15.",
    ),
    (
        {"method": {"method": "s2convscn", "encoder": []}},
        "invalid-hyperparameter",
        "/method/encoder must have at least 1 item(s).",
    ),
    (
        {"method": {"method": "s2convscn", "postprocessing": 5}},
        "invalid-hyperparameter",
        "/method/postprocessing must be an object",
    ),
    (
        {"method": {"method": "s2convscn", "final_labels": "head", "gamma4": 0}},
        "invalid-hyperparameter",
        "/method final_labels 'head' needs a trained head",
    ),
    ({"preset": "mnist"}, "unknown-preset", "orl"),
    ({"seed": -1}, "invalid-request", "/seed"),
    ({"ensemble": 0}, "invalid-request", "/ensemble"),
    ({"ensemble": 33}, "invalid-request", "/ensemble"),
    ({"ensemble": "many"}, "invalid-request", "/ensemble"),
    ({"select": "best"}, "invalid-request", "/select"),
    ({"select": "auto", "ensemble": 2}, "invalid-request", "leave out one of them"),
    (
        {"method": {"method": "s2convscn", "final_labels": "head"}, "ensemble": 2},
        "invalid-request",
        "/method/final_labels is 'head'",
    ),
    ({"image_size": [8]}, "invalid-request", "/image_size/1"),
    ({"colour": "red"}, "invalid-request", "/colour"),
    ({"metadata": {"a": 1}}, "invalid-request", "/metadata/a"),
    ({"metadata": {"a": "\x00"}}, "invalid-request", "/metadata/a"),
    ({"max_seconds": 0}, "invalid-request", "/max_seconds"),
]


@pytest.mark.parametrize(("change", "slug", "hint"), REFUSALS)
def test_refused_submissions_leave_no_row(
    service: Service, dataset: Dataset, change: dict[str, Any], slug: str, hint: str
) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2} | change
    with service.unchanged():
        problem = service.problem(service.http.post("/v1/jobs", json=body), 422, slug)
    assert hint in problem["detail"]


def test_refused_jobs_of_no_data_set(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": "ds_none", "n_clusters": 2}
    with service.unchanged():
        service.problem(service.http.post("/v1/jobs", json=body), 404, "not-found")
    service.http.delete(f"/v1/datasets/{dataset.id}")
    with service.unchanged():
        body["dataset_id"] = dataset.id
        service.problem(service.http.post("/v1/jobs", json=body), 410, "gone")


def test_refused_bodies(service: Service) -> None:
    json_type = {"content-type": "application/json"}
    with service.unchanged():
        answer = service.http.post("/v1/jobs", content="{", headers=json_type)
        service.problem(answer, 400, "malformed-body")
        answer = service.http.post("/v1/jobs", content=b"\xff{", headers=json_type)
        service.problem(answer, 400, "malformed-body")
        service.problem(service.http.post("/v1/jobs", json=[]), 422, "invalid-request")
        lone = '{"dataset_id": "x", "n_clusters": 2, "metadata": {"a": "\\ud800"}}'
        answer = service.http.post("/v1/jobs", content=lone, headers=json_type)
        service.problem(answer, 422, "invalid-request")
        deep = "[" * 100_000
        answer = service.http.post("/v1/jobs", content=deep, headers=json_type)
        service.problem(answer, 400, "malformed-body")
        large = {"metadata": "x" * (1 << 20)}
        service.problem(service.http.post("/v1/jobs", json=large), 413, "request-too-large")
        chunks = (b" " * 100_000 for _ in range(12))
        answer = service.http.post("/v1/jobs", content=chunks, headers=json_type)
        service.problem(answer, 413, "request-too-large")


def test_a_job_that_needs_too_much_memory(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, max_job_bytes=10_000)
    with serving(settings) as service:
        dataset = add_dataset(service.context, ["0", "1"])
        with service.unchanged():
            body = {"dataset_id": dataset.id, "n_clusters": 2}
            answer = service.http.post("/v1/jobs", json=body)
            problem = service.problem(answer, 422, "job-too-large")
        features = {"dataset_id": upload_features(service), "n_clusters": 2, "method": "lsr"}
        answer = service.http.post("/v1/jobs", json=features)
        of_features = service.problem(answer, 422, "job-too-large")
    assert problem["limit_bytes"] == 10_000 < problem["estimate_bytes"]
    assert "S2CONVSCN_MAX_JOB_BYTES" in problem["detail"]
    assert "6 images of 20 numbers" in of_features["detail"]


def test_without_a_broker_the_job_is_kept_for_the_reaper(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        dataset = add_dataset(service.context, ["0", "1"])
        body = {"dataset_id": dataset.id, "n_clusters": 2}
        answer = service.http.post("/v1/jobs", json=body)
        assert answer.status_code == 202
        assert "broker-unavailable" in [n["code"] for n in answer.json()["notices"]]
        row = service.context.store.jobs.get(answer.json()["id"], "local")
        assert service.context.store.attempts.unsent(-1) == [row.id]


def test_landmarks_make_room(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path, max_job_bytes=700_000_000)) as service:
        dataset = add_dataset(service.context, [str(i) for i in range(1500)])
        body = {"dataset_id": dataset.id, "n_clusters": 2, "method": "lsr"}
        answer = service.http.post("/v1/jobs", json=body)
        problem = service.problem(answer, 422, "job-too-large")
        assert 'set landmarks to "auto"' in problem["detail"]
        answer = service.http.post("/v1/jobs", json=body | {"landmarks": 200})
        assert answer.status_code == 202
        job = answer.json()
        assert job["request"]["landmarks"] == 200
        assert job["needs_bytes"] < 700_000_000 < problem["estimate_bytes"]
        answer = service.http.post("/v1/jobs", json=body | {"landmarks": 1400})
        assert "fewer landmarks" in service.problem(answer, 422, "job-too-large")["detail"]


@pytest.mark.parametrize("landmarks", [1, 0, -5, 2.5, "some", [3], True])
def test_landmarks_are_a_number_or_auto(service: Service, landmarks: Any) -> None:
    dataset = add_dataset(service.context, ["0", "1", "2"])
    body = {"dataset_id": dataset.id, "n_clusters": 2, "landmarks": landmarks}
    problem = service.problem(service.http.post("/v1/jobs", json=body), 422, "invalid-request")
    assert problem["errors"][0]["pointer"] == "/landmarks"


def test_fewer_landmarks_than_clusters_are_refused(service: Service) -> None:
    dataset = add_dataset(service.context, [str(i) for i in range(20)])
    body = {"dataset_id": dataset.id, "n_clusters": 5, "landmarks": 4}
    problem = service.problem(service.http.post("/v1/jobs", json=body), 422, "invalid-request")
    assert "/landmarks is 4, too few for 5 clusters" in problem["detail"]


def test_the_rule_sees_the_landmarks(service: Service) -> None:
    dataset = add_dataset(service.context, [str(i) for i in range(40)])
    body = {"dataset_id": dataset.id, "n_clusters": 2, "landmarks": 10}
    job = service.http.post("/v1/jobs", json=body).json()
    assert job["method"]["coefficient_rate"] == pytest.approx(0.1 / 10)


def test_a_job_says_that_nobody_can_hold_it(service: Service) -> None:
    dataset = add_dataset(service.context, ["0", "1", "2"])
    body = {"dataset_id": dataset.id, "n_clusters": 2, "device": "gpu"}
    job = service.http.post("/v1/jobs", json=body).json()
    workers = service.context.store.workers
    workers.beat("w@test", "cpu", None, kind="cpu", memory_bytes=1 << 40)
    said = service.http.get(f"/v1/jobs/{job['id']}").json()["message"]
    workers.beat("w@test", "H100", None, kind="gpu", memory_bytes=10)
    small = service.http.get(f"/v1/jobs/{job['id']}").json()["message"]
    workers.beat("w@test", "H100", None, kind="gpu", memory_bytes=1 << 40)
    fine = service.http.get(f"/v1/jobs/{job['id']}").json()["message"]
    workers.leave("w@test")
    assert "no worker that is alive can hold it: it needs about 0.6 GiB on a GPU" in said
    assert "can hold it" in small
    assert "hold" not in fine
