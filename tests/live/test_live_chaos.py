"""Whatever is killed in mid-training, the job ends with the results of an undisturbed run."""

import os
import secrets
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from live_images import subspaces, write_zip
from live_service import Service, processes, running, wait_until

pytestmark = pytest.mark.chaos

CLUSTERS = 4
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 600,
    "pretrain_window": 300,
    "epochs": 300,
    "round_epochs": 2,
}
EPOCH = 40
ONCE = ["submitted", "claimed", "succeeded"]
TWICE = ["submitted", "claimed", "requeued", "claimed", "succeeded"]
REDIS = "redis://127.0.0.1:6379"
POSTGRES = "postgresql://root@127.0.0.1:5432"
READS = 200


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("upload") / "set.zip"
    return write_zip(path, *subspaces(clusters=CLUSTERS))


def submit(service: Service, archive: Path) -> str:
    dataset = service.client.upload(archive, truth="folders")
    return service.client.submit(dataset["id"], CLUSTERS, method=METHOD, seed=5)["id"]


@pytest.fixture(scope="module")
def undisturbed(service: Service, archive: Path) -> dict[str, str]:
    """The digests of the results of a run that nothing happens to."""
    began = time.monotonic()
    job_id = submit(service, archive)
    service.finish(job_id)
    assert service.events(job_id) == ONCE
    tell("nothing killed", began)
    return service.digests(job_id)


def tell(what: str, began: float, outcome: str = "succeeded") -> None:
    print(f"\n{what}: {outcome} after {time.monotonic() - began:.1f} s")  # noqa: T201 - a report


def check_results(service: Service, job_id: str, undisturbed: dict[str, str]) -> None:
    """Byte-equal results, one set of them, and nothing half-made beside them."""
    assert service.digests(job_id) == undisturbed
    assert service.stored(job_id) == sorted([*undisturbed, "report.html", "report.json"])
    wait_until(lambda: not service.scratch(), seconds=10)


@pytest.mark.parametrize(
    ("victims", "number", "events"),
    [
        (["trainer"], signal.SIGKILL, TWICE),
        (["worker"], signal.SIGKILL, TWICE),
        (["worker"], signal.SIGTERM, TWICE),
        (["broker"], signal.SIGKILL, ONCE),
        (["api"], signal.SIGKILL, ONCE),
        (["trainer", "worker", "api", "broker"], signal.SIGKILL, TWICE),
    ],
    ids=["trainer", "worker", "worker-asked", "broker", "api", "all"],
)
def test_job_survives(
    service: Service,
    archive: Path,
    undisturbed: dict[str, str],
    victims: list[str],
    number: signal.Signals,
    events: list[str],
) -> None:
    began = time.monotonic()
    job_id = submit(service, archive)
    service.until_training(job_id, EPOCH)
    pids = [service.pid(victim) for victim in victims]
    trainer = service.pid("trainer")
    for pid in pids:
        os.kill(pid, number)
    seen = service.follow(job_id)
    tell(f"{number.name} of {', '.join(victims)}", began, seen[-1]["status"])
    assert service.events(job_id) == events
    assert "pretraining" not in {job["phase"] for job in seen}
    check_results(service, job_id, undisturbed)
    assert processes(service.data_dir).keys().isdisjoint([*pids, trainer])


def test_stack_stopped_in_mid_training_goes_on_when_started_again(
    service: Service, archive: Path, undisturbed: dict[str, str]
) -> None:
    began = time.monotonic()
    job_id = submit(service, archive)
    service.until_training(job_id, EPOCH)
    service.stack.stop()
    left = processes(service.data_dir), service.scratch()
    service.start_again()
    assert left == ({}, [])
    service.finish(job_id)
    tell("stack stopped and started", began)
    assert service.events(job_id) == TWICE
    check_results(service, job_id, undisturbed)


def test_status_reads_while_a_job_trains(service: Service, archive: Path) -> None:
    job_id = submit(service, archive)
    service.until_training(job_id, 1)
    seconds, seen = [], []
    for _ in range(READS):
        began = time.monotonic()
        response = service.http.get(f"/v1/jobs/{job_id}")
        seconds.append(time.monotonic() - began)
        seen.append(response.json())
    assert {(job["status"], job["phase"]) for job in seen} == {("running", "training")}
    service.finish(job_id)
    median, slow = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    print(  # noqa: T201 - a report
        f"\n{READS} status reads while a job trains: median {median * 1e3:.1f} ms, "
        f"95 % within {slow * 1e3:.1f} ms"
    )


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A database of the real Redis that nobody uses, emptied afterwards."""
    for number in range(1, 13):
        url = f"{REDIS}/{number}"
        with redis.Redis.from_url(url) as client:
            try:
                free = client.dbsize() == 0
            except redis.ConnectionError as error:
                pytest.skip(f"no Redis at {REDIS}: {error}")
            if free:
                yield url
                client.flushdb()
                return
    pytest.skip(f"no empty database in the Redis at {REDIS}")


@pytest.fixture
def database_url() -> Iterator[str]:
    """A new database of the real PostgreSQL, dropped afterwards."""
    name = f"s2convscn_{secrets.token_hex(6)}"
    try:
        connection = psycopg.connect(f"{POSTGRES}/test", connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {error}")
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{POSTGRES.replace('postgresql', 'postgresql+psycopg')}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_real_redis_and_postgresql_give_the_same_results(
    archive: Path, undisturbed: dict[str, str], redis_url: str, database_url: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    servers = {"S2CONVSCN_BROKER_URL": redis_url, "S2CONVSCN_DATABASE_URL": database_url}
    with running(tmp_path / "data", servers) as service:
        assert not any("valkey" in words[0] for words in processes(service.data_dir).values())
        job_id = submit(service, archive)
        service.finish(job_id)
        tell("Redis and PostgreSQL", began)
        check_results(service, job_id, undisturbed)
    assert not (service.data_dir / "s2convscn.db").exists()
    assert not (service.data_dir / "broker").exists()
