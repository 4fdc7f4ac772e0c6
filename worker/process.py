"""A trainer as an operating system process."""

import os
import signal
from contextlib import suppress

from worker import forkserver
from worker.exchange import STOPPED, Scratch

TAIL_LINES = 20
TAIL_BYTES = 8192


class Trainer:
    """One attempt's, forked by a server that this has to itself until ``close``.

    ``pid`` is None until the server has loaded what a trainer needs.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.pid: int | None = None
        self._status: int | None = None
        self._stopping = False
        scratch.log.touch()
        self._server = forkserver.take()
        self._server.order(scratch)

    def running(self) -> bool:
        server_runs = self._server.alive()
        for message in self._server.messages() if self._status is None else ():
            if "pid" in message:
                self.pid = message["pid"]
                self._terminate()
            else:
                self._status = message["status"]
        if self._status is None and not server_runs:
            self._server.kill()  # its trainer may not have heard of its end
            self._status = self._server.process.returncode
        return self._status is None

    def heeded(self) -> bool:
        """Whether it has ended as it should at SIGTERM, or before it could heed it."""
        return self._status in (STOPPED, -signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to make a checkpoint and to end."""
        self._stopping = True
        if self.running():
            self._terminate()

    def _terminate(self) -> None:
        if self._stopping and self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it started, at once; nothing happens if it has ended."""
        if self.running():
            self._server.kill()
            self._status = -signal.SIGKILL

    def close(self) -> None:
        """Kill it if it runs, and leave its server to the next."""
        self.kill()
        forkserver.give_back(self._server)

    def ending(self) -> str:
        """How the process ended, as a clause."""
        code = self._status
        if code is None:
            return "runs"
        if code >= 0:
            return f"ended with exit status {code}"
        name = signal.Signals(-code).name
        probable = " (out of memory, probably)" if name == "SIGKILL" else ""
        return f"was killed by {name}{probable}"

    def last_words(self) -> list[str]:
        """The last lines of its log."""
        with self.scratch.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - TAIL_BYTES, 0))
            return log.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
