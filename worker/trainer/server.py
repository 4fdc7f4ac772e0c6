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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from worker.exchange import Scratch
from worker.trainer.main import main

logger = logging.getLogger("worker.trainer")
NICENESS = 5
SIGNALS = {signal.SIGTERM}
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
        broken = load()
    for line in sys.stdin:
        stop = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_, stop=stop: stop.set())
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # Python forgets what comes in a fork
        pid = os.fork()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if pid == 0:
            become_trainer(Scratch(Path(json.loads(line))), stop, broken)
        tell(messages, pid=pid)
        _, status = os.waitpid(pid, 0)
        tell(messages, status=os.waitstatus_to_exitcode(status))
        if broken is not None:
            os._exit(1)
        signal.signal(signal.SIGTERM, before)


def step_back() -> None:
    """Leave the processor to what has to answer: the API is late when training is as urgent.

    Linux weighs sessions first where it groups by them (sched(7), autogroup), then processes.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def load() -> ImportError | None:
    """Why something could not be loaded; the first trainer says it, and the last one.

    A second try in the same process would meet halves of libraries, and fail for other reasons.
    """
    try:
        for module in HEAVY:
            import_module(module)
    except Exception as error:  # noqa: BLE001 - libraries raise what they like
        broken = ImportError(f"{type(error).__name__}: {error}")
        broken.__cause__ = error
        return broken
    gc.freeze()
    return None


def tell(messages: int, **message: int) -> None:
    os.write(messages, json.dumps(message).encode() + b"\n")


def become_trainer(scratch: Scratch, stop: threading.Event, broken: ImportError | None) -> NoReturn:
    """Of a process just forked."""
    status = 1
    try:
        with scratch.log.open("ab") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        with following(sys.stdin.fileno()):
            status = main(scratch.spec, stop, broken)
    except Exception:
        logger.exception("the trainer could not begin")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextmanager
def following(pipe: int) -> Iterator[None]:
    """End this process if the pipe closes meanwhile: its worker has ended."""
    over, ours = os.pipe()
    thread = threading.Thread(target=_follow, args=[pipe, over], name="follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(ours)
        thread.join()
        os.close(over)


def _follow(pipe: int, over: int) -> None:
    closed = select.poll()
    closed.register(pipe, 0)
    closed.register(over, 0)
    if any(found == pipe for found, _ in closed.poll()):
        os._exit(1)
