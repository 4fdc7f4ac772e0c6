"""Predictions over HTTP: what is accepted, listed and refused; the number of clusters left open."""

from typing import Any

import numpy as np
import pytest
from api_service import Service, add_dataset, finish, npy

from app import examples
from jobs.records import Dataset


def upload(service: Service, array: Any, **options: str) -> str:
    headers = {"content-type": "application/x-npy"}
    answer = service.http.post("/v1/datasets", params=options, content=npy(array), headers=headers)
    assert answer.is_success, answer.text
    found: str = answer.json()["id"]
    return found


@pytest.fixture
def images(service: Service) -> str:
    return upload(service, np.random.default_rng(1).integers(0, 255, (5, 8, 8), np.uint8))


def predictions(job_id: str) -> str:
    return f"/v1/jobs/{job_id}/predictions"


def test_a_prediction_is_a_job_of_its_own(service: Service, finished: str, images: str) -> None:
    body = {"dataset_id": images, "priority": 7, "metadata": {"camera": "second"}}
    answer = service.http.post(predictions(finished), json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["predicts"], job["dataset_id"], job["status"]) == (finished, images, "queued")
    assert (job["priority"], job["metadata"]) == (7, {"camera": "second"})
    assert job["links"]["model"] == f"/v1/jobs/{finished}"
    assert "affinity" not in job["links"]
    assert job["request"]["n_clusters"] == 2
    assert job["request"]["image_size"] == [8, 8]
    source = service.http.get(f"/v1/jobs/{finished}").json()
    assert job["method"] == source["method"]
    listed = service.http.get(predictions(finished)).json()["items"]
    assert [one["id"] for one in listed] == [job["id"]]
    assert service.http.get(predictions(job["id"])).json() == {"items": [], "next_cursor": None}
    row = service.context.store.jobs.get(job["id"], "local")
    assert row.sent_at is not None


def test_the_same_request_is_answered_with_what_it_made(
    service: Service, finished: str, images: str
) -> None:
    headers, body = {"idempotency-key": f"one-{finished}"}, {"dataset_id": images}
    first = service.http.post(predictions(finished), json=body, headers=headers).json()
    again = service.http.post(predictions(finished), json=body, headers=headers).json()
    assert again["id"] == first["id"]
    other = service.http.post(predictions(finished), json=body | {"priority": 1}, headers=headers)
    service.problem(other, 422, "idempotency-key-reused")


def test_a_model_that_is_needed_is_not_deleted(
    service: Service, finished: str, images: str
) -> None:
    job = service.http.post(predictions(finished), json={"dataset_id": images}).json()
    service.problem(service.http.delete(f"/v1/jobs/{finished}"), 409, "job-in-use")
    service.http.post(f"/v1/jobs/{job['id']}/cancel")
    resumed = service.http.post(f"/v1/jobs/{job['id']}/resume").json()
    assert resumed["predicts"] == finished
    service.http.post(f"/v1/jobs/{resumed['id']}/cancel")
    assert service.http.delete(f"/v1/jobs/{finished}").status_code == 200
    gone = service.http.post(predictions(finished), json={"dataset_id": images})
    service.problem(gone, 410, "gone")


def test_a_model_that_is_deleted_meanwhile_is_gone(
    service: Service, finished: str, images: str
) -> None:
    service.context.artifacts.remove(f"jobs/{finished}/1/model.json")
    with service.unchanged():
        answer = service.http.post(predictions(finished), json={"dataset_id": images})
        service.problem(answer, 410, "gone")


def test_images_of_another_size_are_told_to_be_resized(service: Service, finished: str) -> None:
    larger = upload(service, np.random.default_rng(2).integers(0, 255, (3, 16, 12), np.uint8))
    job = service.http.post(predictions(finished), json={"dataset_id": larger}).json()
    (said,) = [n["detail"] for n in job["notices"] if n["code"] == "resized"]
    assert "8 x 8" in said


def test_what_the_model_says_of_itself_is_passed_on(
    service: Service, dataset: Dataset, images: str
) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    source = service.http.post("/v1/jobs", json=body).json()["id"]
    finish(service.context, source, [{"code": "weak-head", "detail": "It has learnt little."}])
    job = service.http.post(predictions(source), json={"dataset_id": images}).json()
    assert "It has learnt little." in [notice["detail"] for notice in job["notices"]]


