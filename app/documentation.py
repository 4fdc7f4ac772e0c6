"""Parts of the OpenAPI document that several routes share."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI

from app import errors
from app.problems import MEDIA_TYPE, status_of
from jobs.errors import DomainError

Responses = dict[int | str, dict[str, Any]]
PROBLEM = {"$ref": "#/components/schemas/Problem"}
KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key that `s2convscn keys create` made. Without any key, and on a loopback "
    "address alone, the service answers everybody.",
}
BINARY = {"type": "string", "format": "binary"}

TITLE = "S2ConvSCN"
DESCRIPTION = """Clusters image collections by self-supervised convolutional subspace clustering.

Upload an image set, submit a job, follow it, and download labels, affinity and checkpoints.
Every error is a problem after RFC 9457; `GET /v1/problems` explains each kind."""
TAGS = [
    {"name": "datasets", "description": "Image sets: upload, look, delete."},
    {"name": "methods", "description": "The catalogue of clustering methods."},
    {"name": "jobs", "description": "Submit, follow, cancel, resume, delete."},
    {"name": "results", "description": "Labels, affinity, checkpoints and other files of a job."},
    {"name": "predictions", "description": "New images through a job's trained head."},
    {"name": "comparisons", "description": "Several methods on one data set, and their ranking."},
    {"name": "service", "description": "Health, workers and the kinds of problems."},
]


PUBLIC = frozenset({"/livez", "/readyz", "/v1/problems", "/v1/problems/{slug}"})
"""Paths that need no key; /docs and the OpenAPI document need none either."""


def secure(app: FastAPI) -> None:
    """Say in the OpenAPI document that keys are taken, and that a service may do without."""
    build = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = build()
            found["components"]["securitySchemes"] = {"key": KEY}
            for path in found["paths"].keys() - PUBLIC:
                for operation in found["paths"][path].values():
                    operation["security"] = [{"key": []}, {}]
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def problems(*kinds: type[DomainError], unsafe: bool = False, public: bool = False) -> Responses:
    """The error responses of an operation: its own kinds and those of every operation."""
    common = [errors.ForbiddenHost, errors.InternalError, errors.ServiceNotReady]
    common += [] if public else [errors.Unauthenticated, errors.TooManyRequests]
    common += [errors.ForbiddenOrigin, errors.InsufficientScope] if unsafe else []
    by_status: dict[int, list[type[DomainError]]] = defaultdict(list)
    for kind in dict.fromkeys((*kinds, *common)):
        by_status[status_of(kind)].append(kind)
    return {status: _response(status, found) for status, found in sorted(by_status.items())}


def _response(status: int, kinds: list[type[DomainError]]) -> dict[str, Any]:
    listed = "\n".join(f"- `{kind.slug()}`: {kind.title()}" for kind in kinds)
    examples = {kind.slug(): {"value": _example(status, kind)} for kind in kinds}
    return {
        "description": f"Problems:\n{listed}",
        "content": {MEDIA_TYPE: {"schema": PROBLEM, "examples": examples}},
    }


def _example(status: int, kind: type[DomainError]) -> dict[str, Any]:
    members = kind("What is wrong in this request, and what would be right.").problem()
    return members | {"status": status, "instance": "/v1/...", "request_id": "5d0b1c5f7a2e4c90"}


def download(*media_types: str) -> Responses:
    """The responses of a route that delivers a file."""
    content = {kind: {"schema": BINARY} for kind in media_types}
    etag = {"ETag": {"schema": {"type": "string"}, "description": "sha-256 of the file, quoted."}}
    return {
        200: {"description": "The file.", "content": content, "headers": etag},
        206: {"description": "The part asked for in Range.", "content": content, "headers": etag},
        304: {"description": "Not changed since the ETag in If-None-Match."},
    }


def made(
    *statuses: int,
    what: str,
    links: dict[str, str],
    bodies: dict[str, dict[str, Any]] | None = None,
) -> Responses:
    """Responses that carry a Location.

    Args:
        statuses: of these responses.
        what: was made.
        links: operations on it and the parameter that is its id.
        bodies: operations that it is named to in their body, as ``dataset_id``; and what else they
            need.
    """
    schema = {"type": "string", "format": "uri-reference"}
    made_id = "$response.body#/id"
    follow: dict[str, Any] = {
        operation: {"operationId": operation, "parameters": {parameter: made_id}}
        for operation, parameter in links.items()
    }
    for operation, body in (bodies or {}).items():
        sent = {"dataset_id": made_id, **body}
        follow[operation] = {"operationId": operation, "requestBody": sent}
    headers = {"Location": {"description": what, "schema": schema}}
    return {status: {"headers": headers, "links": follow} for status in statuses}
