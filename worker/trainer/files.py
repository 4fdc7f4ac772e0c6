"""The files of a result: what each holds and how it is written."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from models.affinity import neighbours
from models.base import Clustering, FloatArray, IntArray, Shape, SparseArray, State
from worker import pictures
from worker.trainer.checkpoints import Row, save_arrays

if TYPE_CHECKING:
    from worker.trainer.overview import Overview
    from worker.trainer.results import Finished

Writer = Callable[[Path], None]

KINDS = {
    "names": "labels",
    "labels": "labels",
    "confidence": "labels",
    "affinity": "affinity",
    "coefficients": "array",
    "embedding": "array",
    "landmarks": "array",
    "map": "array",
    "model": "checkpoint",
    "metrics": "metrics",
    "report": "report",
    "spectrum": "report",
}
MEDIA_TYPES = {
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".safetensors": "application/octet-stream",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".png": "image/png",
    ".html": "text/html",
}


def nature(name: str) -> tuple[str, str]:
    """The kind and the media type of a file of this name."""
    path = Path(name)
    kind = "picture" if path.suffix == ".png" else KINDS[path.stem.split("-")[0]]
    return kind, MEDIA_TYPES[path.suffix]


def writers(
    finished: "Finished", confidence: FloatArray, rows: list[Row], seen: "Overview"
) -> dict[str, Writer]:
    """Each file's name and what writes it to a path."""
    clustering, images = finished.clustering, finished.loaded.images
    labels = clustering.labels
    return {
        "names.json": partial(write_json, value=finished.loaded.names),
        "labels.npy": partial(np.save, arr=labels),
        "confidence.npy": partial(np.save, arr=confidence),
        **{
            f"labels-{name}.npy": partial(np.save, arr=answer)
            for name, answer in finished.labelings.items()
        },
        **_affinities(clustering),
        **_model(clustering),
        "metrics.jsonl": partial(write_lines, rows=rows),
        **_sheet(images, clustering, confidence),
        "map.npy": partial(np.save, arr=seen.points),
        "map.png": partial(pictures.scatter, seen.points, labels, confidence),
        **_over_n(seen, rows),
    }


def _sheet(images: FloatArray, clustering: Clustering, confidence: FloatArray) -> dict[str, Writer]:
    """The pictures by cluster; feature vectors have none."""
    if Shape(*images.shape).is_features:
        return {}
    draw = partial(pictures.contact_sheet, images, clustering.labels, confidence)
    return {"clusters.png": partial(draw, sure_by=clustering.sure_by)}


def _over_n(seen: "Overview", rows: list[Row]) -> dict[str, Writer]:
    """Of a job that was fitted: its curves, and what speaks for its number of clusters."""
    if seen.spectrum is None:
        return {}
    return {
        "curves.png": partial(pictures.curves, rows),
        "spectrum.json": partial(write_json, value=seen.spectrum),
        "spectrum.png": partial(pictures.spectrum, seen.spectrum),
    }


def _affinities(clustering: Clustering) -> dict[str, Writer]:
    found: dict[str, Writer] = {}
    affinities = {"processed": clustering.affinity, "plain": clustering.plain_affinity}
    for name, affinity in affinities.items():
        if affinity is None:
            continue
        if isinstance(affinity, np.ndarray):
            found[f"affinity-{name}.npz"] = partial(np.savez, affinity=affinity)
        found[f"affinity-{name}-topk.npz"] = partial(write_sparse, matrix=affinity)
    dense, labels = clustered(clustering)
    if dense is not None:
        found["affinity.png"] = partial(pictures.affinity_map, dense, labels)
    return found


def clustered(clustering: Clustering) -> tuple[FloatArray | None, IntArray]:
    """The dense affinity by which the labels were found, and these; of the landmarks, if any."""
    if (landmarks := clustering.landmarks) is not None:
        return landmarks.affinity, clustering.labels[landmarks.indices]
    assert not isinstance(clustering.affinity, sparse.csr_array)  # noqa: S101 - see Clustering
    return clustering.affinity, clustering.labels


def _model(clustering: Clustering) -> dict[str, Writer]:
    found: dict[str, Writer] = {}
    if clustering.coefficients is not None:
        found |= _coefficients(clustering.coefficients)
    if clustering.landmarks is not None:
        found["landmarks.npy"] = partial(np.save, arr=clustering.landmarks.indices)
    if clustering.embedding is not None:
        found["embedding.npy"] = partial(np.save, arr=clustering.embedding)
    if clustering.model is not None:
        found["model.safetensors"] = partial(write_model, model=clustering.model)
        found["model.json"] = partial(write_json, value=clustering.model.meta)
    return found


def write_model(path: Path, model: State) -> None:
    """The arrays; what JSON can hold of the model stands beside them in ``model.json``."""
    save_arrays(path, model.arrays, {"format": "s2convscn-model"})


def _coefficients(C: FloatArray | SparseArray) -> dict[str, Writer]:
    if isinstance(C, np.ndarray):
        return {"coefficients.npz": partial(np.savez, coefficients=C)}
    return {"coefficients-sparse.npz": partial(write_sparse, matrix=C)}


def write_sparse(path: Path, matrix: FloatArray | SparseArray) -> None:
    """As it is, or the largest entries of a dense one."""
    sparse.save_npz(path, neighbours(matrix) if isinstance(matrix, np.ndarray) else matrix)


def write_json(path: Path, value: Mapping[str, Any] | list[str]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_lines(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON can hold them: what is not finite becomes null."""
    return {name: float(x) if np.isfinite(x) else None for name, x in figures.items()}
