"""Stage II's gradient as a CUDA graph."""

from functools import partial

from torch import Tensor

from models.objective import Costs, Objective
from models.recording import Recorded


class RecordedObjective:
    """``Objective.differentiate`` on a GPU, recorded for each precision, with and without Q."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.parameters = [*objective.network.parameters()]
        self.recordings: dict[tuple[str, bool], Recorded[Costs]] = {}
        self.Q: Tensor | None = None

    def differentiate(self, Q: Tensor | None, precision: str) -> Costs:
        """As the objective's own; ``precision`` is the one that is set."""
        if Q is not None:
            self.Q = Q if self.Q is None else self.Q.copy_(Q)
        key = precision, Q is not None
        if key not in self.recordings:
            seen = None if Q is None else self.Q
            call = partial(self.objective.differentiate, seen)
            self.recordings[key] = Recorded(call, self.parameters)
        return self.recordings[key]()
