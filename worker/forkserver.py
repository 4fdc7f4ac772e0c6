"""Processes that have loaded what trainers need, and fork one for each order.

A fork takes milliseconds; loading torch, SciPy and what draws takes seconds.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

from worker.exchange import Scratch

YIELDING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait for each other sleep: spinning, they starve when anything else needs a core."""
MESSAGES_BYTES = 4096

_idle: list["ForkServer"] = []


class ForkServer:
    """A process in a session of its own, and at most one trainer at a time in its group.

    Its standard input is a pipe that this process alone holds: when this process ends, in whatever
    way, the pipe closes, and the server and its trainer end too.
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "worker.trainer"],
            env=YIELDING | os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        assert self.process.stdout is not None  # noqa: S101 - as above
        self._orders, self._messages = self.process.stdin, self.process.stdout
        os.set_blocking(self._messages.fileno(), False)

    def alive(self) -> bool:
        return self.process.poll() is None

    def order(self, scratch: Scratch) -> None:
        """Have an attempt's trainer started, as soon as all is loaded."""
        with suppress(BrokenPipeError):  # it has ended, which ``alive`` tells
            os.write(self._orders.fileno(), json.dumps(str(scratch.root)).encode() + b"\n")

    def messages(self) -> list[dict[str, int]]:
        """What is new: the trainer's ``pid``, then its exit ``status``, negative for a signal."""
        with suppress(BlockingIOError):
            found = os.read(self._messages.fileno(), MESSAGES_BYTES)
            return [json.loads(line) for line in found.splitlines()]
        return []

    def kill(self) -> None:
        """End it, its trainer and all that this one started, at once; twice is as good as once."""
        if self._orders.closed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.set_blocking(self._messages.fileno(), True)
        self._messages.read()  # ends when the last that could write has ended
        self._orders.close()
        self._messages.close()


def take() -> ForkServer:
    """One that is idle, else a new one."""
    while _idle:
        server = _idle.pop()
        if server.alive():
            return server
        server.kill()
    return ForkServer()


def give_back(server: ForkServer) -> None:
    """For the next attempt, if it still runs."""
    if server.alive():
        _idle.append(server)
    else:
        server.kill()


def close() -> None:
    """End all that are idle."""
    while _idle:
        _idle.pop().kill()


atexit.register(close)
