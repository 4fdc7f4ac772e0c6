"""`make up` under a container engine: a job, a worker that dies in it, all down and up again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from live_service import wait_until

from s2convscn import ApiProblem, Client, digits
from s2convscn.stack import free_port

pytestmark = pytest.mark.images
ROOT = Path(__file__).parents[2]
PROJECT = "s2convscn-check"
BASES = ("python:3.11-slim", "redis:8", "postgres:17")
PATIENCE = 180.0
LONG = {"method": "s2convscn", "view": "plain", "epochs": 400}
EVERYBODY = "import os, signal; os.kill(-1, signal.SIGKILL)"
"""In a container that is all but its first process, which ends with the worker."""


class Containers(NamedTuple):
    url: str
    environment: dict[str, str]

    def call(self, *words: str) -> str:
        ended = subprocess.run(
            words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        return ended.stdout

    def compose(self, *words: str) -> str:
        return self.call("docker", "compose", "--project-name", PROJECT, *words)

    def up(self) -> None:
        self.call("make", "up", f"PROJECT={PROJECT}")


def answers(*words: str) -> bool:
    ended = subprocess.run(words, capture_output=True, check=False)
    return ended.returncode == 0


@pytest.fixture
def containers() -> Iterator[Containers]:
    if not shutil.which("docker") or not answers("docker", "info"):
        pytest.skip("no container engine answers")
    if not answers("docker", "compose", "version"):
        pytest.skip("docker has no compose")
    for base in BASES:
        here = answers("docker", "image", "inspect", base)
        if not here and not answers("docker", "pull", base):
            pytest.skip(f"the image {base} is not here and cannot be pulled")
    ports = {name: str(free_port()) for name in ("PORT", "REDIS_PORT", "POSTGRES_PORT")}
    made = Containers(f"http://127.0.0.1:{ports['PORT']}", os.environ | ports)
    try:
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans")


def ready(client: Client) -> bool:
    try:
        return len(client.get("/v1/workers")["items"]) > 0
    except (ApiProblem, httpx.TransportError):
        return False


def test_containers_work_die_and_come_back(containers: Containers, tmp_path: Path) -> None:
    file = tmp_path / "digits.npz"
    np.savez(file, images=digits.pixels()[:300], labels=digits.truth()[:300])
    with Client(containers.url) as client:
        wait_until(lambda: ready(client), PATIENCE)
        dataset = client.upload(file)
        brief = client.wait(client.submit(dataset["id"], 10, method={"method": "lsr"})["id"])
        assert brief["status"] == "succeeded", brief["error"]
        long = client.submit(dataset["id"], 10, method=LONG)["id"]
        wait_until(lambda: client.get(f"/v1/jobs/{long}")["phase"] == "training", PATIENCE)
        containers.compose("exec", "-T", "worker", "python", "-c", EVERYBODY)
        job = client.wait(long)
        assert (job["status"], job["attempt"]) == ("succeeded", 2)
        labels = client.get(f"/v1/jobs/{long}/labels")
        for service in ("api", "worker"):
            assert containers.compose("exec", "-T", service, "id", "-u").strip() == "10001"
            touched = "touch /opt/s2convscn/written 2>/dev/null || echo refused"
            said = containers.compose("exec", "-T", service, "sh", "-c", touched)
            assert said.strip() == "refused"
        containers.compose("down")
        containers.up()
        wait_until(lambda: ready(client), PATIENCE)
        assert client.get(f"/v1/jobs/{long}/labels") == labels
