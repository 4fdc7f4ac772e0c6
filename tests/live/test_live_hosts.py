"""API, broker, database, store and two workers on hosts of their own, one of which is cut off.

The hosts are network namespaces that share one bridge; needs root. The first host has Redis, an S3
server and a way to PostgreSQL.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_images import subspaces, write_zip
from live_service import wait_until
from object_store import ObjectStore
from store_rows import postgres_schema

from s2convscn import Client

pytestmark = pytest.mark.chaos

NET = f"10.77.{secrets.randbelow(200) + 20}"
HUB, API = f"{NET}.1", f"{NET}.2"
LEASE = 4
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
    "epochs": 1500,
    "round_epochs": 10,
}


def ip(*words: str) -> None:
    subprocess.run([shutil.which("ip") or "ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """A bridge with the address HUB, and three hosts on it."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    try:
        ip("link", "add", "s2c-hub", "type", "bridge")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no bridge can be made here: {error.stderr.decode()}")
    try:
        ip("addr", "add", f"{HUB}/24", "dev", "s2c-hub")
        ip("link", "set", "s2c-hub", "up")
        for number, name in enumerate(("api", "w1", "w2"), start=2):
            ip("netns", "add", f"s2c-{name}")
            ip("link", "add", f"s2c-{name}", "type", "veth", "peer", "eth0", "netns", f"s2c-{name}")
            ip("link", "set", f"s2c-{name}", "master", "s2c-hub", "up")
            inside = ("-n", f"s2c-{name}")
            ip(*inside, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip(*inside, "link", "set", device, "up")
        yield
    finally:
        for name in ("api", "w1", "w2"):
            with suppress(subprocess.CalledProcessError):
                ip("netns", "del", f"s2c-{name}")
        ip("link", "del", "s2c-hub")


@contextmanager
def forwarding(port: int) -> Iterator[int]:
    """A port of HUB whose connections end at this port of the loopback address."""
    server = socket.create_server((HUB, 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def join(near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", port)) as far:
            back = threading.Thread(target=pump, args=(far, near))
            back.start()
            pump(near, far)
            back.join()

    def serve() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=join, args=(near,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()


class Fleet:
    """The processes by host, each logging to a file of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, host: str, *words: str, **more: str) -> None:
        data = {"S2CONVSCN_DATA_DIR": str(self.folder / host)}
        command = ["ip", "netns", "exec", f"s2c-{host}", sys.executable, "-P", "-m", *words]
        with (self.folder / f"{host}.log").open("ab") as log:
            self.processes[host] = subprocess.Popen(
                command,
                env=os.environ | self.settings | data | more,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, host: str) -> str:
        return (self.folder / f"{host}.log").read_text()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(40)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def fleet(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        url = stack.enter_context(contextmanager(postgres_schema)())
        port = stack.enter_context(forwarding(5432))
        store = ObjectStore(folder / "objects", HUB)
        stack.callback(store.stop)
        store.start()
        store.bucket("fleet")
        redis = ["redis-server", "--bind", HUB, "--port", "16379", "--protected-mode", "no"]
        broker = subprocess.Popen([*redis, "--save", ""], stdout=subprocess.DEVNULL, cwd=folder)
        stack.callback(broker.wait)
        stack.callback(broker.kill)
        settings = store.environment("fleet") | {
            "S2CONVSCN_DATABASE_URL": url.replace("127.0.0.1:5432", f"{HUB}:{port}"),
            "S2CONVSCN_BROKER_URL": f"redis://{HUB}:16379/0",
            "S2CONVSCN_DEVICE": "cpu",
            "S2CONVSCN_THREADS": "1",
            "S2CONVSCN_LEASE_SECONDS": str(LEASE),
            "S2CONVSCN_HEARTBEAT_SECONDS": "0.2",
            "S2CONVSCN_CHECKPOINT_SECONDS": "0.3",
            "S2CONVSCN_REAP_SECONDS": "0.5",
        }
        fleet = Fleet(folder, settings)
        stack.callback(fleet.stop)
        yield fleet


@pytest.fixture(scope="module")
def client(fleet: Fleet) -> Iterator[Client]:
    environment = os.environ | fleet.settings | {"S2CONVSCN_DATA_DIR": str(fleet.folder / "api")}
    made = subprocess.run(
        [sys.executable, "-m", "app.keys", "create", "--owner", "fleet"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    key = next(word for word in made.stdout.split() if word.startswith("s2c_"))
    fleet.start("api", "app", S2CONVSCN_HOST=API)
    url = f"http://{API}:8000"

    def ready() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz", trust_env=False).is_success
        return False

    wait_until(ready)
    with Client(url, key=key) as client:
        yield client


def state(client: Client, job_id: str) -> dict[str, Any]:
    return dict(client.job(job_id))


def test_a_host_that_is_cut_off_loses_its_job_to_another(
    fleet: Fleet, client: Client, tmp_path: Path
) -> None:
    for host in ("w1", "w2"):
        fleet.start(host, "worker")
    wait_until(lambda: len(client.get("/v1/workers")["items"]) == 2)
    dataset = client.upload(write_zip(tmp_path / "set.zip", *subspaces(clusters=3)))
    undisturbed, disturbed = (
        client.submit(dataset["id"], 3, method=METHOD, seed=1)["id"] for _ in range(2)
    )
    wait_until(
        lambda: (
            (state(client, disturbed)["epoch"] or 0) >= 20
            and state(client, disturbed)["phase"] == "training"
        )
    )
    seen = {worker["job_id"]: worker["name"] for worker in client.get("/v1/workers")["items"]}
    assert {undisturbed, disturbed} <= seen.keys(), "each worker has one of the jobs"
    name = seen[disturbed]
    host = next(host for host in ("w1", "w2") if name in fleet.log(host))
    ip("link", "set", f"s2c-{host}", "down")
    cut = time.monotonic()
    wait_until(lambda: state(client, disturbed)["worker"]["name"] != name)
    assert time.monotonic() - cut > LEASE / 2

    other = next(one for one in ("w1", "w2") if one != host)
    wait_until(lambda: f"{disturbed}" in fleet.log(other))
    wait_until(lambda: "trainer" in fleet.log(host) and "lease is gone" in fleet.log(host))
    ip("link", "set", f"s2c-{host}", "up")
    for job_id in (undisturbed, disturbed):
        wait_until(lambda job_id=job_id: state(client, job_id)["terminal"])
        assert state(client, job_id)["status"] == "succeeded", state(client, job_id)["error"]
    assert state(client, disturbed)["attempt"] == 2
    digests = [
        {f["name"]: f["sha256"] for f in client.artifacts(job_id) if "report" not in f["name"]}
        for job_id in (undisturbed, disturbed)
    ]
    assert digests[0] == digests[1]
    wait_until(lambda: len(client.get("/v1/workers")["items"]) == 2)
