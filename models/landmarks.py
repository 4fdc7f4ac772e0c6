"""Beyond N x N: a method on some of the images, and every other one expressed by these.

In-sample clustering and out-of-sample classification (Peng, Zhang, Yi, Scalable sparse subspace
clustering, CVPR 2013). m images, drawn at random, are the landmarks: the method clusters them as it
would any set. Each other image is then expressed by the fewest landmarks that will do,

    min_c ||z - L^T c||_2^2   s.t.  ||c||_0 <= s                                          (m,)

in the features z that the method has found, by orthogonal matching pursuit (You, Robinson, Vidal,
CVPR 2016), and belongs to the cluster whose landmarks carry most of |c|. A method with a trained
head says beside it what the head says. Nothing is of size N x N: time is O(N m p), memory
O(N p + m^2).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn import functional as F

from models.affinity import largest_entries, neighbours
from models.base import (
    WEAK_HEAD,
    Clustering,
    FloatArray,
    IntArray,
    Landmarks,
    Notice,
    Run,
    SparseArray,
)
from models.features import features_of
from models.prediction import Predictor
from models.quality import weak_head
from models.scores import confidence
from models.solvers.omp import matching_pursuit_of

PHASE = "assigning"
ATOMS = 6
"""s: landmarks that an image is expressed by, at most."""
EXPLAINED = 1e-6
"""An image takes no further landmark once no more than this share of ||z||^2 is left."""
BLOCK = 1024
"""Images that are expressed together."""
HEAD = "head"
BEYOND = "beyond the landmarks, share of an image's coefficients inside its cluster"


class Place(NamedTuple):
    """Where the landmarks (m,) and the rest (N - m,) are among N images."""

    landmarks: IntArray
    rest: IntArray

    @property
    def n_images(self) -> int:
        return len(self.landmarks) + len(self.rest)

    def merged(self, own: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
        """Values of landmarks (m,) and rest (N - m,) in the order of the images."""
        merged = np.empty(self.n_images, dtype=own.dtype)
        merged[self.landmarks], merged[self.rest] = own, others
        return merged


class Rest(NamedTuple):
    """What is found out about the images that are no landmarks.

    Attributes:
        C: (N - m, m) sparse; row i expresses an image by landmarks.
        embedding: (N, p) features of an encoder, the landmarks' among them, or None.
        head: (N - m,) labels of a trained head, or None.
        unexpressed: the mean share of ||z||^2 that is not expressed.
    """

    C: SparseArray
    embedding: FloatArray | None
    head: IntArray | None
    unexpressed: float


def fit(
    cluster: Callable[[FloatArray], Clustering],
    images: FloatArray,
    n_clusters: int,
    run: Run,
    landmarks: int,
) -> Clustering:
    """Cluster N images by ``landmarks`` of them, which ``cluster`` is given.

    The result is as of any fit, but that affinities and coefficients are sparse (N, N): entries
    between two images of the rest are zero, of landmarks the largest of each row are kept.
    """
    if landmarks >= len(images):
        return cluster(images)
    place = draw(len(images), landmarks, run.seed)
    found = cluster(np.ascontiguousarray(images[place.landmarks]))
    return extended(found, express(found, images, place, run), place, n_clusters)


def draw(n_images: int, landmarks: int, seed: int) -> Place:
    """Landmarks at random, in the order of the images."""
    chosen = np.random.default_rng(seed).permutation(n_images)
    return Place(np.sort(chosen[:landmarks]), np.sort(chosen[landmarks:]))


@torch.no_grad()
def express(found: Clustering, images: FloatArray, place: Place, run: Run) -> Rest:
    """Each image of the rest by landmarks, in blocks."""
    seen = features_of(found, run.device)
    predictor = _predictor(found, run.device)
    L = F.normalize(_all(seen, images, place.landmarks))  # (m, p)
    K = L @ L.T
    embedding = _room(found, place)
    rows, heads, left = [], [], 0.0
    for begin in range(0, len(place.rest), BLOCK):
        block = place.rest[begin : begin + BLOCK]
        Z = seen(images[block])
        z = F.normalize(Z)
        k = z @ L.T  # (B, m)
        energy = z.square().sum(dim=1)
        C = matching_pursuit_of(K, k, energy, min(ATOMS, len(K)), EXPLAINED)
        left += float((energy - (C * k).sum(dim=1)).clamp(min=0).sum())
        rows.append(sparse.csr_array(C.cpu().numpy()))
        if embedding is not None:
            embedding[block] = Z.cpu().numpy()
        if predictor is not None:
            heads.append(predictor.assign(Z)[0])
        run.report(PHASE, min(begin + BLOCK, len(place.rest)), len(place.rest))
    return Rest(
        sparse.csr_array(sparse.vstack(rows, format="csr")),
        embedding,
        np.concatenate(heads) if heads else None,
        left / len(place.rest),
    )


def _room(found: Clustering, place: Place) -> FloatArray | None:
    """For all features (N, p), with those of the landmarks in their places."""
    if found.embedding is None:
        return None
    room = np.empty((place.n_images, found.embedding.shape[1]), dtype=np.float32)
    room[place.landmarks] = found.embedding
    return room


def _all(seen: Callable[[FloatArray], Tensor], images: FloatArray, chosen: IntArray) -> Tensor:
    parts = np.split(chosen, range(BLOCK, len(chosen), BLOCK))
    return torch.cat([seen(images[part]) for part in parts])


def _predictor(found: Clustering, device: str) -> Predictor | None:
    if found.model is None or HEAD not in found.labelings:
        return None
    return Predictor(found.model, device)


def extended(found: Clustering, rest: Rest, place: Place, n_clusters: int) -> Clustering:
    """The landmarks' clustering and what follows from it for the rest."""
    labelings = {
        name: place.merged(own, _assigned(name, own, rest, n_clusters))
        for name, own in (dict(found.labelings) | {found.answer: found.labels}).items()
    }
    labels = labelings[found.answer]
    figures = dict(found.diagnostics) | {
        "landmarks": float(len(place.landmarks)),
        "unexpressed_rest": rest.unexpressed,
    }
    kept = [notice for notice in found.notices if notice.code != WEAK_HEAD]
    if rest.head is not None:
        figures["head_agreement"] = agreement = _agreement(labelings)
        kept += weak_head(agreement)
    return replace(
        found,
        labels=labels,
        labelings=labelings,
        coefficients=_coefficients(found, rest, place),
        affinity=_affinity(found.affinity, _scaled(rest.C), place),
        plain_affinity=_affinity(found.plain_affinity, abs(rest.C), place),
        confidence=place.merged(*_confidences(found, rest, labels[place.rest], n_clusters)),
        sure_by=found.sure_by if found.confidence is None else f"{found.sure_by}; {BEYOND}",
        embedding=rest.embedding,
        diagnostics=figures,
        notices=(_notice(place), *kept),
        landmarks=Landmarks(place.landmarks, found.affinity),
    )


