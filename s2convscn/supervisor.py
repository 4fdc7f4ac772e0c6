"""What starts, watches and stops the stack's processes."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from s2convscn.errors import StackError
from s2convscn.processes import MOST_DEATHS, WINDOW, Child

TICK = 0.1
START_SECONDS = 90.0

Say = Callable[[str, str], None]
Stage = tuple[Sequence[Child], Callable[[], bool]]


class Supervisor:
    """Starts stage after stage, then restarts what dies, until ``stopping`` is set.

    All in one thread of its own: a signal, which Python handles in the main thread, can so never
    come between the start of a process and its being known. ``failure`` tells why it gave up.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        environment: Mapping[str, str],
        *,
        watcher: "subprocess.Popen[str]",
        grace: float,
        say: Say,
        greeting: Sequence[str],
    ) -> None:
        self.stages = stages
        self.children = [child for children, _ in stages for child in children]
        self.environment = environment
        self.watcher = watcher
        self.grace = grace
        self.greeting = greeting
        self._say = say
        self.failure: StackError | None = None
        self.stopping, self.settled, self.ended = (threading.Event() for _ in range(3))
        self._due: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def say(self, name: str, line: str) -> None:
        """Pass a line on; that nobody reads it any more must not end the service."""
        with suppress(OSError):
            self._say(name, line)

    def _run(self) -> None:
        try:
            if all(self._begin(*stage) for stage in self.stages):
                self.settled.set()
                for line in self.greeting:
                    self.say("stack", line)
                self._watch()
        except StackError as failure:
            self.failure = failure
        except OSError as error:
            self.failure = StackError(f"A process cannot be started: {error}")
        finally:
            self._stop_all()
            self.ended.set()
            self.settled.set()

    def _begin(self, children: Sequence[Child], ready: Callable[[], bool]) -> bool:
        """Start a stage and wait for it; False if the stack shall stop meanwhile."""
        end = time.monotonic() + START_SECONDS
        for child in children:
            self._launch(child)
        while not self.stopping.is_set():
            self._follow()
            for child in self.children:
                if how := child.ended():
                    self._note(child)
                    raise StackError(f"The {child.name} ended as it started ({how}).", child)
            if ready():
                return True
            if time.monotonic() > end:
                names = " and ".join(child.name for child in children)
                raise StackError(f"No answer from {names} within {START_SECONDS:.0f} s.", *children)
            self.stopping.wait(TICK)
        return False

    def _watch(self) -> None:
        while not self.stopping.wait(TICK):
            self._follow()
            for child in self.children:
                if how := child.ended():
                    self._mourn(child, how)
                elif child.name in self._due and time.monotonic() >= self._due[child.name]:
                    del self._due[child.name]
                    self._launch(child)

    def _mourn(self, child: Child, how: str) -> None:
        self._note(child)
        wait = child.patience()
        if wait is None:
            message = (
                f"The {child.name} ended {MOST_DEATHS + 1} times within {WINDOW:.0f} s ({how})."
            )
            raise StackError(message, child)
        self.say("stack", f"the {child.name} ended ({how}); it is started again in {wait:g} s")
        self._due[child.name] = time.monotonic() + wait

    def _launch(self, child: Child) -> None:
        child.start(self.environment)
        self._note(child)

    def _note(self, child: Child) -> None:
        """Tell the watcher what runs; without a watcher the stack goes on unwatched."""
        try:
            print(child.name, child.pid, file=self.watcher.stdin, flush=True)
        except BrokenPipeError:
            self.say("stack", "the watcher is gone: a killed stack would leave its processes")

    def _follow(self) -> None:
        for child in self.children:
            for line in child.log.news():
                self.say(child.name, line)

    def _stop_all(self) -> None:
        self.say("stack", "stopping")
        for child in reversed(self.children):
            if not child.stop(self.grace):
                self.say("stack", f"the {child.name} did not stop within {self.grace:g} s: killed")
            self._note(child)
            self._follow()
        self.watcher.communicate()
