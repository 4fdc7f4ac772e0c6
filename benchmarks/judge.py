"""What a finished fit is worth. The ground truth is used here, and nowhere else."""

from typing import Any, NamedTuple

import torch

from benchmarks.journal import Journal, Partition, Row
from benchmarks.methods import Settings
from benchmarks.records import columns
from models.affinity import Matrix, affinity
from models.base import Clustering, IntArray
from models.hyperparameters import Kind
from models.methods.s2convscn import S2ConvSCN
from models.scores import score
from models.shallow import Shallow
from models.spectral import spectral_clustering
from models.yardstick import Yardstick

OWN = "own"
"""The answer of a method without self-expression."""
SCORES = ("error", "accuracy", "nmi", "ari")


class Answer(NamedTuple):
    """A partition and the label-free figures that came with it."""

    labels: IntArray
    figures: dict[str, float]


def answers(
    clustering: Clustering, chosen: Settings, n_clusters: int, seed: int, device: str
) -> dict[str, Answer]:
    """Spectral clustering of the processed and of the plain affinity, and the method's own."""
    if isinstance(chosen, Yardstick):
        return {OWN: Answer(clustering.labels, dict(clustering.diagnostics))}
    found: dict[str, Answer] = {}
    kinds: tuple[Kind, ...] = ("processed", "plain", chosen.affinity or "plain")
    for name in dict.fromkeys(kinds):
        if name == chosen.affinity and "spectral" in clustering.labelings:
            found[name] = Answer(clustering.labelings["spectral"], dict(clustering.diagnostics))
        elif clustering.coefficients is not None:
            C = torch.from_numpy(clustering.coefficients).to(device)
            A = affinity(C, n_clusters, name, chosen.postprocessing)
            found[name] = spectral(A, chosen, n_clusters, seed)
    if "head" in clustering.labelings:
        found["head"] = Answer(clustering.labelings["head"], {})
    return found


def spectral(A: Matrix, chosen: S2ConvSCN | Shallow, n_clusters: int, seed: int) -> Answer:
    found = spectral_clustering(A, n_clusters, seed, chosen.assign)
    figures = {"relative_eigengap": found.relative_eigengap, "components": float(found.components)}
    return Answer(found.labels, figures)


def own_answer(chosen: Settings) -> str:
    """Which of the answers is the method's own."""
    if isinstance(chosen, Yardstick):
        return OWN
    if isinstance(chosen, S2ConvSCN) and chosen.final_labels == "head":
        return "head"
    return chosen.affinity or "plain"


def scores(found: dict[str, Answer], truth: IntArray) -> dict[str, dict[str, float]]:
    """Scores of each answer beside its label-free figures."""
    judged = {}
    for name, answer in found.items():
        figures = score(truth, answer.labels)
        judged[name] = {key: figures[key] for key in SCORES} | answer.figures
    return judged


def candidates(clustering: Clustering, truth: IntArray) -> dict[str, list[dict[str, Any]]]:
    """Of a selection: what was tried, with the error that it could not know."""
    found = [
        {**tried, "error": score(truth, clustering.labelings[tried["name"]])["error"]}
        for tried in clustering.candidates
    ]
    return {"candidates": found} if found else {}


def history(journal: Journal, truth: IntArray) -> dict[str, Any]:
    """Per phase every epoch's figures, and those of each new partition with its error."""
    phases = dict.fromkeys(row["phase"] for row in journal.rows)
    return {phase: _phase(phase, journal, truth) for phase in phases}


def oracle(journal: Journal, truth: IntArray) -> dict[str, Any] | None:
    """The best partition of all, which nobody could have picked without labels."""
    best = min(journal.partitions, key=lambda p: _error(p, truth), default=None)
    return best and {"phase": best.phase, "epoch": best.step, "error": _error(best, truth)}


def _phase(phase: str, journal: Journal, truth: IntArray) -> dict[str, Any]:
    rows = [row for row in journal.rows if row["phase"] == phase]
    partitions = {p.step: p for p in journal.partitions if p.phase == phase}
    epochs = [row for row in rows if row["step"] not in partitions]
    rounds = [
        row | {"epoch": row["step"], "error": _error(partitions[row["step"]], truth)}
        for row in rows
        if row["step"] in partitions
    ]
    usual = _keys(epochs or rows)
    found: dict[str, Any] = {"epochs": columns(rows, usual)}
    if rounds:
        found["rounds"] = columns(rounds, ["epoch", *(set(_keys(rounds)) - {*usual, "epoch"})])
    return found


def _keys(rows: list[Row]) -> list[str]:
    return [k for k in dict.fromkeys(k for row in rows for k in row) if k not in {"phase", "step"}]


def _error(partition: Partition, truth: IntArray) -> float:
    return score(truth, partition.labels)["error"]
