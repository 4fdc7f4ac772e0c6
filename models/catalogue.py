"""The methods that there are, found in ``models/methods``; loads without torch."""

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field, TypeAdapter

from models import methods
from models.base import Method


def _find() -> dict[str, type[Method]]:
    found = {}
    for info in iter_modules(methods.__path__):
        module = import_module(f"{methods.__name__}.{info.name}")
        for _, item in getmembers(module, isclass):
            if issubclass(item, Method) and item.__module__ == module.__name__:
                found[str(item.model_fields["method"].default)] = item
    return dict(sorted(found.items()))


METHODS: dict[str, type[Method]] = _find()

if TYPE_CHECKING:
    AnyMethod = Method
else:
    AnyMethod = Annotated[Union[tuple(METHODS.values())], Field(discriminator="method")]  # noqa: UP007 - a union made of a tuple

_adapter: TypeAdapter[Method] = TypeAdapter(AnyMethod)


def parse(hyperparameters: dict[str, Any]) -> Method:
    """A method from its name under ``method`` and its hyperparameters.

    Raises:
        pydantic.ValidationError: for an unknown name, an unknown or an out-of-range value.
    """
    return _adapter.validate_python(hyperparameters)
