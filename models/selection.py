"""Selection without labels: several settings are fitted, and the one is kept that all support.

The criterion is the mean adjusted Rand index of a candidate's partition and the others' (best of
K: Filkov and Skiena, Integrating microarray data by consensus clustering, IJAIT 2004). Settings err
each in its own way; where they are right, they agree. Unlike the eigengap it compares across powers
and neighbours, by which eigengaps grow whether the clusters are right or not.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from models.base import Candidate, Clustering, FloatArray, IntArray, Method, Notice, Shape, State
from models.parts import Part, PartedRun, packed, shifted, unpacked

START = "start."


def fit(method: Method, images: FloatArray, n_clusters: int, run: PartedRun) -> Clustering:
    """Fit every candidate of a method and return the one with which the others agree most.

    Candidates of the run's own seed share stage I. Only partitions are kept of them, so that a
    winner other than the last one is fitted once more.
    """
    shape = Shape(*images.shape)
    sofar = Selection(run, method.resolve(shape, n_clusters).candidates())
    found: Clustering | None = None
    while (candidate := sofar.next()) is not None:
        found = None
        found = candidate.method.fit(images, n_clusters, sofar.part(candidate))
        sofar.add(candidate, found)
    chosen = sofar.chosen()
    if found is None or chosen is not sofar.candidates[-1]:
        found = chosen.method.fit(images, n_clusters, sofar.part(chosen))
    return sofar.result(chosen, found)


class Selection:
    """The partitions of the candidates that are done."""

    def __init__(self, run: PartedRun, candidates: tuple[Candidate, ...]) -> None:
        """Go on from the run's state; one without candidates' partitions is a finished stage I."""
        self.run, self.candidates = run, candidates
        self.labels: list[IntArray] = []
        self.gaps: list[float] = []
        self.start: State | None = None
        self.outlook: State | None = None
        self.inner: State | None = None
        state = run.resume()
        if state is not None and "candidates_done" in state.meta:
            self._restore(state)
        else:
            self.start = state

    def next(self) -> Candidate | None:
        """The one to be fitted next, None when all are done."""
        done = len(self.labels)
        return self.candidates[done] if done < len(self.candidates) else None

    def part(self, candidate: Candidate) -> Part:
        """What surrounds a candidate's fit: it goes on, or begins at what is known."""
        self.run.part(len(self.labels), len(self.candidates) + 1)
        state, self.inner = self.inner, None
        known = self.outlook if candidate.seed_offset else self.start or self.outlook
        return Part(self.run, candidate.seed_offset, state or known, self.wrap)

    def add(self, candidate: Candidate, found: Clustering) -> None:
        self.labels.append(found.labels)
        self.gaps.append(float(found.diagnostics["relative_eigengap"]))
        self.outlook = found.outlook
        if not candidate.seed_offset:
            self.start = found.start

    def wrap(self, inner: State) -> State:
        """A candidate's state with what the candidates before it gave."""
        arrays = packed(inner.arrays)
        meta: dict[str, Any] = {"candidates_done": self.gaps, "member": inner.meta}
        if self.labels:
            arrays["labels_done"] = np.stack(self.labels)
        if self.start is not None:
            arrays |= packed(self.start.arrays, START)
            meta["start"] = self.start.meta
        if self.outlook is not None:
            meta["outlook"] = self.outlook.meta
        return State(arrays, meta)

    def _restore(self, state: State) -> None:
        meta, arrays = state.meta, state.arrays
        self.gaps = list(meta["candidates_done"])
        self.labels = list(arrays.get("labels_done", ()))
        self.inner = State(unpacked(arrays), meta["member"])
        if "start" in meta:
            self.start = State(unpacked(arrays, START), meta["start"])
        if "outlook" in meta:
            self.outlook = State({}, meta["outlook"])

    def agreement(self) -> FloatArray:
        """Of each candidate: the mean adjusted Rand index with the others. Shape (candidates,)."""
        count = len(self.labels)
        index = np.zeros((count, count))
        for i in range(count):
            for j in range(i):
                index[i, j] = index[j, i] = adjusted_rand_score(self.labels[i], self.labels[j])
        return np.asarray(index.sum(axis=1) / max(count - 1, 1))

    def chosen(self) -> Candidate:
        """The one with the largest agreement; of equals the last, which is as asked."""
        agreement = self.agreement()
        return self.candidates[int(np.flatnonzero(agreement == agreement.max())[-1])]

    def result(self, chosen: Candidate, found: Clustering) -> Clustering:
        agreement = self.agreement()
        tried = tuple(
            {
                "name": candidate.name,
                "changes": candidate.shown(),
                "seed": shifted(self.run.seed, candidate.seed_offset),
                "agreement": float(agreement[k]),
                "relative_eigengap": self.gaps[k],
                "chosen": candidate is chosen,
            }
            for k, candidate in enumerate(self.candidates)
        )
        own = float(agreement[self.candidates.index(chosen)])
        labelings = {c.name: self.labels[k] for k, c in enumerate(self.candidates)}
        return replace(
            found,
            labelings=dict(found.labelings) | labelings,
            diagnostics=dict(found.diagnostics) | {"candidate_agreement": own},
            notices=(*found.notices, *self._notice(chosen, own, float(agreement[-1]))),
            candidates=tried,
        )

    def _notice(self, chosen: Candidate, own: float, asked: float) -> tuple[Notice, ...]:
        if chosen is self.candidates[-1]:
            return ()
        detail = (
            f"Of {len(self.candidates)} settings {chosen.name} was kept: the others agree with it "
            f"by {own:.3f} (mean adjusted Rand index), with the settings as asked by {asked:.3f}."
        )
        return (Notice("selected", detail),)
