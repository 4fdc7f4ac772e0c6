"""A finished fit as files, figures and notices. The ground truth is read here and nowhere else."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jobs.artifacts import describe
from jobs.records import JSON, Artifact, Notice
from jobs.states import Phase
from models.base import Clustering, FloatArray, IntArray, Method
from models.scores import confidence, score
from worker.exchange import Outcome, Scratch, Spec, write
from worker.trainer import files, machine
from worker.trainer.images import Loaded, load_truth, look_for_oddities
from worker.trainer.run import JobRun


class Finished(NamedTuple):
    method: Method
    loaded: Loaded
    clustering: Clustering

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
    notices: list[Notice]


def publish(spec: Spec, run: JobRun, finished: Finished) -> None:
    """Score, write every file flushed to disk, and say last that all is there."""
    run.show(Phase.SCORING, 0, 1)
    judgement = judge(spec, finished)
    run.show(Phase.SCORING, 1, 1)
    result = summary(spec, run, finished, judgement)
    writers = files.writers(finished, judgement.confidence, run.rows)
    writers["report.json"] = lambda path: files.write_json(
        path, report(spec, run, finished, judgement, result)
    )
    records = write_files(spec, run, writers)
    outcome = Outcome(result=result, notices=judgement.notices, files=records)
    write(Scratch(spec.scratch).outcome, outcome)


def judge(spec: Spec, finished: Finished) -> Judgement:
    clustering = finished.clustering
    truth = load_truth(spec.dataset)
    scores = truth is not None and {
        name: score(truth, labels) for name, labels in finished.labelings.items()
    }
    return Judgement(
        certainty(clustering),
        scores or None,
        notices(spec, finished),
    )


def certainty(clustering: Clustering) -> FloatArray:
    """(N,) in [0, 1]: by the affinity, or what the method says in its place."""
    if clustering.affinity is not None:
        return confidence(clustering.affinity, clustering.labels)
    assert clustering.confidence is not None  # noqa: S101 - see Clustering
    return clustering.confidence


def notices(spec: Spec, finished: Finished) -> list[Notice]:
    """What was known before the job, what the images show, what the method says; each code once."""
    found = look_for_oddities(finished.loaded.images, finished.loaded.names)
    said = [Notice(code=n.code, detail=n.detail) for n in finished.clustering.notices]
    known = {notice.code: notice for notice in [*said, *found, *spec.notices]}
    return list(known.values())


def summary(spec: Spec, run: JobRun, finished: Finished, judgement: Judgement) -> JSON:
    """The job row's ``result``."""
    labels, scores = finished.clustering.labels, judgement.scores
    return {
        "n_images": len(labels),
        "n_clusters": spec.n_clusters,
        "cluster_sizes": np.bincount(labels, minlength=spec.n_clusters).tolist(),
        "labelings": list(finished.labelings),
        "final_labels": finished.final,
        "scores": scores and scores[finished.final],
        "scores_by": scores,
        "diagnostics": files.plain(finished.clustering.diagnostics),
        "candidates": list(finished.clustering.candidates) or None,
        "seconds": round(run.elapsed, 3),
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
