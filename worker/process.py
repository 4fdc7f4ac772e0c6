"""A trainer as an operating system process."""

import os
import signal
import subprocess
import sys

from worker.exchange import Scratch

YIELDING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait for each other sleep: spinning, they starve when anything else needs a core."""
TAIL_LINES = 20
TAIL_BYTES = 8192


class Trainer:
    """A fresh interpreter in a session of its own.

    Its standard input is a pipe that nobody writes to: when this process ends, in whatever way, the
    pipe closes and the trainer ends too.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        with scratch.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, this project's module
                [sys.executable, "-m", "worker.trainer", str(scratch.spec)],
                env=YIELDING | os.environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to make a checkpoint and to end."""
        self.process.terminate()

    def kill(self) -> None:
        """End it and all that it started, at once; nothing happens if it has ended."""
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def ending(self) -> str:
        """How the process ended, as a clause."""
        code = self.process.returncode
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
