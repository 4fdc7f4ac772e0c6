"""How a solver says how far it is."""

from typing import Protocol


class Tell(Protocol):
    """Hears that ``step`` of ``total`` is done, with the figures of it; may raise to end it."""

    def __call__(self, step: int, total: int, **values: float) -> None: ...
