"""What ``select`` kept beside what it could have kept: label-free criteria against errors."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from statistics import mean, median
from typing import Any

from scipy.stats import spearmanr

from benchmarks.methods import SELECTED
from benchmarks.records import Record
from benchmarks.sets import SETS
from benchmarks.summary import origin, percent
from benchmarks.tables import grid, problem

Tried = list[dict[str, Any]]
NOTHING = "Nothing was run."


def regrets(records: Sequence[Record]) -> str:
    """A line for each run: errors of what was asked, kept, and possible; regret of criteria."""
    runs = _runs(records)
    if not runs:
        return NOTHING
    header = (
        "set",
        "seed",
        "candidates",
        "as asked",
        "kept",
        "which",
        "best",
        "median",
        "worst",
        "regret",
        "regret of the eigengap",
        "rank correlation",
        "of the eigengap",
    )
    return f"{grid(header, map(_line, runs))}\n\n{origin(runs)}"


def candidates(records: Sequence[Record]) -> str:
    """Every candidate: agreement, relative eigengap and error, means over seeds."""
    runs = _runs(records)
    if not runs:
        return NOTHING
    header = ("set", "candidate", "agreement", "relative eigengap", "error")
    return grid(header, [row for protocol in _protocols(runs) for row in _rows(*protocol)])


def _runs(records: Sequence[Record]) -> list[Record]:
    order = list(SETS)
    found = [r for r in records if r["method"] == SELECTED and "failure" not in r]
    return sorted(found, key=lambda r: (order.index(r["set"]), r["protocol"], r["seed"]))


def _line(run: Record) -> list[str]:
    tried: Tried = run["candidates"]
    errors = [c["error"] for c in tried]
    kept = next(c for c in tried if c["chosen"])
    widest = max(tried, key=itemgetter("relative_eigengap"))
    figures = (kept["error"] - min(errors), widest["error"] - min(errors))
    return [
        problem(run["set"], run["protocol"]),
        str(run["seed"]),
        str(len(tried)),
        percent(tried[-1]["error"]),
        percent(kept["error"]),
        kept["name"],
        *(percent(f(errors)) for f in (min, median, max)),
        *map(percent, figures),
        *(_correlation(tried, key) for key in ("agreement", "relative_eigengap")),
    ]


def _correlation(tried: Tried, criterion: str) -> str:
    """Spearman's, of the criterion and the share of images that are right."""
    errors = [-c["error"] for c in tried]
    if min(errors) == max(errors):
        return "-"
    return f"{float(spearmanr([c[criterion] for c in tried], errors)[0]):.2f}"


def _protocols(runs: list[Record]) -> Iterator[tuple[str, list[Tried]]]:
    titles = dict.fromkeys(problem(run["set"], run["protocol"]) for run in runs)
    return (
        (title, [r["candidates"] for r in runs if problem(r["set"], r["protocol"]) == title])
        for title in titles
    )


def _rows(title: str, runs: list[Tried]) -> Iterator[list[str]]:
    for k, first in enumerate(runs[0]):
        of = {
            key: mean(tried[k][key] for tried in runs)
            for key in ("agreement", "relative_eigengap", "error")
        }
        figures = [f"{of['agreement']:.3f}", f"{of['relative_eigengap']:.2f}"]
        yield [title, first["name"], *figures, percent(of["error"])]
