"""The penalty of an alternating direction method, kept where both residuals fall alike."""

from dataclasses import dataclass
from math import sqrt

PERIOD = 10
"""Iterations between two looks at the residuals."""
SETTLED = 150
"""Iterations after which the penalty stays, so that the method converges."""
LARGEST, LEAST = 5.0, 1.3
"""Factors by which it changes at once."""


@dataclass
class Residuals:
    """Primal and dual residual, each relative (Boyd et al., 2011, sections 3.3.1 and 3.4.1)."""

    primal: float = float("inf")
    dual: float = float("inf")

    @property
    def worst(self) -> float:
        return max(self.primal, self.dual)

    def factor(self, step: int) -> float:
        """By how much the penalty should grow after iteration ``step``; mostly 1."""
        if step % PERIOD or step > SETTLED:
            return 1.0
        wish = sqrt(self.primal / self.dual) if self.dual > 0 else LARGEST
        wish = min(max(wish, 1 / LARGEST), LARGEST)
        return wish if not 1 / LEAST < wish < LEAST else 1.0
