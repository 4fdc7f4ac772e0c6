"""A finished fit as files, figures and notices. The ground truth is read here and nowhere else."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from jobs.artifacts import describe
from jobs.records import JSON, Artifact, Notice
from jobs.states import Phase
from models.alignment import contingency
from models.base import Clustering, FloatArray, IntArray, Method
from models.scores import confidence, score
from worker.exchange import Outcome, Scratch, Spec, write
from worker.reporting import Confusion, write_report
from worker.trainer import files, machine
from worker.trainer.images import Loaded, Truth, load_truth, look_for_oddities
from worker.trainer.run import JobRun

if TYPE_CHECKING:
    from worker.trainer.overview import Overview

AT_THE_END = 0.9
"""A choice beyond this share of the largest number tried is no choice."""
MOST_CONFUSED = 40
"""Classes or clusters up to which the report counts them against each other."""


class Finished(NamedTuple):
    method: Method
    loaded: Loaded
    clustering: Clustering
    n_clusters: int
    seconds: float

    @property
    def final(self) -> str:
        """The name of the labeling that is the answer."""
        return self.clustering.answer

    @property
    def labelings(self) -> dict[str, IntArray]:
        """All answers by name, the final one first."""
        return {self.final: self.clustering.labels} | dict(self.clustering.labelings)


class Judgement(NamedTuple):
    """What is said about a clustering: how sure of each image, and how right if that is known."""

    confidence: FloatArray
    scores: dict[str, dict[str, float]] | None
    confusion: Confusion | None
    notices: list[Notice]


def publish(spec: Spec, run: JobRun, finished: Finished, seen: "Overview") -> None:
    """Score, write every file flushed to disk, and say last that all is there."""
    judgement = judge(spec, run, finished)
    run.show(Phase.SCORING, 1, 1)
    result = summary(run, finished, judgement)
    writers = files.writers(finished, judgement.confidence, run.rows, seen)
    told = report(spec, run, finished, judgement, result)
    folder = Scratch(spec.scratch).results
    writers["report.json"] = partial(files.write_json, value=told)
    writers["report.html"] = partial(
        write_report, report=told, confusion=judgement.confusion, folder=folder
    )
    records = write_files(spec, run, writers)
    method = finished.method.model_dump(mode="json")
    outcome = Outcome(result=result, method=method, notices=judgement.notices, files=records)
    write(Scratch(spec.scratch).outcome, outcome)


def judge(spec: Spec, run: JobRun, finished: Finished) -> Judgement:
    clustering = finished.clustering
    truth = load_truth(spec.dataset)
    scores = confusion = None
    if truth is not None:
        scores = {name: score(truth.labels, found) for name, found in finished.labelings.items()}
        confusion = confused(truth, clustering.labels, finished.n_clusters)
    return Judgement(certainty(clustering), scores, confusion, notices(spec, run, finished))


def confused(truth: Truth, labels: IntArray, n_clusters: int) -> Confusion | None:
    """Classes by clusters, each of these below the class that it is matched to; of few of both."""
    if max(len(truth.classes), n_clusters) > MOST_CONFUSED:
        return None
    counts = contingency(truth.labels, labels, n_clusters)[: len(truth.classes)]
    _, matched = linear_sum_assignment(-counts)
    clusters = [*matched, *sorted(set(range(n_clusters)) - set(matched))]
    return Confusion(truth.classes, list(map(int, clusters)), counts[:, clusters].tolist())


def certainty(clustering: Clustering) -> FloatArray:
    """(N,) in [0, 1]: what the fit says, or by the affinity."""
    if clustering.confidence is not None:
        return clustering.confidence
    assert isinstance(clustering.affinity, np.ndarray)  # noqa: S101 - see Clustering
    return confidence(clustering.affinity, clustering.labels)


def notices(spec: Spec, run: JobRun, finished: Finished) -> list[Notice]:
    """What was known before the job, what the images show, what the method says; each code once."""
    chosen = [_chosen(run.count)] if run.count is not None else []
    found = look_for_oddities(finished.loaded.images, finished.loaded.names)
    said = [Notice(code=n.code, detail=n.detail) for n in finished.clustering.notices]
    known = {notice.code: notice for notice in [*chosen, *said, *found, *spec.notices]}
    return list(known.values())


def _chosen(count: JSON) -> Notice:
    """What a survey of the number of clusters has suggested, and whether it is to be doubted."""
    n, most = count["suggested"], count["counts"][-1]["n_clusters"]
    detail = f"{n} clusters were chosen, which is a hint and no measurement: look at the spectrum, "
    detail += "and at other numbers near it."
    if n > AT_THE_END * most:
        detail += f" Only up to {most} were tried, and support still grew: that says little."
    return Notice(code="number-chosen", detail=detail)


def summary(run: JobRun, finished: Finished, judgement: Judgement) -> JSON:
    """The job row's ``result``."""
    clustering, scores = finished.clustering, judgement.scores
    labels = clustering.labels
    n = finished.n_clusters
    return {
        "n_images": len(labels),
        "n_clusters": n,
        "landmarks": None if clustering.landmarks is None else len(clustering.landmarks.indices),
        "cluster_sizes": np.bincount(labels, minlength=n).tolist(),
        "labelings": list(finished.labelings),
        "final_labels": finished.final,
        "scores": scores and scores[finished.final],
        "scores_by": scores,
        "diagnostics": files.plain(clustering.diagnostics),
        "candidates": list(clustering.candidates) or None,
        "seconds": round(finished.seconds, 3),
        "device": machine.device_name(run.device),
        "threads": run.threads,
        "versions": run.versions,
    }


def report(
    spec: Spec, run: JobRun, finished: Finished, judgement: Judgement, result: JSON
) -> dict[str, Any]:
    """The result with all that is needed to repeat and to judge it."""
    return {
        "job_id": spec.job_id,
        "attempt": spec.attempt,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": spec.source,
        "predicts": spec.predicts,
        "request": spec.request,
        "method": finished.method.model_dump(mode="json"),
        "citation": finished.method.citation,
        "seed": run.seed,
        "images": {"shape": finished.loaded.images.shape, "resized": finished.loaded.filters},
        "machine": machine.describe(),
        "notices": [notice.model_dump() for notice in judgement.notices],
        **result,
    }


def write_files(
    spec: Spec, run: JobRun, writers: dict[str, Callable[[Path], None]]
) -> list[Artifact]:
    folder, records = Scratch(spec.scratch).results, []
    for done, (name, writer) in enumerate(writers.items()):
        run.show(Phase.PUBLISHING, done, len(writers))
        path = folder / name
        writer(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        kind, media_type = files.nature(name)
        key = f"jobs/{spec.job_id}/{spec.attempt}/{name}"
        records.append(describe(path, key, kind, media_type))
    run.show(Phase.PUBLISHING, len(writers), len(writers))
    return records
