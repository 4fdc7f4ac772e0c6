"""What every clustering method is: hyperparameters with one verb, ``fit``.

Imports neither torch nor NumPy: what only lists the methods, or checks a request, needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    FloatArray: TypeAlias = NDArray[np.floating[Any]]
    IntArray: TypeAlias = NDArray[np.int64]
    SparseArray: TypeAlias = csr_array
else:
    FloatArray = IntArray = SparseArray = Any

COLOURS = 3
"""Channels of an image, at most; what has more is a feature vector."""


class Shape(NamedTuple):
    """A data set's size: N images of ``channels`` x ``height`` x ``width``, or N feature vectors.

    A vector of D numbers is one pixel of D channels; an image has one or three of them.
    """

    n_images: int
    channels: int
    height: int
    width: int

    @property
    def is_features(self) -> bool:
        return self.height == self.width == 1 and self.channels > COLOURS


@dataclass(frozen=True)
class State:
    """All that a run needs to go on: arrays by name, and what JSON can hold."""

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, Any]


class Notice(NamedTuple):
    """Something about the result that a person should know: a code and a sentence."""

    code: str
    detail: str


WEAK_HEAD = "weak-head"
"""The code of the notice about a head that has learnt little."""


class Run(Protocol):
    """What surrounds a fit: the worker, a test or a notebook."""

    device: str
    seed: int

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: float,
    ) -> None:
        """Step ``step`` of ``total`` of a phase is done, with its losses.

        ``save`` makes a state from which the run can go on; it is called when a checkpoint is due.
        ``labels`` (N,) is the partition, in the steps that found a new one.

        Raises:
            Stopped: if the run shall end; ``save`` has been called before, if given.
        """

    def resume(self) -> State | None:
        """The state to go on from, or None for a fresh start."""


class Stopped(Exception):
    """The run was asked to end."""


class NotFinite(ArithmeticError):
    """A loss became NaN or infinite; the message names epoch, loss and the setting to change."""


class Unsuitable(ValueError):
    """A method cannot work on these images; the message names method, quantity and remedy."""


class Landmarks(NamedTuple):
    """The images by which all were clustered.

    Attributes:
        indices: (m,) ascending.
        affinity: (m, m) float32, the matrix that was clustered, or None.
    """

    indices: IntArray
    affinity: FloatArray | None


@dataclass(frozen=True)
class Clustering:
    """A fit's result for N images, n clusters. With landmarks its matrices are sparse.

    Attributes:
        labels: (N,) in 0..n-1, the method's answer.
        answer: the name of that labeling.
        coefficients: (N, N) float32 C; row i expresses image i (the paper's C transposed); None
            for a method without self-expression.
        affinity: (N, N) float32, symmetric, the matrix that was clustered, or None.
        plain_affinity: (N, N) float32, (|C| + |C^T|) / 2, or None.
        confidence: (N,) in [0, 1], where it is not the share of a dense affinity.
        sure_by: what the confidence is, in a few words.
        embedding: (N, p) float32 features, or None.
        labelings: other answers by name, such as ``head``.
        diagnostics: label-free figures: relative eigengap, connected components, ...
        notices: warnings about the result.
        model: what computes embedding and head labels again, or None.
        start: from which a fit with the same seed and network can begin, or None.
        outlook: the part of ``start`` that holds for any seed, or None.
        candidates: of a selection, every setting tried and its figures; JSON.
        landmarks: those of a fit to some of the images, or None.
    """

    labels: IntArray
    coefficients: FloatArray | SparseArray | None = None
    affinity: FloatArray | SparseArray | None = None
    plain_affinity: FloatArray | SparseArray | None = None
    confidence: FloatArray | None = None
    sure_by: str = "share of an image's affinity inside its cluster"
    answer: str = "spectral"
    embedding: FloatArray | None = None
    labelings: Mapping[str, IntArray] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    model: State | None = None
    start: State | None = None
    outlook: State | None = None
    candidates: tuple[Mapping[str, Any], ...] = ()
    landmarks: Landmarks | None = None


def _named(schema: dict[str, Any]) -> None:
    """A method is told by its name, so that in JSON it cannot be left out."""
    schema["required"] = ["method", *schema.get("required", [])]


class Method(BaseModel):
    """Hyperparameters. Subclasses add ``method: Literal[...]``, bounded fields and ``fit``."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_named)

    title: ClassVar[str]
    citation: ClassVar[str]
    presets: ClassVar[tuple[str, ...]] = ()
    has_affinity: ClassVar[bool] = True
    needs_images: ClassVar[bool] = False
    """Whether feature vectors will not do."""

    def resolve(self, shape: Shape, n_clusters: int) -> Self:
        """Fill in all that was left to the label-free rule, from sizes alone."""
        raise NotImplementedError

    def resolve_but_count(self, shape: Shape) -> Self:
        """As ``resolve``, while n is not known: what depends on it stays open."""
        few, many = self.resolve(shape, 2), self.resolve(shape, shape.n_images)
        names = type(self).model_fields
        later = [name for name in names if getattr(few, name) != getattr(many, name)]
        return few.model_copy(update={name: getattr(self, name) for name in later})

    def with_preset(self, name: str, n_clusters: int) -> Self:
        """A preset's constants under the fields that were set explicitly.

        Raises:
            KeyError: if the method has no such preset.
        """
        raise NotImplementedError

    def candidates(self) -> tuple[Candidate, ...]:
        """Of resolved settings: what a selection tries without labels, they themselves last."""
        raise NotImplementedError

    @property
    def trains_head(self) -> bool:
        """Whether a fit's model can assign new images; of resolved settings."""
        return False

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:
        """Peak memory of a fit on the CPU, estimated without torch."""
        raise NotImplementedError

    def features(self, shape: Shape) -> int:
        """How many numbers stand for an image when it is compared; of resolved settings."""
        return shape.channels * shape.height * shape.width

    def fit(self, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
        """Cluster images.

        Args:
            images: (N, channels, height, width) float32 in [0, 1], or feature vectors (N, D, 1, 1)
                of any size; left untouched.
            n_clusters: 2 to N.
            run: receives progress, gives device and seed.
        """
        raise NotImplementedError


class Candidate(NamedTuple):
    """One of the settings between which a selection decides.

    Attributes:
        name: a word of letters and hyphens.
        method: with nothing left open.
        changes: the hyperparameters that differ from those asked for.
        seed_offset: added to the run's seed.
    """

    name: str
    method: Method
    changes: Mapping[str, Any]
    seed_offset: int = 0

    def shown(self) -> dict[str, Any]:
        """The changes as JSON can hold them."""
        return self.method.model_dump(mode="json", include=set(self.changes))
