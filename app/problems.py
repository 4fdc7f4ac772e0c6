"""Every error as an RFC 9457 problem: one table of statuses, and the handlers that use it."""

import logging
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import errors
from app.ingest import errors as ingest
from app.validation import refusal
from jobs import errors as jobs

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[jobs.DomainError], int] = {
    jobs.DomainError: 422,
    jobs.NotFound: 404,
    jobs.Gone: 410,
    jobs.Conflict: 409,
    jobs.NotReady: 409,
    jobs.BrokerUnavailable: 503,
    jobs.StoreUnavailable: 503,
    jobs.StoreRefused: 503,
    jobs.KeyTaken: 500,
    jobs.JobFailed: 500,
    errors.MalformedBody: 400,
    errors.RequestTooLarge: 413,
    errors.NotAnOperation: 405,
    errors.NotAcceptable: 406,
    errors.RangeNotSatisfiable: 416,
    errors.Unauthenticated: 401,
    errors.InsufficientScope: 403,
    errors.TooManyRequests: 429,
    jobs.QuotaExceeded: 403,
    errors.ForbiddenHost: 403,
    errors.ForbiddenOrigin: 403,
    errors.TooManyStreams: 503,
    errors.ServiceNotReady: 503,
    errors.InternalError: 500,
    ingest.UnsupportedFormat: 415,
    ingest.TooLarge: 413,
    ingest.StorageFull: 507,
}
"""The status of each kind of problem; a kind that is not named has that of its base class."""

HEADERS = {401: {"WWW-Authenticate": 'Bearer realm="s2convscn"'}, 503: {"Retry-After": "5"}}
PLAIN: dict[int, type[jobs.DomainError]] = {
    400: errors.MalformedBody,
    404: errors.NoSuchRoute,
    405: errors.NotAnOperation,
    413: errors.RequestTooLarge,
}
"""What the framework's own refusals mean."""

ABSENCES = (OperationalError, InterfaceError, InternalError, PoolTimeout)
"""What SQLAlchemy raises of a database that does not answer, or not in time, or has given us up."""
AWAY = "The database does not answer: ask again in a while."

logger = logging.getLogger("app")


def status_of(kind: type[jobs.DomainError]) -> int:
    return next(STATUSES[base] for base in kind.__mro__ if base in STATUSES)


def kinds() -> list[type[jobs.DomainError]]:
    """Every kind of problem that the service knows, by slug."""
    return sorted(set(_below(jobs.DomainError)), key=lambda kind: kind.slug())


def _below(kind: type[jobs.DomainError]) -> Iterator[type[jobs.DomainError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def response(
    scope: Any, error: jobs.DomainError, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The problem as a response to the request of an ASGI scope."""
    status = status_of(type(error))
    body = {
        **error.problem(),
        "status": status,
        "instance": scope["path"],
        "request_id": scope["state"]["request_id"],
    }
    said = HEADERS.get(status, {}) | (headers or {})
    if "retry_after" in body:
        said["Retry-After"] = str(body["retry_after"])
    return JSONResponse(body, status, headers=said, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(jobs.DomainError, _domain)
    for kind in ABSENCES:
        app.add_exception_handler(kind, absence)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _framework)


def _domain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, jobs.DomainError)  # noqa: S101 - narrows what was registered
    return response(request.scope, error)


def absence(request: Request, error: Exception) -> JSONResponse:
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    return response(request.scope, errors.ServiceNotReady(AWAY))


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows what was registered
    return response(request.scope, refusal(error.errors()))


def _framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows what was registered
    kind = PLAIN.get(error.status_code, errors.InvalidRequest)
    headers = dict(error.headers or {})
    if kind is errors.NotAnOperation:
        headers["Allow"] = ", ".join(sorted(set(_methods(request))))
    return response(request.scope, kind(_sentence(request, error)), headers)


def _methods(request: Request) -> Iterator[str]:
    """What all routes of the path take; the framework names only those of the first."""
    app: FastAPI = request.app
    for context in iter_route_contexts(app.routes):
        if context.matches(request.scope)[0] is Match.PARTIAL:
            yield from context.methods or ()


def _sentence(request: Request, error: HTTPException) -> str:
    path = request.url.path
    return {
        400: "The body is not JSON in UTF-8.",
        404: f"There is nothing at {path}: /docs lists what there is.",
        405: f"{request.method} is not possible at {path}.",
    }.get(error.status_code, error.detail)
