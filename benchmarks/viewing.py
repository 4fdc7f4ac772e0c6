"""What the choice of a view rests on: eigengap and stability, beside the views' errors."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from benchmarks import sets
from benchmarks.records import VIEWS, Record
from benchmarks.summary import NOT_RUN, origin, percent
from benchmarks.tables import grid
from models.base import FloatArray, IntArray
from models.distinctness import RELIANCE, Distinctness, most_distinct
from s2convscn import digits

DIGITS = "digits"
DEVELOPMENT, OTHERS = "development", "others"
RELIANCES = (0, 1, 2, 3, 4)
DRAWN, SEED = 8, 77


class Problem(NamedTuple):
    """Some classes, from 1, of a set; the rule was made on those of ``development``."""

    name: str
    classes: tuple[int, ...]
    group: str

    @property
    def title(self) -> str:
        known = "digits" if self.name == DIGITS else sets.SETS[self.name].title
        first, last = self.classes[0], self.classes[-1]
        if self.classes == tuple(range(first, last + 1)):
            return f"{known} {first}-{last}"
        return f"{known} {', '.join(map(str, self.classes))}"


def problems(name: str) -> Iterator[Problem]:
    """Those of a set."""
    rng = np.random.default_rng(SEED)
    for group, known in CLASSES[name].items():
        yield from (Problem(name, tuple(classes), group) for classes in known)
    if name in DRAWN_FROM:
        first, last, count = DRAWN_FROM[name]
        for _ in range(DRAWN):
            drawn = np.sort(rng.choice(np.arange(first, last + 1), count, replace=False))
            yield Problem(name, tuple(drawn.tolist()), DEVELOPMENT)


def runs(length: int, *firsts: int) -> list[range]:
    return [range(first, first + length) for first in firsts]


CLASSES: dict[str, dict[str, list[range]]] = {
    "orl": {
        DEVELOPMENT: [*runs(10, 1, 6, 11), *runs(15, 1), *runs(20, 1)],
        OTHERS: [*runs(20, 21), *runs(40, 1)],
    },
    "yaleb": {
        DEVELOPMENT: [*runs(10, *range(1, 12)), *runs(15, 1), *runs(20, 1)],
        OTHERS: [*runs(10, *range(12, 30)), *runs(38, 1)],
    },
    "coil20": {OTHERS: runs(20, 1)},
    "coil100": {
        DEVELOPMENT: [
            *runs(10, *range(21, 80, 10)),
            *runs(20, 21, 41, 61),
            *(range(first, 81, 3) for first in (21, 22, 23)),
        ],
        OTHERS: runs(100, 1),
    },
    DIGITS: {DEVELOPMENT: [*runs(5, 1, 6), *runs(10, 1)]},
}
DRAWN_FROM = {"orl": (1, 20, 12), "yaleb": (1, 20, 10), "coil100": (21, 80, 12)}
"""First and last class, and how many of them are drawn, ``DRAWN`` times."""


def measure(data: Path | None, name: str) -> Record:
    """Each view of each problem of a set."""
    from benchmarks.machine import provenance  # noqa: PLC0415 - tables need no torch

    images, truth = _pixels(name, data)
    rows = [_once(one, images, truth) for one in problems(name)]
    return {VIEWS: name, "rows": rows} | provenance("cpu")


def _once(problem: Problem, images: FloatArray, truth: IntArray) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - tables need no torch

    from models import views  # noqa: PLC0415 - as above
    from models.scores import score  # noqa: PLC0415 - as above

    chosen = np.isin(truth, np.array(problem.classes) - 1)
    own, classes = images[chosen], np.unique(truth[chosen], return_inverse=True)[1]
    found = {}
    for name, view in views.VIEWS.items():
        X = torch.from_numpy(view(own)).flatten(1)
        seen, labels = views.look(X, len(problem.classes))
        found[name] = seen._asdict() | {"error": score(classes, labels)["error"]}
    return {"title": problem.title, "group": problem.group, "views": found}


def _pixels(name: str, data: Path | None) -> tuple[FloatArray, IntArray]:
    if name == DIGITS:
        grey = digits.pixels()[:, None] / 255  # as they would be uploaded
        return np.asarray(grey, dtype=np.float32), digits.truth()
    found = sets.load(name, data)
    return found.images, found.truth


def powers(records: Sequence[Record]) -> str:
    """Mean errors of the views that the rule takes, by the power of the stability."""
    if not records:
        return NOT_RUN
    groups = defaultdict(list)
    for record in records:
        for row in record["rows"]:
            groups[record[VIEWS], row["group"]].append(row)
    header = ("set", "classes", "problems", *(f"power {k}" for k in RELIANCES), "the best view")
    rows = [
        [
            name,
            group,
            str(len(found)),
            *(percent(mean(_taken(row, power)["error"] for row in found)) for power in RELIANCES),
            percent(mean(min(view["error"] for view in row["views"].values()) for row in found)),
        ]
        for (name, group), found in sorted(groups.items(), key=lambda item: item[0][1])
    ]
    return f"{grid(header, rows)}\n\n{origin(records)}"


def changes(records: Sequence[Record]) -> str:
    """The problems in which stability changes the choice: view, its gap and stability, error."""
    if not records:
        return NOT_RUN
    rows = [
        [row["title"], row["group"], _told(before), _told(now)]
        for record in records
        for row in record["rows"]
        if (before := _taken(row, 0)) != (now := _taken(row, RELIANCE))
    ]
    header = ("problem", "classes", "by the eigengap alone", "with stability")
    return f"{grid(header, rows)}\n\n{origin(records)}"


def _taken(row: dict[str, Any], power: float) -> dict[str, Any]:
    """What was found of the view that the rule takes with this power of the stability."""
    seen = {k: Distinctness(v["gap"], v["stability"]) for k, v in row["views"].items()}
    name = most_distinct(seen, power)
    found: dict[str, Any] = row["views"][name]
    return found | {"view": name}


def _told(found: dict[str, Any]) -> str:
    figures = f"{found['gap']:.1f}, {found['stability']:.2f}, {percent(found['error'])} %"
    return f"{found['view']}: {figures}"
