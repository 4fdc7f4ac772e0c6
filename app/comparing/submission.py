"""From a request to the jobs of a comparison, or to the problem that says what would be right."""

from typing import NamedTuple

from app import errors
from app.comparing.requests import ComparisonRequest
from app.requests import JobRequest, method_name
from app.submission import resolve
from app.validation import METHODS, pointer
from jobs.errors import DomainError
from jobs.records import JSON, Dataset, Notice
from models.base import Method

OWN = (errors.InvalidHyperparameter, errors.UnknownPreset, errors.JobTooLarge)
"""Problems of one of the methods; any other one is a problem of the whole request."""


class Entrant(NamedTuple):
    """One of the methods: the request for its first job, and what became of its hyperparameters."""

    request: JobRequest
    method: Method
    needs_bytes: int
    notices: list[Notice]


def entrants(request: ComparisonRequest, dataset: Dataset, max_bytes: int) -> list[Entrant]:
    """Every method resolved and checked as for a job of its own.

    Raises:
        errors.UnknownPreset: no method has it.
        errors.InvalidRequest: two methods are the same.
        DomainError: what ``resolve`` raises, saying of which method.
    """
    known = {preset for method in request.methods for preset in method.presets}
    if request.preset is not None and request.preset not in known:
        raise errors.UnknownPreset(
            f"None of these methods has the preset {request.preset!r}; they have "
            f"{', '.join(sorted(known))}.",
            presets=sorted(known),
        )
    found = [_entrant(request, place, dataset, max_bytes) for place in range(len(request.methods))]
    _check_different(found)
    return found


def _entrant(request: ComparisonRequest, place: int, dataset: Dataset, max_bytes: int) -> Entrant:
    method = request.methods[place]
    preset = request.preset if request.preset in method.presets else None
    own = request.of_method(method, preset=preset)
    try:
        resolved = resolve(own, dataset, max_bytes, (*METHODS, place))
    except OWN as error:
        raise _placed(error, pointer((*METHODS, place))) from error
    return Entrant(own, *resolved, _notices(request, method, preset))


def _placed(error: DomainError, where: str) -> DomainError:
    """The problem with its place, unless it says that itself."""
    if "errors" in error.members:
        return error
    entries = [{"pointer": where, "detail": error.detail}]
    return type(error)(f"{where}: {error.detail}", errors=entries, **error.members)


def _notices(request: ComparisonRequest, method: Method, preset: str | None) -> list[Notice]:
    if preset == request.preset:
        return []
    name = method_name(method)
    detail = f"{name} has no preset {request.preset!r}: its own rule fills in what was left out."
    return [Notice(code="no-preset", detail=detail)]


def _check_different(found: list[Entrant]) -> None:
    """Two equal methods would agree with each other, and with that count for more."""
    methods = [entrant.method for entrant in found]
    for place, method in enumerate(methods):
        if (first := methods.index(method)) < place:
            where, twin = (pointer((*METHODS, i)) for i in (place, first))
            detail = f"is the same as {twin} once all is filled in: leave out one of them"
            entries = [{"pointer": where, "detail": detail}]
            raise errors.InvalidRequest(f"{where} {detail}.", errors=entries)


def wishes(found: list[Entrant], seeds: list[int], owner: str, dataset: Dataset) -> dict[int, JSON]:
    """The job of each place, as it shall be stored; every method's first seed before the second."""
    return {
        place * len(seeds) + turn: _wish(entrant, seed, owner, dataset)
        for turn, seed in enumerate(seeds)
        for place, entrant in enumerate(found)
    }


def _wish(entrant: Entrant, seed: int, owner: str, dataset: Dataset) -> JSON:
    notices = [*dataset.notices, *entrant.notices]
    return {
        "owner": owner,
        "request": entrant.request.as_sent() | {"seed": seed},
        "method": entrant.method.model_dump(mode="json"),
        "metadata": entrant.request.metadata,
        "notices": [notice.model_dump() for notice in notices],
        "priority": entrant.request.priority,
        "needs_bytes": entrant.needs_bytes,
        "max_seconds": entrant.request.max_seconds,
    }
