"""Consensus over seeds: several fits, whose averaged affinity is clustered.

Fits from other random weights make other mistakes; what they have in common is in all affinities
(evidence accumulation: Fred and Jain, Combining multiple clusterings using evidence accumulation,
IEEE TPAMI 2005).
"""

from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score

from models.alignment import align
from models.base import Clustering, FloatArray, IntArray, Method, State
from models.hyperparameters import Assign
from models.parts import Part, PartedRun, packed, unpacked
from models.quality import CODES, notices
from models.spectral import Segmentation, spectral_clustering

ANSWER = "consensus"


def fit(
    method: Method, images: FloatArray, n_clusters: int, run: PartedRun, members: int = 1
) -> Clustering:
    """Fit with ``members`` seeds, from the run's own on, and cluster the mean affinity.

    With one member it is ``method.fit``. With more, the labels and the affinity are those of the
    consensus; coefficients, features and model are the last member's.
    """
    if members == 1:
        return method.fit(images, n_clusters, run)
    sofar = Consensus(run, members, getattr(method, "assign", "kmeans"))
    while len(sofar.labels) < members - 1:
        sofar.add(method.fit(images, n_clusters, sofar.member()))
    last = method.fit(images, n_clusters, sofar.member())
    sofar.add(last)
    return sofar.result(last, n_clusters)


class Consensus:
    """The sum of the affinities of the members that are done, and their labels."""

    def __init__(self, run: PartedRun, members: int, assign: Assign) -> None:
        """Go on from the run's state, if it has one."""
        self.run, self.members, self.assign = run, members, assign
        self.total: FloatArray | None = None
        self.labels: list[IntArray] = []
        self.outlook: State | None = None
        self.state = run.resume()
        if self.state is not None and self.state.meta["done"]:
            self.total = self.state.arrays["total"]
            self.labels = list(self.state.arrays["labels"])

    def member(self) -> Part:
        """What surrounds the next member's fit."""
        number, state, self.state = len(self.labels), self.state, None
        self.run.part(number, self.members)
        inner = State(unpacked(state.arrays), state.meta["member"]) if state else self.outlook
        return Part(self.run, number, inner, self.wrap)

    def add(self, found: Clustering) -> None:
        assert found.affinity is not None  # noqa: S101 - has_affinity was looked at
        if self.total is None:
            self.total = found.affinity.copy()
        else:
            self.total += found.affinity
        self.labels.append(found.labels)
        self.outlook = found.outlook

    def wrap(self, inner: State) -> State:
        """A member's state with what the members before it gave."""
        arrays = packed(inner.arrays)
        if self.total is not None:
            arrays |= {"total": self.total, "labels": np.stack(self.labels)}
        return State(arrays, {"done": len(self.labels), "member": inner.meta})

    def result(self, last: Clustering, n_clusters: int) -> Clustering:
        assert self.total is not None  # noqa: S101 - there are two members or more
        A = np.asarray(self.total / self.members, dtype=np.float32)
        found = spectral_clustering(A, n_clusters, self.run.seed, self.assign)
        kept = [notice for notice in last.notices if notice.code not in CODES]
        labels = align(found.labels, last.labels, n_clusters)  # as the model's head has them
        return replace(
            last,
            labels=labels,
            answer=ANSWER,
            affinity=A,
            labelings={ANSWER: labels},
            diagnostics=dict(last.diagnostics) | self._figures(found),
            notices=(*kept, *notices(found.labels, n_clusters, found)),
        )

    def _figures(self, found: Segmentation) -> dict[str, float]:
        """``member_agreement``: the mean adjusted Rand index of members and consensus."""
        agreement = [adjusted_rand_score(labels, found.labels) for labels in self.labels]
        return {
            "relative_eigengap": found.relative_eigengap,
            "components": float(found.components),
            "member_agreement": float(np.mean(agreement)),
        }
