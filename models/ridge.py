"""The closed-form C that training starts from; its ridge is given or chosen without labels."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.methods.s2convscn import S2ConvSCN
from models.selfexpression import closed_form
from models.spectral import embed, relative_eigengap

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried by ``ridge: eigengap``; from nearly exact subspaces to the noisy ones of real objects."""


class Start(NamedTuple):
    """C (N, N), and the ridge that it was made with."""

    C: Tensor
    ridge: float


def start(Z: Tensor, settings: S2ConvSCN, n_clusters: int) -> Start:
    """The ridge solution on features (N, p), scaled to unit length.

    With ``ridge: eigengap`` it is the one of ``RIDGES`` whose affinity has the largest relative
    eigengap (Fan et al., AutoSC, NeurIPS 2022), which compares affinities of one post-processing.
    """
    Z = F.normalize(Z)
    if settings.ridge != "eigengap":
        ridge = settings.ridge or 1.0
        return Start(closed_form(Z, ridge), ridge)
    best, widest = None, float("-inf")
    for ridge in RIDGES:
        C = closed_form(Z, ridge)
        A = affinity(C.cpu().numpy(), n_clusters, settings.affinity, settings.postprocessing)
        gap = relative_eigengap(embed(A, n_clusters)[0])
        if gap > widest:
            best, widest = Start(C, ridge), gap
    assert best is not None  # noqa: S101 - an eigengap is never NaN
    return best
