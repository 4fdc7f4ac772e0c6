"""Quotas and rates of an owner, over HTTP."""

from pathlib import Path
from typing import Any

from api_service import add_dataset, broker_running, png_zip, serving

from app.rates import Rates
from jobs.settings import Settings


def test_a_bucket_fills_as_time_goes_by() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert [rates.take("a", 0.5) for _ in range(6)] == [0, 0, 0, 0, 0, 2]
    assert rates.take("b", 0.5) == 0
    now[0] = 1.0
    assert rates.take("a", 0.5) == 1
    now[0] = 2.0
    assert rates.take("a", 0.5) == 0
    now[0] = 1000.0
    assert [rates.take("a", 0.5) for _ in range(6)] == [0, 0, 0, 0, 0, 2]


def test_who_asks_too_often_is_told_when_to_ask_again(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path, max_requests_per_second=0.2)) as service:
        answers = [service.http.get("/v1/jobs") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        problem = service.problem(answers[-1], 429, "too-many-requests")
        assert answers[-1].headers["retry-after"] == str(problem["retry_after"])
        assert 1 <= problem["retry_after"] <= 5
        assert service.http.get("/livez").status_code == 200


def test_a_quota_is_a_problem_with_its_figures(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"max_owner_datasets": 1, "max_owner_jobs": 1}
    settings = Settings(data_dir=tmp_path, **limits)
    with broker_running(tmp_path), serving(settings) as service:
        dataset = add_dataset(service.context, ["a.png", "b.png", "c.png"])
        with service.unchanged():
            answer = service.http.post("/v1/datasets", content=png_zip())
            problem = service.problem(answer, 403, "quota-exceeded")
            assert (problem["limit"], problem["needed"]) == (1, 2)
        body = {"dataset_id": dataset.id, "n_clusters": 2, "method": "lsr"}
        assert service.http.post("/v1/jobs", json=body).status_code == 202
        with service.unchanged():
            answer = service.http.post("/v1/jobs", json=body)
            service.problem(answer, 403, "quota-exceeded")
            compared = {"dataset_id": dataset.id, "n_clusters": 2, "methods": ["lsr", "kmeans"]}
            answer = service.http.post("/v1/comparisons", json=compared)
            service.problem(answer, 403, "quota-exceeded")


def test_at_the_limit_the_same_bytes_are_the_same_data_set(tmp_path: Path) -> None:
    archive = png_zip()
    with serving(Settings(data_dir=tmp_path, max_owner_datasets=1)) as service:
        first = service.http.post("/v1/datasets", content=archive)
        again = service.http.post("/v1/datasets", content=archive)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
