"""A job's life over HTTP: read, list, cancel, resume, delete."""

from pathlib import Path
from typing import Any

from api_service import Service, add_dataset, finish, put_file

from jobs.errors import TimeLimit
from jobs.records import Dataset, Progress
from jobs.states import Phase

PROGRESS = Progress(
    phase=Phase.TRAINING, fraction=0.5, epoch=3, epochs=6, losses={"L0": 1.5}, finish_at=2e9
)


def read(service: Service, job_id: str) -> dict[str, Any]:
    answer = service.http.get(f"/v1/jobs/{job_id}")
    assert answer.status_code == 200
    return answer.json()


def submit(service: Service, dataset: Dataset) -> str:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    return service.http.post("/v1/jobs", json=body).json()["id"]


def claim(service: Service, job_id: str) -> int:
    return service.context.store.attempts.claim(job_id, "worker@test").attempt


def fail(service: Service, job_id: str) -> None:
    attempt = claim(service, job_id)
    error = TimeLimit("It ran longer than 60 seconds.", seconds=60)
    assert service.context.store.attempts.fail(job_id, attempt, error)


def test_a_queued_job_says_that_no_worker_is_alive(
    service: Service, submitted: dict[str, Any]
) -> None:
    job = read(service, submitted["id"])
    assert job["queue_position"] >= 1
    assert "no worker is alive" in job["message"]
    service.context.store.workers.beat("worker@test", "cpu", None)
    job = read(service, submitted["id"])
    service.context.store.workers.leave("worker@test")
    assert job["message"] == f"Queued at position {job['queue_position']}."


def test_a_running_job_shows_where_it_is(service: Service, submitted: dict[str, Any]) -> None:
    attempt = claim(service, submitted["id"])
    assert read(service, submitted["id"])["message"].startswith("Starting.")
    service.context.store.workers.beat("worker@test", "cpu", submitted["id"])
    service.context.store.attempts.heartbeat(submitted["id"], attempt, PROGRESS)
    answer = service.http.get(f"/v1/jobs/{submitted['id']}")
    service.context.store.workers.leave("worker@test")
    job = answer.json()
    assert answer.headers["retry-after"] == "1"
    assert job["status"] == "running"
    assert job["message"] == "Training the whole network: epoch 3 of 6."
    assert (job["phase"], job["progress"], job["epoch"], job["epochs"]) == ("training", 0.5, 3, 6)
    assert job["losses"] == {"L0": 1.5}
    assert job["estimated_finish"] == "2033-05-18T03:33:20Z"
    assert job["worker"]["name"] == "worker@test"
    assert job["worker"]["seen_at"].endswith("Z")
    assert job["queue_position"] is None
    assert job["attempt"] == 1


def test_a_finished_job(service: Service, finished: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}")
    job = answer.json()
    assert "retry-after" not in answer.headers
    assert job["terminal"] is True
    assert job["progress"] == 1
    assert job["result"]["final_labels"] == "spectral"
    assert "cancel" not in job["links"]
    for name in ("events", "labels", "checkpoints", "artifacts", "dataset"):
        assert service.http.get(job["links"][name]).status_code == 200


def test_a_failed_job_shows_its_problem(service: Service, submitted: dict[str, Any]) -> None:
    fail(service, submitted["id"])
    job = read(service, submitted["id"])
    assert job["error"]["type"] == "/v1/problems/time-limit"
    assert job["error"]["seconds"] == 60
    assert job["message"] == "Failed. It ran longer than 60 seconds."
    assert service.http.get(job["error"]["type"]).status_code == 200


def test_unknown_jobs(service: Service) -> None:
    for path in ("", "/events", "/labels", "/affinity", "/checkpoints", "/artifacts"):
        answer = service.http.get(f"/v1/jobs/job_none{path}")
        service.problem(answer, 404, "not-found")
    for path in ("/cancel", "/resume"):
        service.problem(service.http.post(f"/v1/jobs/job_none{path}"), 404, "not-found")
    service.problem(service.http.delete("/v1/jobs/job_none"), 404, "not-found")
    service.problem(service.http.get("/v1/jobs/a%00b"), 422, "invalid-request")


def test_lists_in_pages_and_by_filter(service: Service) -> None:
    dataset = add_dataset(service.context, ["0", "1"])
    made = [submit(service, dataset) for _ in range(3)]
    fail(service, made[0])
    found, cursor = [], None
    while True:
        params = {"limit": 2, "dataset_id": dataset.id} | ({"cursor": cursor} if cursor else {})
        page = service.http.get("/v1/jobs", params=params).json()
        found += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]
    for params, expected in [
        ({"status": "failed"}, made[:1]),
        ({"status": "queued"}, made[:0:-1]),
        ({"method": "dscnet"}, []),
        ({"method": "s2convscn", "limit": 100_000}, made[::-1]),
    ]:
        page = service.http.get("/v1/jobs", params={"dataset_id": dataset.id} | params).json()
        assert [job["id"] for job in page["items"]] == expected


