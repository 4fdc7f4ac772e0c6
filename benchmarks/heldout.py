"""Images that were not trained on: the head's answer, beside that of the most similar image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks import sets
from benchmarks.journal import Journal
from benchmarks.records import Record
from benchmarks.summary import NOT_RUN, origin, percent
from benchmarks.tables import grid
from models.alignment import contingency
from models.base import Clustering, FloatArray, IntArray
from models.mapping import unit_rows
from models.methods.s2convscn import S2ConvSCN

SHARE = 0.2
"""Of each class's images, held out."""
ERRORS = ("train", "train_head", "new", "nearest")


class Split(NamedTuple):
    """``held`` (N,) says which images are held out."""

    images: FloatArray
    truth: IntArray
    held: IntArray

    @classmethod
    def of(cls, found: sets.ImageSet, seed: int) -> "Split":
        """A fifth of each class, drawn by the seed."""
        rng, held = np.random.default_rng(seed), np.zeros(len(found.truth), dtype=bool)
        for label in range(found.n_classes):
            own = rng.permutation(np.flatnonzero(found.truth == label))
            held[own[: round(SHARE * len(own))]] = True
        return cls(found.images, found.truth, held)

    def part(self, *, held: bool) -> tuple[FloatArray, IntArray]:
        chosen = self.held == held
        return np.ascontiguousarray(self.images[chosen]), self.truth[chosen]


def measure(found: sets.ImageSet, seeds: int, device: str, cache: Path) -> Record:
    """Cluster four fifths of a set with each seed, and let the head assign the rest."""
    from benchmarks.machine import provenance  # noqa: PLC0415 - tables need no torch

    rows = [_once(found, seed, device, cache) for seed in range(seeds)]
    return {"heldout": found.name, "rows": rows} | provenance(device)


def _once(found: sets.ImageSet, seed: int, device: str, cache: Path) -> dict[str, Any]:
    from models.prediction import Predictor  # noqa: PLC0415 - tables need no torch

    split = Split.of(found, seed)
    (seen, truth), (new, new_truth) = split.part(held=False), split.part(held=True)
    began = perf_counter()
    journal = Journal(seed, cache / f"heldout-{found.name}-{seed}.npz", device=device)
    fit = S2ConvSCN().fit(seen, found.n_classes, journal)
    journal.finish()
    fitted = perf_counter()
    assert fit.model is not None  # noqa: S101 - S2ConvSCN has one
    answer = Predictor(fit.model, device).predict(new)
    seconds = perf_counter() - fitted
    wrong = _wrong(truth, fit, found.n_classes)
    missed = wrong(answer.labels, new_truth)
    return {
        "seed": seed,
        "images": [len(seen), len(new)],
        "train": float(wrong(fit.labels, truth).mean()),
        "train_head": float(wrong(fit.labelings["head"], truth).mean()),
        "new": float(missed.mean()),
        "nearest": float(wrong(_of_nearest(seen, new, fit.labels), new_truth).mean()),
        "head_agreement": fit.diagnostics["head_agreement"],
        "confidence": [_mean(answer.confidence[~missed]), _mean(answer.confidence[missed])],
        "seconds": [fitted - began, seconds],
    }


def _wrong(truth: IntArray, fit: Clustering, n: int) -> Any:
    """Which labels are not of the class that their cluster is matched to, by the training part."""
    _, matched = linear_sum_assignment(-contingency(fit.labels, truth, n))
    return lambda labels, classes: matched[labels] != classes


def _of_nearest(seen: FloatArray, new: FloatArray, labels: IntArray) -> IntArray:
    """The cluster of the training image that has the smallest angle to each new one, in pixels."""
    X, Y = (unit_rows(part.reshape(len(part), -1)) for part in (seen, new))
    nearest: IntArray = labels[(Y @ X.T).argmax(axis=1)]
    return nearest


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None


def table(records: Sequence[Record]) -> str:
    """A line for each set: medians over seeds."""
    if not records:
        return NOT_RUN
    header = (
        "set",
        "seeds",
        "trained on",
        "held out",
        "error of the clustering",
        "of its head",
        "of the head on new images",
        "of the most similar image's cluster",
        "new images a second",
    )
    order = list(sets.SETS)
    ordered = sorted(records, key=lambda record: order.index(record["heldout"]))
    return f"{grid(header, map(_line, ordered))}\n\n{origin(ordered)}"


def _line(record: Record) -> list[str]:
    rows = record["rows"]
    seen, new = rows[0]["images"]
    speed = median(new / row["seconds"][1] for row in rows)
    return [
        sets.SETS[record["heldout"]].title,
        str(len(rows)),
        str(seen),
        str(new),
        *_medians(rows),
        f"{speed:,.0f}",
    ]


def _medians(rows: list[dict[str, Any]]) -> Iterator[str]:
    return (percent(median(row[name] for row in rows)) for name in ERRORS)
