"""Stops a stack's processes when the stack itself has been killed.

Run as a script, with the standard library alone: its arguments are names in the order of
stopping; lines ``name pid`` on its input say what runs (pid 0: no longer). The input ends when the
stack does, whatever ended it; what still runs then is asked to stop, and killed after a grace.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable


def running(lines: Iterable[str]) -> dict[str, int]:
    """The processes that the lines leave running, by name."""
    found: dict[str, int] = {}
    for line in lines:
        name, pid = line.split()
        found[name] = int(pid)
    return {name: pid for name, pid in found.items() if pid}


def stop(pid: int, grace: float) -> None:
    """SIGTERM to the leader; SIGKILL to its group when it ended or the grace did."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    end = time.monotonic() + grace
    while time.monotonic() < end and exists(pid):
        time.sleep(0.05)
    kill_group(pid)


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked for its status does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - loads fast
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")  # noqa: PTH112 - loads fast


def kill_group(pid: int) -> None:
    """Kill what is left of a process group; nothing left is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    grace, *order = sys.argv[1:]
    left = running(sys.stdin)
    for name in order:
        if name in left:
            stop(left[name], float(grace))
