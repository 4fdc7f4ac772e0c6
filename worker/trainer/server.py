"""A process that has loaded what trainers need, and forks one for each line of its input.

It computes nothing itself: a process that has OpenMP's or CUDA's threads cannot be forked.
"""

import gc
import json
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from worker.exchange import Scratch
from worker.trainer.main import main

logger = logging.getLogger("worker.trainer")
NICENESS = 5
HEAVY = (
    "worker.trainer.session",
    "models.training",
    "models.expression",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "matplotlib.patheffects",
)
"""What takes long to load, and a trainer loads late."""


def serve() -> None:
    """Run until the input ends, which it does with the worker that started this process."""
    step_back()
    messages = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with following(sys.stdin.fileno()):
        load()
    here, ours = os.pipe()
    for line in sys.stdin:
        stop = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_, stop=stop: stop.set())
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            become_trainer(Scratch(Path(json.loads(line))), stop, here)
        tell(messages, pid=pid)
        _, status = os.waitpid(pid, 0)
        tell(messages, status=os.waitstatus_to_exitcode(status))
        signal.signal(signal.SIGTERM, before)


def step_back() -> None:
    """Leave the processor to what has to answer: the API is late when training is as urgent.

    Linux weighs sessions first where it groups by them (sched(7), autogroup), then processes.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def load() -> None:
    """What cannot be loaded is left to the trainer, which says so in its attempt's log."""
    with suppress(ImportError):
        for module in HEAVY:
            import_module(module)
    gc.freeze()


def tell(messages: int, **message: int) -> None:
    os.write(messages, json.dumps(message).encode() + b"\n")


def become_trainer(scratch: Scratch, stop: threading.Event, server: int) -> NoReturn:
    """Of a process just forked. ``server``: a pipe that closes when the server ends."""
    status = 1
    try:
        with scratch.log.open("ab") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        with following(sys.stdin.fileno(), server):
            status = main(scratch.spec, stop)
    except Exception:
        logger.exception("the trainer could not begin")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextmanager
def following(*pipes: int) -> Iterator[None]:
    """End this process if one of the pipes closes meanwhile: its worker or its server has ended."""
    over, ours = os.pipe()
    thread = threading.Thread(target=_follow, args=[pipes, over], name="follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(ours)
        thread.join()
        os.close(over)


def _follow(pipes: Sequence[int], over: int) -> None:
    closed = select.poll()
    for pipe in (*pipes, over):
        closed.register(pipe, 0)
    if not all(pipe == over for pipe, _ in closed.poll()):
        os._exit(1)
