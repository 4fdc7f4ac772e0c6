"""Comparisons over HTTP: submit, its refusals, list, read, cancel, resume, delete."""

from pathlib import Path
from typing import Any

import pytest
from api_service import Service, add_dataset, comparing, serving, settle

from jobs.errors import TimeLimit
from jobs.records import Dataset
from jobs.settings import Settings

METHODS = ["lsr", "kmeans", {"method": "ensc", "gamma": 10}]


@pytest.fixture
def sent(service: Service, dataset: Dataset) -> dict[str, Any]:
    return comparing(service, dataset, methods=METHODS, seeds=[0, 7])


def read(service: Service, comparison: dict[str, Any]) -> dict[str, Any]:
    answer = service.http.get(comparison["links"]["self"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def claim(service: Service, job_id: str) -> int:
    return service.context.store.attempts.claim(job_id, "worker@test").attempt


def fail(service: Service, job_id: str) -> None:
    error = TimeLimit("It ran longer than 60 seconds.")
    assert service.context.store.attempts.fail(job_id, claim(service, job_id), error)


def cancelled(service: Service, comparison: dict[str, Any]) -> None:
    service.http.post(comparison["links"]["cancel"])


def test_a_job_for_each_method_and_seed_is_stored_then_sent(
    service: Service, dataset: Dataset
) -> None:
    body = {
        "dataset_id": dataset.id,
        "n_clusters": 2,
        "methods": METHODS,
        "seeds": [0, 7],
        "image_size": 16,
        "max_seconds": 60,
        "metadata": {"run": "first"},
        "name": "Three ways",
    }
    answer = service.http.post("/v1/comparisons", json=body)
    assert answer.status_code == 202
    comparison = answer.json()
    assert answer.headers["location"] == comparison["links"]["self"]
    assert int(answer.headers["retry-after"]) > 0
    assert (comparison["status"], comparison["terminal"]) == ("queued", False)
    assert comparison["counts"] == {"queued": 6}
    assert comparison["name"] == "Three ways"
    assert comparison["request"]["methods"] == [{"method": "lsr"}, {"method": "kmeans"}, METHODS[2]]
    assert [(job["method"]["method"], job["seed"]) for job in comparison["jobs"]] == [
        (name, seed) for name in ("lsr", "kmeans", "ensc") for seed in (0, 7)
    ]
    for child in comparison["jobs"]:
        job = service.http.get(child["links"]["self"]).json()
        assert job["request"]["seed"] == child["seed"]
        assert job["request"]["method"] == child["method"]
        assert job["request"]["image_size"] == [16, 16]
        assert (job["metadata"], job["max_seconds"]) == ({"run": "first"}, 60)
        assert [notice["code"] for notice in job["notices"]] == ["duplicates"]
        assert service.context.store.jobs.get(job["id"], "local").sent_at is not None
    assert job["method"]["gamma"] == 10
    assert read(service, comparison) == comparison


def test_every_method_starts_before_a_second_seed(service: Service, sent: dict[str, Any]) -> None:
    in_order = sorted(sent["jobs"], key=lambda job: job["job_id"])
    assert [job["seed"] for job in in_order] == [0, 0, 0, 7, 7, 7]


def test_the_name_is_by_default_the_data_sets(service: Service, sent: dict[str, Any]) -> None:
    assert sent["name"] == "made"


def test_a_preset_is_for_the_methods_that_have_it(service: Service, dataset: Dataset) -> None:
    methods = ["ssc", "ensc"]
    comparison = comparing(service, dataset, methods=methods, preset="yaleb", image_size=32)
    ssc, ensc = (service.http.get(job["links"]["self"]).json() for job in comparison["jobs"])
    assert (ssc["request"]["preset"], ensc["request"]["preset"]) == ("yaleb", None)
    own = {"dataset_id": dataset.id, "n_clusters": 2, "method": "ssc", "preset": "yaleb"}
    assert ssc["method"] == service.http.post("/v1/jobs", json=own).json()["method"]
    assert "no-preset" not in [notice["code"] for notice in ssc["notices"]]
    for notices in (ensc["notices"], comparison["notices"]):
        (said,) = [notice for notice in notices if notice["code"] == "no-preset"]
        assert "ensc has no preset 'yaleb'" in said["detail"]


TWO = ["lsr", "ensc"]
REFUSALS = [
    ({"n_clusters": 1}, "invalid-n-clusters", "/n_clusters"),
    ({"n_clusters": 5}, "invalid-n-clusters", "choose 2 to 4"),
    ({"methods": ["lsr"]}, "invalid-request", "/methods must have at least 2"),
    ({"methods": "lsr"}, "invalid-request", "/methods"),
    ({"methods": None}, "invalid-request", "/methods"),
    ({"methods": ["lsr"] * 17}, "invalid-request", "/methods may have 16"),
    ({"methods": [*TWO, "k-means"]}, "unknown-method", "/methods/2 names no method"),
    ({"methods": [*TWO, {"gamma": 1}]}, "unknown-method", "/methods/2 must be a method's name"),
    ({"methods": [*TWO, 5]}, "invalid-hyperparameter", "/methods/2 must be a method's name"),
    (
        {"methods": [*TWO, {"method": "lsr", "gamma9": 1}]},
        "unknown-hyperparameter",
        "/methods/2/gamma9 is not known; GET /v1/methods/lsr lists",
    ),
    (
        {"methods": [*TWO, {"method": "s2convscn", "encoder": [[99, 8]]}]},
        "invalid-hyperparameter",
        "/methods/2/encoder/0/0 should be less than or equal to 15.",
    ),
    (
        {"methods": [*TWO, {"method": "s2convscn", "final_labels": "head", "gamma4": 0}]},
        "invalid-hyperparameter",
        "/methods/2 final_labels 'head' needs a trained head",
    ),
    (
        {"methods": [*TWO, {"method": "ssc-omp", "coefficients": 9}]},
        "invalid-hyperparameter",
        "/methods/2: coefficients is 9",
    ),
    (
        {"methods": ["lsr", "ensc", "lsr"]},
        "invalid-request",
        "/methods/2 is the same as /methods/0",
    ),
    (
        {"methods": ["ensc", {"method": "ensc", "gamma": 5}]},
        "invalid-request",
        "/methods/1 is the same as /methods/0 once all is filled in",
    ),
    ({"method": "lsr"}, "invalid-request", "/method is not known"),
    ({"preset": "mnist"}, "unknown-preset", "None of these methods has the preset 'mnist'"),
    ({"preset": "orl"}, "unknown-preset", "they have auto"),
    ({"seeds": []}, "invalid-request", "/seeds must have at least 1"),
    ({"seeds": [1, 1]}, "invalid-request", "/seeds must differ from each other"),
    ({"seeds": [0, -1]}, "invalid-request", "/seeds/1"),
    ({"seeds": list(range(11))}, "invalid-request", "/seeds may have 10"),
    ({"seeds": 3}, "invalid-request", "/seeds"),
    (
        {
            "methods": [{"method": "ensc", "gamma": g} for g in range(2, 10)],
            "seeds": list(range(9)),
        },
        "invalid-request",
        "72 jobs (methods x seeds), 64 are allowed",
    ),
    ({"ensemble": 2}, "invalid-request", "/ensemble is not known"),
    ({"image_size": [8]}, "invalid-request", "/image_size/1"),
    ({"metadata": {"a": 1}}, "invalid-request", "/metadata/a"),
    ({"max_seconds": 0}, "invalid-request", "/max_seconds"),
    ({"name": ""}, "invalid-request", "/name"),
    ({"name": "\x00"}, "invalid-request", "/name"),
]


@pytest.mark.parametrize(("change", "slug", "hint"), REFUSALS)
def test_refused_comparisons_leave_no_row(
    service: Service, dataset: Dataset, change: dict[str, Any], slug: str, hint: str
) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2, "methods": TWO} | change
    with service.unchanged():
        problem = service.problem(service.http.post("/v1/comparisons", json=body), 422, slug)
    assert hint in problem["detail"]


def test_a_refusal_points_at_the_method(service: Service, dataset: Dataset) -> None:
    omp = {"method": "ssc-omp", "coefficients": 9}
    for wrong, pointer in [(omp, "/methods/1"), ({"method": "ensc", "tau": 9}, "/methods/1/tau")]:
        body = {"dataset_id": dataset.id, "n_clusters": 2, "methods": ["lsr", wrong]}
        problem = service.http.post("/v1/comparisons", json=body).json()
        assert [entry["pointer"] for entry in problem["errors"]] == [pointer]


def test_refused_comparisons_of_no_data_set(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": "ds_none", "n_clusters": 2, "methods": TWO}
    with service.unchanged():
        service.problem(service.http.post("/v1/comparisons", json=body), 404, "not-found")
    service.http.delete(f"/v1/datasets/{dataset.id}")
    body["dataset_id"] = dataset.id
    with service.unchanged():
        service.problem(service.http.post("/v1/comparisons", json=body), 410, "gone")
    mixed = add_dataset(service.context, ["0", "1", "2"], mixed=True)
    body["dataset_id"] = mixed.id
    with service.unchanged():
        answer = service.http.post("/v1/comparisons", json=body)
        service.problem(answer, 422, "image-size-needed")


def test_one_method_that_needs_too_much_memory(tmp_path: Path) -> None:
    limit = 614_500 * 1024
    with serving(Settings(data_dir=tmp_path, max_job_bytes=limit)) as service:
        dataset = add_dataset(service.context, ["0", "1"])
        body = {"dataset_id": dataset.id, "n_clusters": 2, "methods": ["kmeans", "s2convscn"]}
        with service.unchanged():
            answer = service.http.post("/v1/comparisons", json=body)
            problem = service.problem(answer, 422, "job-too-large")
    assert problem["detail"].startswith("/methods/1: About")
    assert problem["limit_bytes"] == limit < problem["estimate_bytes"]


def test_without_a_broker_the_jobs_are_kept_for_the_reaper(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        dataset = add_dataset(service.context, ["0", "1"])
        comparison = comparing(service, dataset, methods=TWO)
        assert "broker-unavailable" in [notice["code"] for notice in comparison["notices"]]
        ids = sorted(job["job_id"] for job in comparison["jobs"])
        assert service.context.store.attempts.unsent(-1) == ids
        assert read(service, comparison)["counts"] == {"queued": 2}


def test_the_status_follows_from_the_jobs(service: Service, sent: dict[str, Any]) -> None:
    ids = [job["job_id"] for job in sent["jobs"]]
    assert read(service, sent)["message"].endswith("No worker is alive: start one.")
    attempt = claim(service, ids[0])
    assert read(service, sent)["status"] == "running"
    service.http.post(f"/v1/jobs/{ids[0]}/cancel")
    service.context.store.attempts.cancelled(ids[0], attempt)
    fail(service, ids[1])
    for job_id in ids[2:]:
        settle(service.context, job_id, [0, 0, 1, 1])
    answer = service.http.get(sent["links"]["self"])
    assert "retry-after" not in answer.headers
    comparison = answer.json()
    assert (comparison["status"], comparison["terminal"]) == ("succeeded", True)
    assert comparison["message"] == "6 of 6 jobs are over: 4 succeeded, 1 failed, 1 cancelled."
    assert comparison["jobs"][1]["error"]["type"] == "/v1/problems/time-limit"
    assert comparison["progress"] == 1
    assert comparison["finished_at"]
    assert "cancel" not in comparison["links"]


def test_a_comparison_without_a_result_has_failed(service: Service, sent: dict[str, Any]) -> None:
    fail(service, sent["jobs"][0]["job_id"])
    cancelled(service, sent)
    comparison = read(service, sent)
    assert comparison["status"] == "failed"
    assert comparison["counts"] == {"failed": 1, "cancelled": 5}


def test_cancelling_stops_what_is_not_over(service: Service, sent: dict[str, Any]) -> None:
    ids = [job["job_id"] for job in sent["jobs"]]
    settle(service.context, ids[0], [0, 0, 1, 1])
    attempt = claim(service, ids[1])
    for _ in range(2):
        answer = service.http.post(sent["links"]["cancel"])
        assert answer.status_code == 202
        assert answer.json()["status"] == "cancelling"
        assert answer.json()["counts"] == {"succeeded": 1, "cancelling": 1, "cancelled": 4}
    service.context.store.attempts.cancelled(ids[1], attempt)
    for _ in range(2):
        answer = service.http.post(sent["links"]["cancel"])
        assert answer.status_code == 200
        assert answer.json()["counts"] == {"succeeded": 1, "cancelled": 5}


def test_cancelling_reaches_jobs_that_do_not_count(service: Service, sent: dict[str, Any]) -> None:
    cancelled(service, sent)
    old = sent["jobs"][0]["links"]["self"]
    resumed = [service.http.post(f"{old}/resume").json()["links"]["self"] for _ in range(2)]
    service.problem(service.http.delete(sent["links"]["self"]), 409, "conflict")
    assert service.http.post(f"{sent['links']['self']}/cancel").json()["terminal"]
    assert {service.http.get(path).json()["status"] for path in resumed} == {"cancelled"}
    assert service.http.delete(sent["links"]["self"]).status_code == 200


def test_a_job_that_goes_on_takes_the_place_of_the_old_one(
    service: Service, sent: dict[str, Any]
) -> None:
    cancelled(service, sent)
    old = sent["jobs"][2]["job_id"]
    new = service.http.post(f"/v1/jobs/{old}/resume").json()
    comparison = read(service, sent)
    assert (comparison["status"], comparison["terminal"]) == ("running", False)
    assert comparison["jobs"][2]["job_id"] == new["id"]
    assert comparison["jobs"][2]["status"] == "queued"
    service.http.post(f"/v1/jobs/{new['id']}/cancel")
    newest = service.http.post(f"/v1/jobs/{new['id']}/resume").json()
    settle(service.context, newest["id"], [0, 1, 0, 1])
    assert read(service, sent)["counts"] == {"succeeded": 1, "cancelled": 5}
    service.http.delete(f"/v1/jobs/{newest['id']}")
    assert read(service, sent)["jobs"][2]["job_id"] == new["id"]
    service.http.delete(sent["links"]["self"])
    for job_id in (old, new["id"], newest["id"]):
        service.problem(service.http.get(f"/v1/jobs/{job_id}"), 410, "gone")


def test_a_deleted_job_leaves_its_place_empty(service: Service, sent: dict[str, Any]) -> None:
    cancelled(service, sent)
    service.http.delete(sent["jobs"][0]["links"]["self"])
    comparison = read(service, sent)
    assert comparison["counts"] == {"cancelled": 5, "deleted": 1}
    first = comparison["jobs"][0]
    assert (first["job_id"], first["status"], first["links"]) == (None, "deleted", {})
    for child in sent["jobs"][1:]:
        service.http.delete(child["links"]["self"])
    comparison = read(service, sent)
    assert (comparison["status"], comparison["counts"]) == ("cancelled", {"deleted": 6})
    assert service.http.delete(sent["links"]["self"]).status_code == 200


def test_a_comparison_is_deleted_with_its_jobs_and_files(
    service: Service, sent: dict[str, Any]
) -> None:
    path = sent["links"]["self"]
    settle(service.context, sent["jobs"][0]["job_id"], [0, 0, 1, 1])
    problem = service.problem(service.http.delete(path), 409, "conflict")
    assert problem["detail"] == "5 of its jobs are not finished: cancel it first."
    cancelled(service, sent)
    assert any(sent["jobs"][0]["job_id"] in file for file in service.files)
    assert service.http.delete(path).status_code == 200
    assert not any(sent["jobs"][0]["job_id"] in file for file in service.files)
    for suffix in ("", "/ranking", "/chart"):
        service.problem(service.http.get(path + suffix), 410, "gone")
    service.problem(service.http.post(f"{path}/cancel"), 410, "gone")
    service.problem(service.http.delete(path), 410, "gone")
    for child in sent["jobs"]:
        service.problem(service.http.get(child["links"]["self"]), 410, "gone")


def test_lists_in_pages(service: Service, dataset: Dataset) -> None:
    made = [comparing(service, dataset, methods=TWO)["id"] for _ in range(3)]
    first = service.http.get("/v1/comparisons", params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == made[:0:-1]
    assert "jobs" not in first["items"][0]
    assert first["items"][0]["counts"] == {"queued": 2}
    rest = service.http.get("/v1/comparisons", params={"cursor": first["next_cursor"]}).json()
    assert rest["items"][0]["id"] == made[0]
    answer = service.http.get("/v1/comparisons", params={"cursor": "!"})
    service.problem(answer, 422, "invalid-cursor")


def test_unknown_comparisons(service: Service) -> None:
    for suffix in ("", "/ranking", "/chart"):
        answer = service.http.get(f"/v1/comparisons/cmp_none{suffix}")
        service.problem(answer, 404, "not-found")
    service.problem(service.http.post("/v1/comparisons/cmp_none/cancel"), 404, "not-found")
    service.problem(service.http.delete("/v1/comparisons/cmp_none"), 404, "not-found")
    service.problem(service.http.get("/v1/comparisons/a%00b"), 422, "invalid-request")
