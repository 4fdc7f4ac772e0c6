"""How often and how long the client asks again."""

import time
from collections.abc import Callable
from typing import TypeVar

from s2convscn.errors import ApiProblem

ATTEMPTS = 6
"""Of a download, each of which goes on where the last one broke off, and of what else is asked."""
BACK_OFF = 0.1
PATIENCE = 60.0
"""Seconds for which a service that does not answer is asked again, and for which it may put off."""

Answer = TypeVar("Answer")


def insist(ask: Callable[[], Answer], *excuses: type[Exception]) -> Answer:
    """Ask until it is answered, and wait as the service wishes; asking twice has to be safe.

    ``excuses`` are the errors to ask again after, besides problems that pass.
    """
    passing: tuple[type[Exception], ...] = (ApiProblem, *excuses)
    for attempt in range(1, ATTEMPTS):
        try:
            return ask()
        except passing as error:
            told = error.retry_after if isinstance(error, ApiProblem) else 0.0
            pause = max(BACK_OFF * 2**attempt, told)
            if lasting(error) or pause > PATIENCE:
                raise
        time.sleep(pause)
    return ask()


def lasting(error: Exception) -> bool:
    """Whether it will not do to ask again."""
    return isinstance(error, ApiProblem) and not error.temporary
