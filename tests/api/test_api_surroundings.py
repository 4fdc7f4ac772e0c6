"""What surrounds every request: ids, host and origin checks, crashes; health, methods, problems."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from api_service import Service, serving

from app import problems
from jobs.settings import Settings


def test_a_request_id_is_made_or_taken_over(service: Service) -> None:
    made = service.http.get("/livez").headers["x-request-id"]
    assert len(made) == 16
    taken = service.http.get("/livez", headers={"x-request-id": "mine-1"})
    assert taken.headers["x-request-id"] == "mine-1"
    forged = service.http.get("/livez", headers={"x-request-id": "a b"})
    assert forged.headers["x-request-id"] != "a b"


def test_unknown_paths_and_operations(service: Service) -> None:
    for path in ("/nothing", "/page/nothing.js", "/v1/nothing", "/v1/datasets/", "/figures"):
        service.problem(service.http.get(path), 404, "no-such-route")
    answer = service.http.put("/v1/jobs")
    service.problem(answer, 405, "not-an-operation")
    assert answer.headers["allow"] == "GET, POST"
    assert service.http.put("/v1/jobs/x").headers["allow"] == "DELETE, GET"
    assert service.http.put("/v1/jobs/x/labels").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "["]
)
def test_foreign_hosts_are_refused(service: Service, host: str) -> None:
    answer = service.http.get("/v1/jobs", headers={"host": host})
    assert service.problem(answer, 403, "forbidden-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1"])
def test_loopback_hosts_are_served(service: Service, host: str) -> None:
    assert service.http.get("/livez", headers={"host": host}).status_code == 200


def test_other_origins_change_nothing(service: Service) -> None:
    own = f"http://127.0.0.1:{service.port}"
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null", "http://["):
        with service.unchanged():
            for path in ("/v1/jobs", "/v1/datasets"):
                answer = service.http.post(path, content=b"x", headers={"origin": origin})
                service.problem(answer, 403, "forbidden-origin")
            answer = service.http.delete("/v1/jobs/x", headers={"origin": origin})
            service.problem(answer, 403, "forbidden-origin")
    answer = service.http.delete("/v1/jobs/x", headers={"origin": own})
    service.problem(answer, 404, "not-found")


def test_ready_with_all_parts(service: Service) -> None:
    answer = service.http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "broker": "ok", "store": "ok"}
    assert answer.json()["workers"] == 0


def test_not_ready_without_broker_and_store(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        service.context.artifacts.root.rmdir()
        answer = service.http.get("/readyz")
        problem = service.problem(answer, 503, "service-not-ready")
        assert answer.headers["retry-after"] == "5"
        assert problem["checks"]["database"] == "ok"
        assert problem["checks"]["broker"] != "ok"
        assert problem["checks"]["store"] != "ok"
        assert service.http.get("/livez").status_code == 200


def test_a_crash_is_a_problem_with_the_logs_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        for file in tmp_path.glob("s2convscn.db*"):
            file.unlink()
        (tmp_path / "s2convscn.db").write_text("no database")
        service.context.store.close()
        answer = service.http.get("/v1/jobs")
        problem = service.problem(answer, 500, "internal-error")
    assert problem["request_id"] in problem["detail"]
    assert problem["request_id"] in caplog.text
    assert "database" not in problem["detail"]


def test_workers(service: Service, submitted: dict[str, str]) -> None:
    has = {"kind": "cpu", "memory_bytes": 5, "version": "0.1.0", "versions": {"torch": "2"}}
    service.context.store.workers.beat("worker@test", "cpu", submitted["id"], since=0.0, **has)
    (worker,) = service.http.get("/v1/workers").json()["items"]
    service.context.store.workers.leave("worker@test")
    assert (worker["name"], worker["device"]) == ("worker@test", "cpu")
    assert worker["job_id"] == submitted["id"]
    assert {name: worker[name] for name in has} == has
    assert worker["since"] == "1970-01-01T00:00:00Z"
    assert service.http.get("/v1/workers").json() == {"items": []}


def test_the_catalogue(service: Service) -> None:
    methods = {m["name"]: m for m in service.http.get("/v1/methods").json()["items"]}
    assert {"s2convscn", "dscnet"} <= set(methods)
    for name, method in methods.items():
        assert service.http.get(f"/v1/methods/{name}").json() == method
        assert method["citation"]
        assert method["parameters"]["type"] == "object"
        assert set(method["defaults"]) == set(method["parameters"]["properties"])
    assert "orl" in methods["s2convscn"]["presets"]
    assert methods["ssc"]["presets"] == ["auto", "yaleb"]
    service.problem(service.http.get("/v1/methods/k-means"), 404, "not-found")


def test_every_kind_of_problem_is_explained(service: Service) -> None:
    listed = {item["type"] for item in service.http.get("/v1/problems").json()["items"]}
    assert listed == {f"/v1/problems/{kind.slug()}" for kind in problems.kinds()}
    assert {"/v1/problems/job-too-large", "/v1/problems/time-limit"} <= listed
    for path in listed:
        body = service.http.get(path).json()
        assert body["type"] == path
        assert 400 <= body["status"] < 600
    service.problem(service.http.get("/v1/problems/boredom"), 404, "not-found")


def test_the_api_loads_without_the_science() -> None:
    heavy = "('torch', 'numpy', 'sklearn', 'scipy', 'matplotlib', 'worker', 'pandas')"
    code = f"import sys, app.main; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("S2CONVSCN_HOST", "0.0.0.0"), ("S2CONVSCN_PORT", "zero")],  # noqa: S104 - refused
)
def test_settings_that_cannot_be_served(tmp_path: Path, variable: str, value: str) -> None:
    environment = os.environ | {variable: value, "S2CONVSCN_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "app"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert ended.returncode == 2
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()
