"""The states of a job and the moves between them, as data."""

from collections.abc import Collection
from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return not MOVES[self]


MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.QUEUED, Status.CANCELLING, Status.SUCCEEDED, Status.FAILED}),
    Status.CANCELLING: frozenset({Status.CANCELLED, Status.SUCCEEDED, Status.FAILED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""From each state, the states that may follow; a terminal state has none."""

TERMINAL = frozenset(status for status, following in MOVES.items() if not following)
UNFINISHED = frozenset(Status) - TERMINAL
ACTIVE = frozenset({Status.RUNNING, Status.CANCELLING})


def before(target: Status) -> list[Status]:
    """The states from which ``target`` may be entered."""
    return [status for status, following in MOVES.items() if target in following]


def overall(states: Collection[Status]) -> Status:
    """The state of several jobs as one; succeeded when all are over and one of them succeeded."""
    unfinished = set(states) - TERMINAL
    if unfinished == {Status.CANCELLING}:
        return Status.CANCELLING
    if unfinished:
        return Status.QUEUED if set(states) == {Status.QUEUED} else Status.RUNNING
    best_first = (Status.SUCCEEDED, Status.FAILED)
    return next((status for status in best_first if status in states), Status.CANCELLED)


class Phase(StrEnum):
    LOADING = "loading"
    COUNTING = "counting"
    PREPARING = "preparing"
    PRETRAINING = "pretraining"
    INITIALISING = "initialising"
    SELF_EXPRESSION = "self_expression"
    TRAINING = "training"
    PREDICTING = "predicting"
    SOLVING = "solving"
    CLUSTERING = "clustering"
    ASSIGNING = "assigning"
    SCORING = "scoring"
    PUBLISHING = "publishing"


class Happening(StrEnum):
    """What the log of a job tells: its moves, and now and then how far it is."""

    SUBMITTED = "submitted"
    CLAIMED = "claimed"
    PROGRESS = "progress"
    REQUEUED = "requeued"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def last(self) -> bool:
        """Whether nothing follows."""
        return self.value in TERMINAL


class Delivery(StrEnum):
    """Of the message that tells a job's end."""

    WAITING = "waiting"
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
