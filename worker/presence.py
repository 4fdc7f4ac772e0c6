"""Says in the database that this worker is alive, on what device, and what it works on."""

import subprocess
import sys

from jobs.store import Store
from worker.supervisor import Supervisor

BEAT_SECONDS = 3.0


class Presence:
    """The device is looked for in a child process: torch does not belong into this one."""

    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self.store = store
        self.supervisor = supervisor
        self.device: str = supervisor.settings.device
        self._named = False

    def beat(self) -> None:
        self.store.workers.beat(self.supervisor.name, self.device, self.supervisor.job_id)
        if not self._named:
            self._named = True
            self.device = device_name(self.device)
            self.store.workers.beat(self.supervisor.name, self.device, self.supervisor.job_id)

    def leave(self) -> None:
        self.store.workers.leave(self.supervisor.name)


def device_name(setting: str) -> str:
    """What trainers will compute on, as ``worker.trainer.device`` says it; else the setting."""
    command = [sys.executable, "-m", "worker.trainer.device", setting]
    answer = subprocess.run(  # noqa: S603 - this interpreter, this project's module
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return answer.stdout.strip()[:64] or setting
