"""One JSON a run: where it lies, how it is written, what counts as the same run."""

import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple
from zlib import compress

from benchmarks.methods import Choice
from benchmarks.states import atomically
from benchmarks.trials import Trial
from models.base import IntArray
from models.catalogue import METHODS

DIGITS = 5
"""Significant digits of what was measured."""
EXACT = frozenset({"settings", "overrides"})
STAGE_ONE = "stage-one"
SPEED, LOAD, HELD_OUT, NUMBERS = "speed", "load", "heldout", "numbers"
LANDMARKS, STARTS, VIEWS = "landmarks", "starts", "views"
FAMILIES = (SPEED, LOAD, HELD_OUT, NUMBERS, LANDMARKS, STARTS, VIEWS)
"""Records that are no runs: each lies in a folder of this name, and has this key."""

Record = dict[str, Any]


class Case(NamedTuple):
    """One run: a set's trial, a method with its league, a seed."""

    set_name: str
    trial: Trial
    method: str
    choice: Choice
    seed: int

    @property
    def title(self) -> str:
        label = f" {self.choice.label}" if self.choice.label else ""
        return (
            f"{self.set_name} {self.trial.name} {self.choice.league} "
            f"{self.method}{label} seed {self.seed}"
        )

    def path(self, results: Path) -> Path:
        name = "-".join(filter(None, (self.method, self.choice.label, f"seed{self.seed}")))
        return results / self.set_name / self.trial.name / self.choice.league / f"{name}.json"

    def running(self, cache: Path, settings: dict[str, Any]) -> Path:
        """Where a half-finished run is kept; one with other settings does not take it up."""
        finished = self.path(cache / "running")
        return finished.with_name(f"{finished.stem}-{digest(settings)}.npz")

    def identity(self, settings: dict[str, Any]) -> Record:
        """What a record must have in common with this run to stand for it."""
        return {
            "set": self.set_name,
            "protocol": self.trial.name,
            "league": self.choice.league,
            "method": self.method,
            "label": self.choice.label,
            "seed": self.seed,
            "settings": settings,
        }


def digest(described: Any) -> str:
    """A short name for something that JSON can hold."""
    return sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def stage_one_path(results: Path, set_name: str, name: str) -> Path:
    return results / set_name / STAGE_ONE / f"{name}.json"


def write(path: Path, record: Record) -> None:
    """A line for each key; figures to ``DIGITS`` significant digits."""
    lines = (
        f"{json.dumps(k)}: {_dump(v if k in EXACT else rounded(v))}" for k, v in record.items()
    )
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def read(path: Path) -> Record | None:
    """None if there is no such file."""
    if not path.is_file():
        return None
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def runs(results: Path) -> list[Record]:
    """The records of all runs under a folder; those of stage I are none, nor are ``FAMILIES``."""
    others = (STAGE_ONE, *FAMILIES)
    return _read(path for path in results.rglob("*.json") if path.parent.name not in others)


def of_family(results: Path, family: str) -> list[Record]:
    """Those of one of ``FAMILIES`` under a folder."""
    return _read((results / family).glob("*.json"))


def everything(results: Path) -> list[Record]:
    """Runs and families."""
    return [*runs(results), *(r for family in FAMILIES for r in of_family(results, family))]


def _read(paths: Iterable[Path]) -> list[Record]:
    return [record for path in sorted(paths) if (record := read(path)) is not None]


def same(record: Record, identity: Record) -> bool:
    """Whether a record is of this very run.

    A setting that there was not yet when the record was written counts as at its default.
    """
    settings = identity["settings"]
    kind = METHODS[settings.get("method", "s2convscn")]
    defaults = kind().model_dump(mode="json", include=set(settings))
    completed = record | {"settings": defaults | record["settings"]}
    return all(completed[key] == value for key, value in identity.items())


def columns(rows: Iterable[Record], keys: Iterable[str]) -> dict[str, list[Any]]:
    """Rows turned into a list for each key; None where a row lacks it."""
    kept = list(rows)
    return {key: [row.get(key) for row in kept] for key in keys}


def packed(labels: IntArray) -> dict[str, str]:
    """Labels as zlib-compressed little-endian int16 in base64, and their sha-256 so."""
    body = labels.astype("<i2").tobytes()
    return {"int16": b64encode(compress(body, 9)).decode(), "sha256": sha256(body).hexdigest()}


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if not isinstance(value, float):
        return value
    if not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short