def _assigned(name: str, own: IntArray, rest: Rest, n_clusters: int) -> IntArray:
    """Labels (N - m,) of the rest that agree with those of the landmarks."""
    if name == HEAD and rest.head is not None:
        return rest.head
    assigned: IntArray = mass(rest.C, own, n_clusters).argmax(axis=1)
    return assigned


def mass(C: SparseArray, labels: IntArray, n_clusters: int) -> FloatArray:
    """How much of each row of |C| (M, m) lies on landmarks of each cluster. Shape (M, n)."""
    Q = np.eye(n_clusters, dtype=np.float32)[labels]  # (m, n)
    return np.asarray(abs(C) @ Q)


def _agreement(labelings: dict[str, IntArray]) -> float:
    """Of the head and the first of the other answers."""
    other = next(labels for name, labels in labelings.items() if name != HEAD)
    return float(np.mean(labelings[HEAD] == other))


def _confidences(
    found: Clustering, rest: Rest, labels: IntArray, n_clusters: int
) -> tuple[FloatArray, FloatArray]:
    """Of the landmarks as of any fit; of the rest the share of |c| on its cluster's landmarks."""
    own = found.confidence
    if own is None:
        own = confidence(np.asarray(found.affinity), found.labels)
    M = mass(rest.C, found.labels, n_clusters)
    total, inside = M.sum(axis=1), np.take_along_axis(M, labels[:, None], axis=1)[:, 0]
    return own, np.where(total > 0, inside / np.where(total > 0, total, 1), 0).astype(np.float32)


def _scaled(C: SparseArray) -> SparseArray:
    """Rows of |C| over their largest entry, as the entries of a processed affinity are scaled."""
    magnitude = abs(C)
    largest = magnitude.max(axis=1).toarray().ravel()
    scale = sparse.diags_array(1 / np.where(largest > 0, largest, 1), dtype=np.float32)
    return sparse.csr_array(scale @ magnitude)


def _affinity(own: FloatArray | None, C: SparseArray, place: Place) -> SparseArray | None:
    """(N, N): the landmarks' largest entries, and (|C| + |C^T|) / 2 between them and the rest."""
    if own is None:
        return None
    among = _placed(neighbours(own), place.landmarks, place.landmarks, place.n_images)
    across = _placed(0.5 * C, place.rest, place.landmarks, place.n_images)
    return sparse.csr_array(among + across + across.T)


def _coefficients(found: Clustering, rest: Rest, place: Place) -> SparseArray | None:
    """(N, N): row i expresses image i by landmarks."""
    if found.coefficients is None:
        return None
    own, n = largest_entries(np.asarray(found.coefficients)), place.n_images
    among = _placed(own, place.landmarks, place.landmarks, n)
    return sparse.csr_array(among + _placed(rest.C, place.rest, place.landmarks, n))


def _placed(M: SparseArray, rows: IntArray, columns: IntArray, n: int) -> SparseArray:
    """Entries of M at these rows and columns of an (n, n) matrix."""
    entries = M.tocoo()
    at = rows[entries.row], columns[entries.col]
    return sparse.csr_array((entries.data.astype(np.float32), at), shape=(n, n))


def _notice(place: Place) -> Notice:
    m, n = len(place.landmarks), place.n_images
    return Notice(
        "landmarks",
        f"{m:,} of the {n:,} images, drawn at random by the seed, were clustered by the method; "
        "each of the others has the cluster of those by which it is expressed.",
    )
