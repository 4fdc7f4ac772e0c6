"""A live stack for tests: started as users start it, and asked over HTTP alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from s2convscn import Client, warden
from s2convscn.answers import Job
from s2convscn.stack import LocalStack, free_port

SETTINGS = {
    "S2CONVSCN_BROKER_URL": "",
    "S2CONVSCN_DATABASE_URL": "",
    "S2CONVSCN_DEVICE": "cpu",
    "S2CONVSCN_THREADS": "1",
    "S2CONVSCN_LEASE_SECONDS": "5",
    "S2CONVSCN_HEARTBEAT_SECONDS": "0.2",
    "S2CONVSCN_CHECKPOINT_SECONDS": "0.3",
}
"""Embedded broker and database; a short memory, so that what was killed is soon missed."""
ROLES: dict[str, Callable[[list[str]], bool]] = {
    "api": lambda words: words[1:] == ["-P", "-m", "app"],
    "worker": lambda words: words[1:] == ["-P", "-m", "worker"],
    "trainer": lambda words: words[1:] == ["-P", "-m", "worker.trainer", "> trainer.log"],
    "broker": lambda words: "valkey-server" in words[0] or "redis-server" in words[0],
}


class Service:
    """A running stack, a client of it, and a plain HTTP connection for what the client lacks."""

    stack_class = LocalStack

    def __init__(self, data_dir: Path, port: int, client: Client, http: httpx.Client) -> None:
        self.data_dir = data_dir
        self.client = client
        self.http = http
        self.stack = self.stack_class(data_dir, port=port)

    def start_again(self) -> None:
        """On the same folder and port, after ``stack.stop()``."""
        self.stack = self.stack_class(self.data_dir, port=self.stack.port)
        self.stack.start()

    def get(self, path: str, **parameters: Any) -> Any:
        response = self.http.get(path, params=parameters)
        assert response.is_success, response.text
        return response.json()

    def listing(self, path: str) -> list[Any]:
        """The items of all pages."""
        return [*self.client.pages(path, limit=100)]

    def follow(self, job_id: str) -> list[Job]:
        """All that is seen of a job until it has ended; that nobody answers at times is borne."""
        seen: list[Job] = []
        while not (seen and seen[-1]["terminal"]):
            self.stack.check()
            with suppress(httpx.TransportError):
                seen.append(self.client.job(job_id))
            time.sleep(0.1)
        return seen

    def finish(self, job_id: str) -> Job:
        """Wait until a job has succeeded."""
        job = self.follow(job_id)[-1]
        assert job["status"] == "succeeded", job["error"]
        return job

    def until_training(self, job_id: str, epoch: int) -> None:
        """Wait until stage II has come to an epoch, and for a checkpoint that is younger."""

        def reached() -> bool:
            job = self.client.job(job_id)
            assert not job["terminal"], job
            return job["phase"] == "training" and (job["epoch"] or 0) >= epoch

        wait_until(reached)
        before = self.checkpoints(job_id)
        wait_until(lambda: max(self.checkpoints(job_id), default="") > max(before, default=""))

    def checkpoints(self, job_id: str) -> list[str]:
        return [file["name"] for file in self.get(f"/v1/jobs/{job_id}/checkpoints")["items"]]

    def digests(self, job_id: str) -> dict[str, str]:
        """The sha-256 of each result; the report is left out, for it tells of time and attempt."""
        files = self.client.artifacts(job_id)
        return {
            file["name"]: file["sha256"] for file in files if not file["name"].startswith("report.")
        }

    def events(self, job_id: str) -> list[str]:
        """The kinds of its log, but for progress."""
        found = self.listing(f"/v1/jobs/{job_id}/events")
        return [event["kind"] for event in found if event["kind"] != "progress"]

    def pid(self, role: str) -> int:
        """The process of a role, found by its command line."""
        (found,) = [pid for pid, words in processes(self.data_dir).items() if ROLES[role](words)]
        return found

    def stored(self, job_id: str) -> list[str]:
        """The names of all files that the artifact store keeps for a job."""
        folder = self.data_dir / "artifacts" / "jobs" / job_id
        return sorted(path.name for path in folder.rglob("*") if path.is_file())

    def scratch(self) -> list[Path]:
        return list((self.data_dir / "scratch").glob("*"))


@contextmanager
def running(
    data_dir: Path, settings: dict[str, str], kind: type[Service] = Service
) -> Iterator[Service]:
    """A service on a data folder; when it is stopped, none of its processes may be left."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        pytest.MonkeyPatch.context() as environment,
        Client(url) as client,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as http,
    ):
        for name, value in (SETTINGS | settings).items():
            environment.setenv(name, value)
        service = kind(data_dir, port, client, http)
        try:
            service.stack.start()
            yield service
        finally:
            service.stack.stop()
    assert processes(data_dir) == {}


def processes(data_dir: Path) -> dict[int, list[str]]:
    """Command lines of what runs with a data folder in its environment or command line.

    A trainer has that of the server which forked it, but writes to a log of its own.
    """
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (process / "cmdline").read_bytes()
            words = (process / "environ").read_bytes() + line
            if str(data_dir).encode() in words and warden.exists(int(process.name)):
                log = (process / "fd" / "1").readlink().name
                shown = f"\0> {log}" if log == "trainer.log" else ""
                found[int(process.name)] = (line.decode().rstrip("\0") + shown).split("\0")
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
