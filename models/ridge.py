"""The C that training starts from; what it is made by is given or chosen without labels."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple, Protocol

from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.hyperparameters import Kind, PostProcessing
from models.selfexpression import closed_form
from models.sparsity import elastic_net
from models.spectral import embed, relative_eigengap, sparsely

Tell = Callable[[int, int], None]
"""Hears that so many of so many candidates have been tried."""
Solve = Callable[[Tensor, Callable[[], None]], Tensor]
"""From features (N, p) of unit length to C (N, N); calls the second argument now and then."""
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried by ``ridge: eigengap``; from nearly exact subspaces to the noisy ones of real objects."""
TAU, GAMMA = 0.3, 20.0
"""Of the elastic net that competes with the ridges: C of some dozens of entries a row."""


HANDICAP = 1.1
"""How much wider the elastic net's eigengap must be: graphs of a sparser C are looser anyway."""


class Candidate(NamedTuple):
    """A way to express images.

    Attributes:
        figures: what it is called in diagnostics.
        solve: how it is done.
        handicap: what its eigengap is divided by before it is compared.
    """

    figures: dict[str, float]
    solve: Solve
    handicap: float = 1.0


class Ridged(Protocol):
    """Settings that have a ridge."""

    @property
    def ridge(self) -> float | Literal["eigengap"] | None: ...
    @property
    def affinity(self) -> Kind | None: ...
    @property
    def postprocessing(self) -> PostProcessing | None: ...


class Start(NamedTuple):
    """A C to begin with.

    Attributes:
        C: (N, N).
        figures: what made it.
        gap: the relative eigengap of its affinity, divided by its handicap; NaN if unrivalled.
    """

    C: Tensor
    figures: dict[str, float]
    gap: float


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def start(
    Z: Tensor, settings: Ridged, n_clusters: int, tell: Tell = silent, *, net: bool = False
) -> Start:
    """The ridge solution on features (N, p), scaled to unit length, or with ``net`` its rival."""
    candidates = closed_forms(RIDGES if settings.ridge == "eigengap" else (settings.ridge or 1.0,))
    candidates += [elastic()] if net else []
    if len(candidates) > 1:
        kind = settings.affinity or "processed"
        return widest(Z, n_clusters, candidates, kind, settings.postprocessing, tell)
    (only,) = candidates
    return Start(only.solve(F.normalize(Z), lambda: None), only.figures, float("nan"))


def closed_forms(ridges: Sequence[float]) -> list[Candidate]:
    return [Candidate({"ridge": ridge}, partial(_ridge, ridge=ridge)) for ridge in ridges]


def _ridge(Z: Tensor, alive: Callable[[], None], *, ridge: float) -> Tensor:  # noqa: ARG001 - quick
    return closed_form(Z, ridge)


def elastic() -> Candidate:
    """The elastic net of You et al., CVPR 2016, whose C is sparse."""
    figures = {"elastic_net_tau": TAU, "elastic_net_gamma": GAMMA}
    return Candidate(figures, partial(elastic_net, tau=TAU, gamma=GAMMA), HANDICAP)


def widest(
    Z: Tensor,
    n_clusters: int,
    candidates: Sequence[Candidate],
    kind: Kind,
    postprocessing: PostProcessing | None,
    tell: Tell = silent,
) -> Start:
    """The candidate's C whose affinity has the largest relative eigengap by its handicap.

    Fan et al., AutoSC, NeurIPS 2022: it compares affinities of one post-processing.
    """
    Z, total = F.normalize(Z), len(candidates)
    best = None
    for done, candidate in enumerate(candidates):
        C = candidate.solve(Z, partial(tell, done, total))
        A = affinity(C, n_clusters, kind, postprocessing)
        gap = relative_eigengap(embed(sparsely(A), n_clusters)[0]) / candidate.handicap
        if best is None or gap > best.gap:
            best = Start(C, candidate.figures, gap)
        tell(done + 1, total)
    assert best is not None  # noqa: S101 - there is a candidate
    return best
