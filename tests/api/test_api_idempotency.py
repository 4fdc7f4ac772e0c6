"""A request that is sent again with its Idempotency-Key makes nothing twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from api_service import Service, finish

from jobs.records import Dataset

Send = Callable[..., httpx.Response]


@pytest.fixture(params=["jobs", "comparisons"])
def send(request: pytest.FixtureRequest, service: Service, dataset: Dataset) -> Send:
    """A submission with a key; more members of its body."""

    def send(key: str, **more: Any) -> httpx.Response:
        body = {"dataset_id": dataset.id, "n_clusters": 2} | more
        if request.param == "comparisons":
            body |= {"methods": ["lsr", "kmeans"]}
        headers = {"Idempotency-Key": f"{key}-{request.param}"}
        return service.http.post(f"/v1/{request.param}", json=body, headers=headers)

    return send


def test_the_same_request_is_answered_with_what_it_made(service: Service, send: Send) -> None:
    first = send("one")
    rows = service.rows
    second = send("one")
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["location"] == first.headers["location"]
    assert second.json()["id"] == first.json()["id"]
    assert service.rows == rows
    third = send("two")
    assert third.json()["id"] != first.json()["id"]


def test_another_request_with_the_key_is_refused(service: Service, send: Send) -> None:
    made = send("taken").json()["id"]
    with service.unchanged():
        answer = send("taken", n_clusters=3)
        problem = service.problem(answer, 422, "idempotency-key-reused")
    assert problem["made"] == made


def test_a_refused_request_leaves_its_key_free(service: Service, send: Send) -> None:
    service.problem(send("wrong", n_clusters=5), 422, "invalid-n-clusters")
    assert send("wrong").status_code == 202


def test_of_equal_requests_at_once_one_makes_something(service: Service, send: Send) -> None:
    before = service.rows
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send("at-once"), range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    new = sum(len(now) - len(then) for now, then in zip(service.rows, before, strict=True))
    assert new in {1, 3}  # a job, or a comparison and its two jobs


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "\u00e9".encode("latin-1")])
def test_what_is_no_key(service: Service, dataset: Dataset, key: str | bytes) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    with service.unchanged():
        answer = service.http.post("/v1/jobs", json=body, headers={b"Idempotency-Key": key})
        service.problem(answer, 422, "invalid-request")


def test_a_job_is_resumed_once(service: Service, submitted: dict[str, Any]) -> None:
    path = f"/v1/jobs/{submitted['id']}"
    service.http.post(f"{path}/cancel")
    headers = {"Idempotency-Key": "resume"}
    first, second = (service.http.post(f"{path}/resume", headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"] != submitted["id"]
    other = service.http.post("/v1/jobs/job_other/resume", headers=headers)
    service.problem(other, 422, "idempotency-key-reused")


def test_an_answer_tells_of_now(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    headers = {"Idempotency-Key": "now"}
    job_id = service.http.post("/v1/jobs", json=body, headers=headers).json()["id"]
    finish(service.context, job_id)
    again = service.http.post("/v1/jobs", json=body, headers=headers)
    assert (again.json()["id"], again.json()["status"]) == (job_id, "succeeded")
    service.http.delete(f"/v1/jobs/{job_id}")
    service.problem(service.http.post("/v1/jobs", json=body, headers=headers), 410, "gone")
