"""Presets: the constants of the paper's tables, as data."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_FOLDER = files(__name__)
NAMES: tuple[str, ...] = (
    "auto",
    *sorted(f.name[:-5] for f in _FOLDER.iterdir() if f.name.endswith(".toml")),
)
"""``auto`` sets nothing: the method's label-free rule fills in everything."""


def hyperparameters(name: str, n_clusters: int) -> dict[str, Any]:
    """A preset's values for n clusters.

    Raises:
        KeyError: if there is no such preset.
    """
    if name not in NAMES:
        raise KeyError(name)
    return {} if name == "auto" else _evaluate(_read(name)["hyperparameters"], n_clusters)


def of_method(name: str, method: str, n_clusters: int) -> dict[str, Any]:
    """A preset's values for a method without a network; see ``names``.

    Raises:
        KeyError: if it has none for that method.
    """
    if name == "auto":
        return {}
    if name not in names(method):
        raise KeyError(name)
    found: dict[str, Any] = _evaluate(_read(name)["methods"][method], n_clusters)
    return found


def names(method: str) -> tuple[str, ...]:
    """``auto``, and the presets with constants for a method without a network."""
    return tuple(n for n in NAMES if n == "auto" or method in _read(n).get("methods", {}))


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _evaluate(value: Any, n: int) -> Any:
    """Replace every table {slope, intercept, log10, min} by its value at n."""
    if not isinstance(value, dict):
        return value
    if "slope" not in value:
        return {key: _evaluate(item, n) for key, item in value.items()}
    line = value["slope"] * n + value["intercept"]
    if value.get("log10"):
        line = 10**line
    return round(max(line, value.get("min", line)), 12)
