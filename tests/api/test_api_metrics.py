"""Figures over HTTP, as Prometheus reads them."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from api_service import Service, serving
from prometheus_client.parser import text_string_to_metric_families

from jobs import logs
from jobs.records import Dataset, Scope
from jobs.settings import Settings


def scraped(service: Service, **headers: str) -> dict[tuple[str, frozenset[Any]], float]:
    answer = service.http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(found: dict[tuple[str, frozenset[Any]], float], name: str, **labels: str) -> float:
    return found.get((f"s2convscn_{name}", frozenset(labels.items())), 0.0)


def test_requests_are_counted_by_route_and_not_by_id(service: Service, finished: str) -> None:
    route = {"method": "GET", "route": "/v1/jobs/{job_id}", "status": "200"}
    before = of(scraped(service), "http_request_seconds_count", **route)
    for _ in range(3):
        service.http.get(f"/v1/jobs/{finished}")
    service.http.get("/v1/jobs/job_none")
    service.http.get("/v1/nowhere")
    service.http.get("/page/main.js")
    found = scraped(service)
    assert of(found, "http_request_seconds_count", **route) == before + 3
    assert of(found, "http_request_seconds_count", **(route | {"status": "404"})) == 1
    nowhere = {"method": "GET", "route": "none", "status": "404"}
    assert of(found, "http_request_seconds_count", **nowhere) == 1
    page = {"method": "GET", "route": "/page", "status": "200"}
    assert of(found, "http_request_seconds_count", **page) == 1
    assert not any(finished in str(labels) for _, labels in found)
    assert found["process_resident_memory_bytes", frozenset()] > 0


def test_jobs_and_workers_are_told(service: Service, dataset: Dataset) -> None:
    before = scraped(service)
    body = {"dataset_id": dataset.id, "n_clusters": 2, "method": "lsr"}
    service.http.post("/v1/jobs", json=body)
    job = service.http.post("/v1/jobs", json=body).json()["id"]
    service.http.post(f"/v1/jobs/{job}/cancel")
    service.context.store.workers.beat("worker@metrics", "cpu", None)
    found = scraped(service)
    service.context.store.workers.leave("worker@metrics")
    queued = of(before, "jobs", status="queued")
    assert of(found, "jobs", status="queued") == queued + 1
    assert of(found, "queue_oldest_seconds") > 0
    ended = {"method": "lsr", "status": "cancelled", "problem": ""}
    assert of(found, "jobs_ended_total", **ended) == of(before, "jobs_ended_total", **ended) + 1
    assert of(found, "workers", device="cpu") == 1
    assert of(found, "streams") == 0


def test_failures_are_told_from_none_on(service: Service) -> None:
    found = scraped(service)
    for problem in ("job-failed", "diverged", "attempts-exhausted"):
        failed = {"method": "ensc", "status": "failed", "problem": problem}
        assert found["s2convscn_jobs_ended_total", frozenset(failed.items())] == 0


def test_figures_need_a_key_where_keys_are_on(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        _, secret = service.context.store.keys.make("ops", "", Scope.READ)
        service.problem(service.http.get("/metrics"), 401, "unauthenticated")
        assert of(scraped(service, authorization=f"Bearer {secret}"), "jobs", status="queued") == 0


def test_a_line_of_the_log_is_json_with_the_ids(capsys: pytest.CaptureFixture[str]) -> None:
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    try:
        logs.configure("json", "info", "api")
        token = logs.request_id.set("abc")
        logging.getLogger("app").info("said %s", "so")
        try:
            int("wrong\nindeed")
        except ValueError:
            logging.getLogger("app").exception("failed")
        logs.request_id.reset(token)
        logging.getLogger("app").debug("unsaid")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("time").endswith("+00:00")
    expected = {"level": "info", "logger": "app", "process": "api", "request_id": "abc"}
    assert first == expected | {"message": "said so"}
    assert second["level"] == "error"
    assert "ValueError: invalid literal" in second["exception"]
