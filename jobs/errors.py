"""Errors of a job's life; the docstring is the title that a user reads, the message the detail."""

import re
from typing import Any


class DomainError(Exception):
    """The request cannot be carried out."""

    def __init__(self, detail: str, **members: Any) -> None:
        """Keep the sentence for a person and machine-readable members beside it."""
        super().__init__(detail)
        self.detail = detail
        self.members = members

    @classmethod
    def slug(cls) -> str:
        """The stable name of this kind of problem: ``NotFound`` is ``not-found``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def problem(self) -> dict[str, Any]:
        """The error as the members of an RFC 9457 problem, without a status code."""
        return {
            "type": f"/v1/problems/{self.slug()}",
            "title": self.title(),
            "detail": self.detail,
            **self.members,
        }


class NotFound(DomainError):
    """There is no such object."""


class Gone(DomainError):
    """The object has been deleted."""


class Conflict(DomainError):
    """The object's state does not allow this."""


class IdempotencyKeyReused(DomainError):
    """Another request was made with this Idempotency-Key."""


class QuotaExceeded(DomainError):
    """The owner may have no more of this."""


class NotReady(DomainError):
    """The job has no results yet."""


class DatasetInUse(Conflict):
    """A job that is not finished needs this data set."""


class JobInUse(Conflict):
    """A job that is not finished needs this one's model or checkpoint."""


class BrokerUnavailable(DomainError):
    """The queue cannot be reached."""


class StoreUnavailable(DomainError):
    """The artifact store cannot be reached."""


class StoreRefused(DomainError):
    """The artifact store cannot be used with these settings."""


class KeyTaken(DomainError):
    """The artifact store has another file under this key."""


class JobFailed(DomainError):
    """The job failed."""


class FilesMissing(JobFailed):
    """Files that the job needs are not in the artifact store."""


class UnsuitableData(JobFailed):
    """The method cannot work on these images."""


class TrainerCrashed(JobFailed):
    """The trainer process ended without a result."""


class AttemptsExhausted(JobFailed):
    """The job was lost too often."""


class TimeLimit(JobFailed):
    """The job ran longer than its max_seconds."""


class OutOfMemory(JobFailed):
    """The trainer needed more memory than there is."""


class Diverged(JobFailed):
    """Training produced a number that is not finite."""
