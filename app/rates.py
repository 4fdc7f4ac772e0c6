"""How often an owner may ask: a bucket of tokens for each, in this process."""

import math
import time
from collections.abc import Callable
from threading import Lock

BURST_SECONDS = 10.0
"""So many seconds' worth of requests may come at once."""


class Rates:
    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.most = max(per_second * BURST_SECONDS, 1.0)
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tokens that an owner had, and when."""

    def take(self, owner: str) -> int:
        """0 if the owner may ask now, else the whole seconds after which it may."""
        now = self._clock()
        with self._lock:
            tokens, then = self._buckets.get(owner, (self.most, now))
            tokens = min(self.most, tokens + (now - then) * self.per_second)
            if tokens < 1:
                return math.ceil((1 - tokens) / self.per_second)
            self._buckets[owner] = tokens - 1, now
            return 0