def test_images_of_another_kind_are_refused(service: Service, finished: str) -> None:
    colour = upload(service, np.random.default_rng(3).integers(0, 255, (3, 8, 8, 3), np.uint8))
    rows = upload(service, np.random.default_rng(0).normal(0, 1, (6, 20)), kind="features")
    with service.unchanged():
        for dataset_id, word in ((colour, "colour"), (rows, "feature vectors of 20")):
            answer = service.http.post(predictions(finished), json={"dataset_id": dataset_id})
            problem = service.problem(answer, 422, "incompatible-images")
            assert word in problem["detail"]
            assert problem["channels"] == 1


@pytest.mark.parametrize(
    "method", ["lsr", "dscnet", {"method": "s2convscn", "gamma4": 0.0}, "kmeans"]
)
def test_what_trains_no_head_predicts_nothing(
    service: Service, dataset: Dataset, images: str, method: Any
) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2, "method": method}
    source = service.http.post("/v1/jobs", json=body).json()["id"]
    answer = service.http.post(predictions(source), json={"dataset_id": images})
    service.problem(answer, 409, "not-ready")
    finish(service.context, source)
    with service.unchanged():
        answer = service.http.post(predictions(source), json={"dataset_id": images})
        problem = service.problem(answer, 409, "no-trained-head")
        assert "gamma4" in problem["detail"]


def test_a_prediction_has_no_model_of_its_own(service: Service, finished: str, images: str) -> None:
    job = service.http.post(predictions(finished), json={"dataset_id": images}).json()["id"]
    finish(service.context, job)
    answer = service.http.post(predictions(job), json={"dataset_id": images})
    assert service.problem(answer, 409, "no-trained-head")["predicts"] == finished


def test_what_is_not_there_or_not_asked_for_is_refused(service: Service, finished: str) -> None:
    answer = service.http.post(predictions(finished), json={"dataset_id": "ds_none"})
    service.problem(answer, 404, "not-found")
    answer = service.http.post(predictions("job_none"), json={"dataset_id": "ds_none"})
    service.problem(answer, 404, "not-found")
    answer = service.http.post(predictions(finished), json={"dataset_id": "x", "seed": 3})
    problem = service.problem(answer, 422, "invalid-request")
    assert problem["errors"][0]["pointer"] == "/seed"


def test_the_spectrum_of_a_job(service: Service, submitted: dict, dataset: Dataset) -> None:
    path = f"/v1/jobs/{submitted['id']}/spectrum"
    service.problem(service.http.get(path), 409, "not-ready")
    finish(service.context, submitted["id"])
    assert service.http.get(path).json() == examples.SPECTRUM
    assert service.http.get(f"/v1/jobs/{submitted['id']}").json()["links"]["spectrum"] == path


def test_the_number_of_clusters_may_be_left_open(service: Service) -> None:
    dataset = add_dataset(service.context, [str(i) for i in range(30)])
    body = {"dataset_id": dataset.id, "n_clusters": "auto"}
    job = service.http.post("/v1/jobs", json=body).json()
    assert job["request"]["n_clusters"] == "auto"
    assert job["method"]["postprocessing"] is None, "depends on the number"
    assert job["method"]["epochs"] > 0
    assert job["method"]["encoder"], "does not"


@pytest.mark.parametrize("n", ["many", 1, 2.5, None, [3], True])
def test_what_is_no_number_of_clusters(service: Service, dataset: Dataset, n: Any) -> None:
    answer = service.http.post("/v1/jobs", json={"dataset_id": dataset.id, "n_clusters": n})
    problem = service.problem(answer, 422, "invalid-n-clusters")
    assert problem["errors"][0]["pointer"] == "/n_clusters"
    assert '"auto"' in problem["detail"]


def test_where_the_number_cannot_be_left_open(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": "auto"}
    few = service.problem(service.http.post("/v1/jobs", json=body), 422, "invalid-n-clusters")
    assert "4 images are too few" in few["detail"]
    many = add_dataset(service.context, [str(i) for i in range(30)])
    body = {"dataset_id": many.id, "n_clusters": "auto", "preset": "orl"}
    answer = service.http.post("/v1/jobs", json=body)
    assert "'orl'" in service.problem(answer, 422, "invalid-n-clusters")["detail"]
