"""A comparison's methods in order: by error where there is truth, else by agreement.

The order by error is scoring: it is made of finished jobs' scores, and nothing is chosen by it.
"""

import csv
import io
import json
from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from app.comparing.schemas import Ranking, RankingRow, Spread
from app.comparing.views import is_over
from app.context import Context
from app.labels import load
from jobs.errors import Gone, NotFound
from jobs.records import Comparison, Job
from jobs.states import Status
from jobs.store.comparisons import Places
from models.base import IntArray

if TYPE_CHECKING:
    from models.partitions import Likeness

FORMATS = {"application/json": "json", "text/csv": "csv"}
SCORES = ("accuracy", "error", "nmi", "ari")
SPREADS = ("agreement", "relative_eigengap", "clusters", "seconds", *SCORES)
DIGITS = 9
PARTS = {"median": "", "min": "_min", "max": "_max"}
"""Of a figure, and what stands behind its name in CSV."""
PLAIN = ("rank", "method", "changes", "jobs", "succeeded", "failed", "stability")


class Done(NamedTuple):
    """A succeeded job's result and labels (N,)."""

    result: dict[str, Any]
    labels: IntArray


def ranking(context: Context, comparison: Comparison, places: Places) -> Ranking:
    """What there is by now; see ``Ranking.complete``."""
    from models.partitions import likeness  # noqa: PLC0415 - the API starts without NumPy

    groups = _by_method(comparison, places)
    done = [_done(context, group) for group in groups]
    alike = likeness([[job.labels for job in group] for group in done])
    methods = comparison.request["methods"]
    rows = [
        _row(method, group, ended, like, len(comparison.request["seeds"]))
        for method, group, ended, like in zip(methods, groups, done, alike, strict=True)
    ]
    truth = any(row.error for row in rows)
    return Ranking(
        comparison_id=comparison.id,
        name=comparison.name,
        complete=is_over(places),
        ordered_by="error" if truth else "agreement",
        rows=_ranked(rows, by_error=truth),
    )


def _by_method(comparison: Comparison, places: Places) -> list[list[Job]]:
    seeds = len(comparison.request["seeds"])
    return [
        [job for place, job in places.items() if place // seeds == method]
        for method in range(len(comparison.request["methods"]))
    ]


def _done(context: Context, group: list[Job]) -> list[Done]:
    """Those that succeeded; one that is deleted in this very moment is left out."""
    found = []
    for job in group:
        if job.status is Status.SUCCEEDED and job.result is not None:
            try:
                labels = load(context, job, "labels.npy")
            except (NotFound, Gone):
                continue
            found.append(Done(job.result, labels))
    return found


def _row(
    method: dict[str, Any], group: list[Job], done: list[Done], like: "Likeness", jobs: int
) -> RankingRow:
    results = [job.result for job in done]
    scores = [result["scores"] or {} for result in results]
    return RankingRow(
        rank=None,
        method=method["method"],
        changes={name: value for name, value in method.items() if name != "method"},
        jobs=jobs,
        succeeded=len(done),
        failed=sum(job.status is Status.FAILED for job in group),
        agreement=spread(like.agreement),
        stability=like.stability,
        relative_eigengap=spread(r["diagnostics"].get("relative_eigengap") for r in results),
        clusters=spread(sum(size > 0 for size in r["cluster_sizes"]) for r in results),
        seconds=spread(result["seconds"] for result in results),
        **{name: spread(score.get(name) for score in scores) for name in SCORES},
    )


def spread(figures: Iterable[float | None]) -> Spread | None:
    known = [round(figure, DIGITS) for figure in figures if figure is not None]
    if not known:
        return None
    return Spread(median=round(median(known), DIGITS), min=min(known), max=max(known))


def _ranked(rows: list[RankingRow], *, by_error: bool) -> list[RankingRow]:
    """Best first, equals in the order of the request, those without the figure at the end."""
    costs = [_cost(row, by_error=by_error) for row in rows]
    ranks = [None if c is None else 1 + sum(o is not None and o < c for o in costs) for c in costs]
    ranked = [row.model_copy(update={"rank": r}) for row, r in zip(rows, ranks, strict=True)]
    return sorted(ranked, key=lambda row: row.rank or len(rows) + 1)


def _cost(row: RankingRow, *, by_error: bool) -> float | None:
    """What is least of the best."""
    if by_error:
        return row.error.median if row.error else None
    return -row.agreement.median if row.agreement else None


def as_csv(found: Ranking) -> bytes:
    """One line per method: a figure's median, and its least and largest value."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([*PLAIN, *(f"{name}{part}" for name in SPREADS for part in PARTS.values())])
    for row in found.rows:
        plain = row.model_dump(include=set(PLAIN)) | {"changes": json.dumps(row.changes)}
        spreads = [row.model_dump()[name] or {} for name in SPREADS]
        figures = [figures.get(part) for figures in spreads for part in PARTS]
        writer.writerow([*(plain[name] for name in PLAIN), *figures])
    return file.getvalue().encode()
