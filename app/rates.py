"""How often somebody may ask: a bucket of tokens for each, in this process."""

import math
import time
from collections.abc import Callable
from threading import Lock

BURST_SECONDS = 10.0
"""So many seconds' worth of requests may come at once."""


class Rates:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tokens that somebody had, and when."""

    def take(self, who: str, per_second: float) -> int:
        """0 if this one may ask now, else the whole seconds after which it may."""
        now, most = self._clock(), max(per_second * BURST_SECONDS, 1.0)
        with self._lock:
            tokens, then = self._buckets.get(who, (most, now))
            tokens = min(most, tokens + (now - then) * per_second)
            if tokens < 1:
                return math.ceil((1 - tokens) / per_second)
            self._buckets[who] = tokens - 1, now
            return 0
