"""From a comparison's row and its jobs' rows to what goes over HTTP."""

from collections import Counter
from typing import Any

from app.comparing.schemas import ComparedJob, ComparisonSummary, ComparisonView
from app.schemas import Problem
from jobs.records import Comparison, Job, timestamp
from jobs.states import Status, overall
from jobs.store.comparisons import Places

DELETED = "deleted"
LINKED = ("ranking", "chart")


def summary(comparison: Comparison, places: Places, *, alive: bool) -> ComparisonSummary:
    """``alive``: whether any worker is."""
    return ComparisonSummary(**_fields(comparison, places, alive=alive))


def view(comparison: Comparison, places: Places, *, alive: bool) -> ComparisonView:
    fields = _fields(comparison, places, alive=alive)
    return ComparisonView(**fields, jobs=compared(comparison, places))


def size(comparison: Comparison) -> int:
    """Its number of places."""
    return len(comparison.request["methods"]) * len(comparison.request["seeds"])


def is_over(places: Places) -> bool:
    return all(job.status.terminal for job in places.values())


def compared(comparison: Comparison, places: Places) -> list[ComparedJob]:
    seeds = comparison.request["seeds"]
    return [
        _compared(places.get(place), comparison.request["methods"][place // len(seeds)], seed)
        for place, seed in enumerate(seeds * len(comparison.request["methods"]))
    ]


def _fields(comparison: Comparison, places: Places, *, alive: bool) -> dict[str, Any]:
    found, over = list(places.values()), is_over(places)
    counts = Counter(job.status for job in found)
    ends = [job.finished_at for job in found if job.finished_at is not None]
    missing = size(comparison) - len(found)
    return {
        **comparison.model_dump(exclude={"owner", "created_at", "deleted_at"}),
        "status": overall(counts),
        "terminal": over,
        "message": _message(counts, missing, waits=not over and not alive),
        "progress": (sum(map(_progress, found)) + missing) / size(comparison),
        "estimated_finish": timestamp(_finish(found)),
        "counts": counts | ({DELETED: missing} if missing else {}),
        "created_at": timestamp(comparison.created_at),
        "finished_at": timestamp(max(ends)) if over and ends else None,
        "links": _links(comparison, over=over),
    }


def _compared(job: Job | None, method: dict[str, Any], seed: int) -> ComparedJob:
    path = job and f"/v1/jobs/{job.id}"
    links = {"self": path, "labels": f"{path}/labels"} if path else {}
    return ComparedJob(
        job_id=job and job.id,
        method=method,
        seed=seed,
        status=job.status if job else DELETED,
        progress=_progress(job) if job else 1,
        error=Problem(**job.error) if job and job.error else None,
        links=links,
    )


def _progress(job: Job) -> float:
    if job.status.terminal:
        return 1
    return job.progress.fraction if job.progress else 0


def _finish(found: list[Job]) -> float | None:
    """When the last running job will be done; not known while others wait for a worker."""
    unfinished = [job for job in found if not job.status.terminal]
    ends = [
        job.progress.finish_at if job.progress and job.status is Status.RUNNING else None
        for job in unfinished
    ]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _message(counts: Counter[Status], missing: int, *, waits: bool) -> str:
    total = counts.total() + missing
    ended = {status: counts[status] for status in Status if status.terminal and counts[status]}
    said = [f"{count} {status}" for status, count in ended.items()]
    said += [f"{missing} {DELETED}"] if missing else []
    over = sum(ended.values()) + missing
    text = f"{over} of {total} jobs are over{': ' if said else ''}{', '.join(said)}."
    return f"{text} No worker is alive: start one." if waits else text


def _links(comparison: Comparison, *, over: bool) -> dict[str, str]:
    path = f"/v1/comparisons/{comparison.id}"
    links = {"self": path, "dataset": f"/v1/datasets/{comparison.dataset_id}"}
    links |= {name: f"{path}/{name}" for name in LINKED}
    return links if over else links | {"cancel": f"{path}/cancel"}
