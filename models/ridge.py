"""The closed-form C that training starts from; its ridge is given or chosen without labels."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.hyperparameters import Kind, PostProcessing
from models.selfexpression import closed_form
from models.spectral import embed, relative_eigengap, sparsely

Tell = Callable[[int, int], None]
"""Hears that so many of so many candidates have been tried."""
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried by ``ridge: eigengap``; from nearly exact subspaces to the noisy ones of real objects."""


class Ridged(Protocol):
    """Settings that have a ridge."""

    @property
    def ridge(self) -> float | Literal["eigengap"] | None: ...
    @property
    def affinity(self) -> Kind | None: ...
    @property
    def postprocessing(self) -> PostProcessing | None: ...


class Start(NamedTuple):
    """C (N, N), its ridge, and the relative eigengap of its affinity, NaN if nothing was chosen."""

    C: Tensor
    ridge: float
    relative_eigengap: float


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def start(Z: Tensor, settings: Ridged, n_clusters: int, tell: Tell = silent) -> Start:
    """The ridge solution on features (N, p), scaled to unit length."""
    if settings.ridge == "eigengap":
        kind = settings.affinity or "processed"
        return widest(Z, n_clusters, RIDGES, kind, settings.postprocessing, tell)
    ridge = settings.ridge or 1.0
    return Start(closed_form(F.normalize(Z), ridge), ridge, float("nan"))


def widest(
    Z: Tensor,
    n_clusters: int,
    ridges: Sequence[float],
    kind: Kind,
    postprocessing: PostProcessing | None,
    tell: Tell = silent,
) -> Start:
    """The ridge solution whose affinity has the largest relative eigengap.

    Fan et al., AutoSC, NeurIPS 2022: it compares affinities of one post-processing.
    """
    Z = F.normalize(Z)
    best = None
    for done, ridge in enumerate(ridges, start=1):
        C = closed_form(Z, ridge)
        A = affinity(C.cpu().numpy(), n_clusters, kind, postprocessing)
        gap = relative_eigengap(embed(sparsely(A), n_clusters)[0])
        if best is None or gap > best.relative_eigengap:
            best = Start(C, ridge, gap)
        tell(done, len(ridges))
    assert best is not None  # noqa: S101 - there is a ridge
    return best
