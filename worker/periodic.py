"""Threads that do a thing again and again, whatever happens to database and broker."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Periodic(threading.Thread):
    """Calls ``action`` every ``seconds`` until stopped; of errors in a row the first is logged."""

    def __init__(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.seconds = seconds
        self.action = action
        self._over = threading.Event()
        self._failing = False

    def run(self) -> None:
        self.act()
        while not self._over.wait(self.seconds):
            self.act()

    def stop(self) -> None:
        """End the thread after the call under way."""
        self._over.set()
        self.join()

    def act(self) -> None:
        try:
            self.action()
        except Exception as error:  # noqa: BLE001 - the next round may find all in order again
            if not self._failing:
                logger.warning(
                    "%s: failing for now: %s: %s", self.name, type(error).__name__, error
                )
            self._failing = True
            return
        if self._failing:
            logger.info("%s: works again", self.name)
        self._failing = False
