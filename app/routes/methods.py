"""The catalogue of clustering methods."""

import inspect

from fastapi import APIRouter, Depends

from app.context import current
from app.documentation import problems
from app.errors import InvalidRequest
from app.requests import WordPath
from app.schemas import MethodList, MethodView
from jobs.errors import NotFound
from models.base import Method
from models.catalogue import METHODS

router = APIRouter(prefix="/v1/methods", tags=["methods"], dependencies=[Depends(current)])


@router.get("", operation_id="list_methods", summary="All methods", responses=problems())
def methods() -> MethodList:
    return MethodList(items=[_view(name, method) for name, method in METHODS.items()])


@router.get(
    "/{name}",
    operation_id="get_method",
    summary="One method: citation, hyperparameters, presets",
    responses=problems(NotFound, InvalidRequest),
)
def method(name: WordPath) -> MethodView:
    if name not in METHODS:
        raise NotFound(f"There is no method {name!r}; there are {', '.join(METHODS)}.")
    return _view(name, METHODS[name])


def _view(name: str, method: type[Method]) -> MethodView:
    return MethodView(
        name=name,
        title=method.title,
        citation=method.citation,
        description=inspect.getdoc(method) or "",
        presets=list(method.presets),
        needs_images=method.needs_images,
        defaults=method().model_dump(mode="json"),
        parameters=method.model_json_schema(),
        links={"self": f"/v1/methods/{name}"},
    )