def test_a_list_by_metadata(service: Service, dataset: Dataset) -> None:
    body = {"dataset_id": dataset.id, "n_clusters": 2, "metadata": {"run": "a=b", "who": "me"}}
    job = service.http.post("/v1/jobs", json=body).json()
    for wanted, expected in [(["run=a=b"], [job["id"]]), (["run=a=b", "who=you"], [])]:
        page = service.http.get("/v1/jobs", params={"metadata": wanted}).json()
        assert [found["id"] for found in page["items"]] == expected
    answer = service.http.get("/v1/jobs", params={"metadata": "run"})
    assert "?metadata" in service.problem(answer, 422, "invalid-request")["detail"]


def test_wrong_list_parameters(service: Service) -> None:
    for params, slug in [
        ({"limit": 0}, "invalid-request"),
        ({"status": "done"}, "invalid-request"),
        ({"cursor": "!"}, "invalid-cursor"),
        ({"cursor": "x" * 300}, "invalid-cursor"),
    ]:
        service.problem(service.http.get("/v1/jobs", params=params), 422, slug)
    service.problem(service.http.get("/v1/jobs?cursor=AAAA"), 422, "invalid-cursor")


def test_a_queued_job_is_cancelled_at_once(service: Service, submitted: dict[str, Any]) -> None:
    for _ in range(2):
        answer = service.http.post(f"/v1/jobs/{submitted['id']}/cancel")
        assert answer.status_code == 200
        assert answer.json()["status"] == "cancelled"


def test_a_running_job_is_asked_to_stop(service: Service, submitted: dict[str, Any]) -> None:
    attempt = claim(service, submitted["id"])
    for _ in range(2):
        answer = service.http.post(f"/v1/jobs/{submitted['id']}/cancel")
        assert answer.status_code == 202
        assert answer.json()["message"] == "Stopping."
    service.context.store.attempts.cancelled(submitted["id"], attempt)
    assert read(service, submitted["id"])["message"] == "Cancelled."


def test_cancelling_a_finished_job_changes_nothing(service: Service, finished: str) -> None:
    answer = service.http.post(f"/v1/jobs/{finished}/cancel")
    assert answer.status_code == 200
    assert answer.json()["status"] == "succeeded"


def test_a_failed_job_is_resumed_by_a_new_one(service: Service, submitted: dict[str, Any]) -> None:
    attempt = claim(service, submitted["id"])
    name = "checkpoint-000001.safetensors"
    record = put_file(service.context, submitted["id"], name, "checkpoint", b"state")
    service.context.store.attempts.save_checkpoint(submitted["id"], attempt, [record])
    running = service.http.post(f"/v1/jobs/{submitted['id']}/resume")
    service.problem(running, 409, "not-resumable")
    error = TimeLimit("It ran longer than 60 seconds.")
    service.context.store.attempts.fail(submitted["id"], attempt, error)
    answer = service.http.post(f"/v1/jobs/{submitted['id']}/resume")
    assert answer.status_code == 202
    new = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{new['id']}"
    assert new["resumed_from"] == submitted["id"]
    assert new["request"] == submitted["request"]
    assert new["method"] == submitted["method"]
    taken = service.context.store.attempts.claim(new["id"], "worker@test")
    assert [file.name for file in taken.checkpoint] == [name]


def test_a_finished_job_cannot_be_resumed(service: Service, finished: str) -> None:
    service.problem(service.http.post(f"/v1/jobs/{finished}/resume"), 409, "not-resumable")


def test_a_deleted_job_is_gone_with_its_files(service: Service, submitted: dict[str, Any]) -> None:
    path = f"/v1/jobs/{submitted['id']}"
    service.problem(service.http.delete(path), 409, "conflict")
    finish(service.context, submitted["id"])
    held = sum(Path(file).stat().st_size for file in service.files if submitted["id"] in file)
    assert held > 0
    answer = service.http.delete(path)
    assert answer.status_code == 200
    assert answer.json() == {"id": submitted["id"], "bytes_freed": held}
    assert not any(submitted["id"] in file for file in service.files)
    for suffix in ("", "/labels", "/artifacts/report.json", "/checkpoints/model.safetensors"):
        service.problem(service.http.get(path + suffix), 410, "gone")
    service.problem(service.http.delete(path), 410, "gone")
