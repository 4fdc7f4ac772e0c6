"""A job's events as they happen, through the whole stack and whatever breaks on the way."""

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from chaos.link import Link
from live_images import subspaces, write_zip
from live_service import Service, running, wait_until

from s2convscn.answers import Event

CLUSTERS = 4
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 600,
    "pretrain_window": 300,
    "epochs": 600,
    "round_epochs": 2,
}
POSTGRES = 5432
SOON = 60.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("upload") / "set.zip"
    return write_zip(path, *subspaces(clusters=CLUSTERS))


class Follower:
    """Reads the events of a job in a thread of its own."""

    def __init__(self, service: Service, job_id: str) -> None:
        self.seen: list[Event] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._follow, args=[service, job_id])
        self._thread.start()

    def _follow(self, service: Service, job_id: str) -> None:
        try:
            for event in service.client.events(job_id):
                self.seen.append(event)
        except Exception as error:  # noqa: BLE001 - told to the test
            self.error = error

    def finished(self) -> list[Event]:
        self._thread.join(SOON)
        assert self.error is None
        assert not self._thread.is_alive()
        return self.seen


def submit(service: Service, archive: Path) -> str:
    dataset = service.client.upload(archive, truth="folders")
    return service.client.submit(dataset["id"], CLUSTERS, method=METHOD, seed=5)["id"]


def test_events_of_a_job_as_the_service_is_killed(service: Service, archive: Path) -> None:
    job_id = submit(service, archive)
    follower = Follower(service, job_id)
    service.until_training(job_id, 20)
    os.kill(service.pid("api"), signal.SIGKILL)
    service.finish(job_id)
    seen = follower.finished()
    assert seen == service.listing(f"/v1/jobs/{job_id}/events"), "each once, in order"
    kinds = [event["kind"] for event in seen if event["kind"] != "progress"]
    assert kinds == ["submitted", "claimed", "succeeded"]
    check_progress([event["data"] for event in seen if event["kind"] == "progress"])


def check_progress(told: list[dict[str, Any]]) -> None:
    assert len(told) > 10
    for before, after in pairwise(told):
        assert before["progress"] <= after["progress"]
    training = [data for data in told if data["phase"] == "training"]
    assert [data["epoch"] for data in training] == sorted(data["epoch"] for data in training)
    assert all(data["epochs"] == METHOD["epochs"] for data in training)
    assert all(data["losses"]["L0"] > 0 for data in training)
    assert {"pretraining", "training"} <= {data["phase"] for data in told}


@pytest.fixture
def link() -> Iterator[Link]:
    found = Link(POSTGRES)
    yield found
    found.close()


@pytest.fixture
def database(link: Link) -> Iterator[str]:
    """The URL of an empty database of PostgreSQL behind the link."""
    name, server = f"s2convscn_{secrets.token_hex(4)}", f"postgresql://root@127.0.0.1:{POSTGRES}/"
    try:
        connection = psycopg.connect(server + "test", autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at 127.0.0.1:{POSTGRES}: {error}")
    with connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"postgresql+psycopg://root@127.0.0.1:{link.port}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.chaos
def test_a_database_that_is_away_is_told_of_and_waited_for(
    tmp_path: Path, archive: Path, link: Link, database: str
) -> None:
    with running(tmp_path, {"S2CONVSCN_DATABASE_URL": database}) as service:
        job_id = submit(service, archive)
        follower = Follower(service, job_id)
        wait_until(lambda: "claimed" in [event["kind"] for event in follower.seen])
        with link.refused():
            answer = service.http.get(f"/v1/jobs/{job_id}")
            assert answer.status_code == 503
            assert answer.json()["type"] == "/v1/problems/service-not-ready"
            assert answer.headers["retry-after"] == "5"
            assert str(link.port) not in answer.text, "what the driver said is for the log"
        service.finish(job_id)
        seen = follower.finished()
        assert seen == service.listing(f"/v1/jobs/{job_id}/events")
