"""How many clusters ``auto`` would choose, where the number is known."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from benchmarks import sets
from benchmarks.records import Record
from benchmarks.summary import NOT_RUN, origin
from benchmarks.tables import grid
from models.automatic import most_clusters
from models.base import FloatArray

DIGITS = "digits"


class Problem(NamedTuple):
    """Classes ``first`` to ``last``, from 1, of a set; ``seen`` when the rule was made."""

    name: str
    first: int
    last: int
    seen: bool = False

    @property
    def title(self) -> str:
        if self.name == DIGITS:
            return "scikit-learn's digits"
        return f"{sets.SETS[self.name].title}, classes {self.first} to {self.last}"


PROBLEMS = (
    Problem("orl", 1, 20, seen=True),
    Problem("yaleb", 1, 10, seen=True),
    Problem("coil100", 21, 40, seen=True),
    Problem(DIGITS, 1, 10, seen=True),
    Problem("orl", 1, 40),
    Problem("orl", 21, 40),
    Problem("yaleb", 1, 38),
    Problem("yaleb", 11, 20),
    Problem("yaleb", 21, 25),
    Problem("coil20", 1, 20),
    Problem("coil20", 1, 10),
    Problem("coil100", 1, 100),
    Problem("coil100", 61, 75),
)


def measure(data: Path | None) -> Record:
    """Survey the pixels of every problem, as a job with n_clusters auto does."""
    from benchmarks.machine import provenance  # noqa: PLC0415 - tables need no torch

    return {"numbers": "auto", "rows": [_once(one, data) for one in PROBLEMS]} | provenance("cpu")


def _once(problem: Problem, data: Path | None) -> dict[str, Any]:
    from models.counting import survey  # noqa: PLC0415 - tables need no torch

    X = _pixels(problem, data)
    began = perf_counter()
    found = survey(X, 0)
    best = sorted(found.counts, key=lambda count: -count.support)[:3]
    true = problem.last - problem.first + 1
    there = [count for count in found.counts if count.n_clusters == true]
    return {
        "title": problem.title,
        "seen": problem.seen,
        "n_images": len(X),
        "most": most_clusters(found.n_images),
        "true": true,
        "best": [[count.n_clusters, count.agreement, count.support] for count in best],
        "of_true": there[0].support if there else None,
        "seconds": perf_counter() - began,
    }


def _pixels(problem: Problem, data: Path | None) -> FloatArray:
    if problem.name == DIGITS:
        pixels = load_digits().data / 16
        return np.asarray(pixels, dtype=np.float32)
    found = sets.load(problem.name, data)
    chosen = (found.truth >= problem.first - 1) & (found.truth < problem.last)
    return found.images[chosen].reshape(int(chosen.sum()), -1)


def table(records: Sequence[Record]) -> str:
    """A line for each problem."""
    if not records:
        return NOT_RUN
    header = (
        "images",
        "N",
        "true",
        "chosen",
        "next best",
        "agreement at the chosen",
        "support of the true, relative",
        "seconds",
        "",
    )
    (record,) = records
    return f"{grid(header, map(_line, record['rows']))}\n\n{origin([record])}"


def _line(row: dict[str, Any]) -> list[str]:
    (chosen, agreement, support), *others = row["best"]
    relative = "not tried" if row["of_true"] is None else f"{row['of_true'] / support:.2f}"
    return [
        row["title"],
        str(row["n_images"]),
        str(row["true"]),
        str(chosen),
        ", ".join(str(n) for n, _, _ in others),
        f"{agreement:.2f}",
        relative,
        f"{row['seconds']:.0f}",
        "seen when the rule was made" if row["seen"] else "",
    ]
