"""How a route that delivers a file is registered."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.documentation import Responses

Endpoint = Callable[..., Response]


def file_route(
    router: APIRouter, path: str, *, operation_id: str, summary: str, responses: Responses
) -> Callable[[Endpoint], Endpoint]:
    """A GET that is in the OpenAPI document, and the same as HEAD that is not."""

    def register(endpoint: Endpoint) -> Endpoint:
        options: dict[str, Any] = {"response_class": Response, "response_model": None}
        router.head(path, include_in_schema=False, **options)(endpoint)
        router.get(
            path, operation_id=operation_id, summary=summary, responses=responses, **options
        )(endpoint)
        return endpoint

    return register
