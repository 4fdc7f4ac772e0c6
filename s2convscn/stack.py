"""The whole service on one machine: API, workers and a broker over one data folder."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from s2convscn import broker, warden
from s2convscn.errors import StackError, last_words
from s2convscn.processes import Child, Log
from s2convscn.supervisor import Say, Stage, Supervisor

ORDER = ("broker", "api")
"""Of starting, before the workers. These are stopped first: they put back their jobs, which takes
the others."""
GPUS = Path("/proc/driver/nvidia/gpus")
GRACE = 30.0
"""Seconds to stop in; the worker gets its own grace for the trainer on top of ten."""


class LocalStack:
    """The processes, from ``start`` to ``stop``; ``say(name, line)`` gets what they log.

    ``workers``: how many; each computes on a GPU of its own, and on the CPU where there is none.

    A watcher process holds the data folder's lock together with the stack, and stops the
    processes if the stack is killed.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        workers: int = 1,
        say: Say | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.host, self.port = host, port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.workers = [f"worker-{n}" if n > 1 else "worker" for n in range(1, workers + 1)]
        self.broker_url = os.environ.get("S2CONVSCN_BROKER_URL") or ""
        self._say = say or (lambda _name, _line: None)
        self._supervisor: Supervisor | None = None
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until the API is ready and the worker has announced itself.

        Raises:
            StackError: if the folder or the port is taken, or a process ends or hangs.
        """
        self._lock = _lock(self.data_dir)
        try:
            _check_port(self.host, self.port)
            stages = self._stages()
            watcher = _watch(self._lock, [*ORDER, *self.workers])
            self._supervisor = Supervisor(
                stages,
                self._environment(),
                watcher=watcher,
                grace=_grace(),
                say=self._say,
                greeting=[
                    f"ready at {self.url} (documentation: {self.url}/docs)",
                    f"data in {self.data_dir}; Ctrl-C stops",
                ],
            )
            self._supervisor.start()
            self._supervisor.settled.wait()
            self.check()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Wait until the stack ends by itself.

        Raises:
            StackError: why it ended.
        """
        if self._supervisor:
            self._supervisor.ended.wait()
            self.check()

    def check(self) -> None:
        """Raises StackError if the stack has given up."""
        if self._supervisor and self._supervisor.failure:
            raise self._supervisor.failure

    def tail(self) -> str:
        """The last lines of each process's log."""
        children = self._supervisor.children if self._supervisor else []
        return last_words(*children)

    def stop(self) -> None:
        """Stop workers, API and broker in this order, and wait for it; then free the folder."""
        if self._supervisor:
            self._supervisor.stopping.set()
            self._supervisor.join()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _stages(self) -> list[Stage]:
        """What is started together, and what to wait for before going on."""
        service = [self._child("api", _python("api"))]
        service += [
            self._child(name, _python("worker"), _figures(number))
            for number, name in enumerate(self.workers)
        ]
        stages: list[Stage] = [(service, lambda: _ready(self.url, len(self.workers)))]
        if not self.broker_url:
            path = broker.socket_path(self.data_dir)
            broker.clear(path)
            self.broker_url = f"redis+socket://{path}"
            embedded = self._child("broker", broker.command(self.data_dir))
            stages.insert(0, ([embedded], lambda: broker.answers(path)))
        return stages

    def _child(self, name: str, command: list[str], own: Mapping[str, str] | None = None) -> Child:
        return Child(name, command, Log(self.data_dir / "logs" / f"{name}.log"), own)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "S2CONVSCN_DATA_DIR": str(self.data_dir),
            "S2CONVSCN_HOST": self.host,
            "S2CONVSCN_PORT": str(self.port),
            "S2CONVSCN_BROKER_URL": self.broker_url,
            "PYTHONUNBUFFERED": "1",
            **self._shares(),
        }

    def _shares(self) -> dict[str, str]:
        """Several workers share the cores, unless it was said how many threads each has."""
        if len(self.workers) == 1 or os.environ.get("S2CONVSCN_THREADS"):
            return {}
        return {"S2CONVSCN_THREADS": str(max((os.cpu_count() or 1) // len(self.workers), 1))}


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _python(name: str) -> list[str]:
    package = "app" if name == "api" else "worker"
    return [sys.executable, "-P", "-m", package]


def _figures(number: int) -> dict[str, str]:
    """The workers show their figures at ports that follow each other."""
    first = os.environ.get("S2CONVSCN_METRICS_PORT", "")
    return {"S2CONVSCN_METRICS_PORT": str(int(first) + number)} if first.isdecimal() else {}


def _lock(data_dir: Path) -> int:
    """The data folder's lock, an open file; the kernel releases it with its last holder."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"The data folder cannot be used: {error}. S2CONVSCN_DATA_DIR chooses another."
        raise StackError(message) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode() or "another process"
        os.close(lock)
        message = (
            f"The data folder {data_dir} is in use by a stack (process {holder}, or what it is "
            "still stopping). Stop that one, or choose another folder with S2CONVSCN_DATA_DIR."
        )
        raise StackError(message) from None
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _check_port(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        message = f"Cannot listen on {host}, port {port}: {error.strerror or error}. Choose "
        raise StackError(message + "another port with --port (or PORT=... of make).") from error


def _watch(lock: int, order: Sequence[str]) -> "subprocess.Popen[str]":
    """The watcher: it inherits the lock, and learns from its input what runs."""
    return subprocess.Popen(  # noqa: S603 - this package's own file
        [sys.executable, "-IS", warden.__file__, str(_grace()), *reversed(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        pass_fds=[lock],
        start_new_session=True,
    )


def _grace() -> float:
    try:
        return max(GRACE, 10 + float(os.environ.get("S2CONVSCN_GRACE_SECONDS", "")))
    except ValueError:
        return GRACE


def gpus() -> int:
    """How many NVIDIA GPUs the driver of this machine has."""
    return len(list(GPUS.iterdir())) if GPUS.is_dir() else 0


def _ready(url: str, workers: int) -> bool:
    """Whether the API answers that it is ready, and knows so many workers."""
    try:
        with httpx.Client(base_url=url, timeout=5, trust_env=False) as http:
            answer = http.get("/readyz")
            return answer.is_success and int(answer.json()["workers"]) >= workers
    except httpx.TransportError:
        return False
