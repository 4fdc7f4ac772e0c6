import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.settings import Settings
from s2convscn import broker
from s2convscn.errors import StackError


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def start(folder: Path) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(broker.command(folder), stdout=subprocess.DEVNULL)
    assert until(lambda: broker.answers(broker.socket_path(folder)))
    return process


@pytest.mark.parametrize("name", ["short", "long" * 30])
def test_socket_is_where_the_services_look_for_it(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=tmp_path / name)
    assert broker.socket_path(tmp_path / name) == settings.broker_socket
    assert len(bytes(settings.broker_socket)) <= broker.SOCKET_PATH_LIMIT


def test_broker_keeps_messages_through_a_kill(tmp_path: Path) -> None:
    path = broker.socket_path(tmp_path)
    first = start(tmp_path)
    assert broker.ask(path, b"LPUSH jobs one") == b":1\r\n"
    first.kill()
    first.wait()
    assert path.exists()
    second = start(tmp_path)
    assert broker.ask(path, b"LLEN jobs") == b":1\r\n"
    second.terminate()
    assert second.wait(10) == 0


def test_a_dead_socket_is_removed(tmp_path: Path) -> None:
    process = start(tmp_path)
    process.kill()
    process.wait()
    path = broker.socket_path(tmp_path)
    broker.clear(path)
    assert not path.exists()
    assert not broker.answers(path)


def test_a_server_that_was_left_behind_is_shut_down(tmp_path: Path) -> None:
    process = start(tmp_path)
    broker.clear(broker.socket_path(tmp_path))
    assert process.wait(10) == 0


def test_a_server_that_does_not_go_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "SHUTDOWN_SECONDS", 0.3)
    monkeypatch.setattr(broker, "TIMEOUT", 0.1)
    process = start(tmp_path)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StackError, match=r"valkey\.sock"):
            broker.clear(broker.socket_path(tmp_path))
    finally:
        process.kill()
        process.wait()
