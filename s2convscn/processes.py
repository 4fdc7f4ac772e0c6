"""One process of the stack: in its own session, logged to a file, restarted with patience."""

import os
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from s2convscn import warden

LOG_LIMIT = 10_000_000
"""Bytes after which a log that has been read begins anew."""
WINDOW = 60.0
MOST_DEATHS = 5
"""Deaths within WINDOW seconds after which a process is given up."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0


class Log:
    """A child writes this file itself: it stays whole and writable when the stack is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(path.with_name(f"{path.name}.1"))
        path.touch()

    def news(self) -> list[str]:
        """The whole lines that came since the last call."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        if self._read > LOG_LIMIT:
            os.truncate(self.path, 0)
            self._read = 0
        return whole[0].decode(errors="replace").split("\n") if whole[1] else []

    def tail(self, lines: int = 15) -> str:
        text = self.path.read_bytes().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


class Child:
    """``own``: of its environment, what others do not have."""

    def __init__(
        self, name: str, command: Sequence[str], log: Log, own: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.own = own or {}
        self.process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque()

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self.process.pid if self.process else 0

    def tail(self) -> str:
        return self.log.tail()

    def start(self, environment: Mapping[str, str]) -> None:
        with self.log.path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the stack's own command lines
                self.command,
                env={**environment, **self.own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self) -> str | None:
        """How it ended, if it has since it was started: its exit status or its signal."""
        code = self.process.poll() if self.process else None
        if code is None:
            return None
        self.process = None
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"

    def patience(self) -> float | None:
        """Count a death; the seconds to wait before the next start, None if there were too many."""
        now = time.monotonic()
        self._deaths.append(now)
        while now - self._deaths[0] > WINDOW:
            self._deaths.popleft()
        if len(self._deaths) > MOST_DEATHS:
            return None
        return min(FIRST_WAIT * 2.0 ** (len(self._deaths) - 1), LONGEST_WAIT)

    def stop(self, grace: float) -> bool:
        """SIGTERM, then SIGKILL to all that is left; False if the grace was not enough."""
        if self.process is None:
            return True
        self.process.terminate()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            return False
        finally:
            warden.kill_group(self.process.pid)
            self.process.wait()
            self.process = None
        return True
