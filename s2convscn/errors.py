"""What can go wrong on this side of HTTP."""

from typing import Any, Protocol, Self

import httpx

from s2convscn.answers import Job

TEMPORARY = frozenset({429, 502, 503, 504})


class Logged(Protocol):
    """A process with a log."""

    name: str

    def tail(self) -> str: ...


def last_words(*processes: Logged) -> str:
    return "\n".join(f"--- last words of {p.name} ---\n{p.tail()}" for p in processes)


class StackError(Exception):
    """The local stack cannot start or go on.

    The message says why and what would help; ``logs`` is what the processes said last.
    """

    def __init__(self, message: str, *processes: Logged) -> None:
        """Keep the sentence and the tails of the logs of the processes that it is about."""
        super().__init__(message)
        self.logs = last_words(*processes)


class ApiProblem(Exception):
    """The service refused a request; ``problem`` holds its RFC 9457 members.

    ``retry_after`` is in how many seconds it wishes to be asked again, 0 where it did not say.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float = 0.0) -> None:
        """Keep the status and the problem; the message is title and detail."""
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        words = (problem.get("title"), problem.get("detail"))
        super().__init__(" ".join(str(word) for word in words if word) or f"HTTP status {status}")

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """The problem in a response, or what a proxy in between said instead."""
        kind, said = (response.headers.get(name, "") for name in ("Content-Type", "Retry-After"))
        is_problem = kind.startswith("application/problem+json")
        problem = response.json() if is_problem else {"title": response.reason_phrase}
        return cls(response.status_code, problem, float(said) if said.isdecimal() else 0.0)

    @property
    def type(self) -> str:
        return str(self.problem.get("type", "about:blank"))

    @property
    def temporary(self) -> bool:
        return self.status in TEMPORARY


def reason(job: Job) -> str:
    """Why a job ended, in the service's words."""
    problem = job["error"] or {}
    return str(problem.get("detail") or problem.get("title") or job["message"])


class JobEnded(Exception):
    """A job ended otherwise than with a result; ``job`` is what the service told of it."""

    def __init__(self, job: Job) -> None:
        """Keep the job; the message says how it ended, and why."""
        self.job = job
        super().__init__(f"The job {job['id']} ended as {job['status']}: {reason(job)}")


class DownloadCorrupted(Exception):
    """A file did not arrive as the service announced it."""
