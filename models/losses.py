"""The costs of S2ConvSCN (Zhang et al., CVPR 2019, eq. 2-6) as pure functions.

Rows are images: C here is the paper's C transposed, so Z C of the paper is ``C @ Z``. Sums run over
all images; dividing by N, where the paper does, is left to the caller's weights except in L4.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.hyperparameters import HeadLoss, Norm


def L0(X: Tensor, X_hat: Tensor) -> Tensor:
    """Reconstruction (eq. 2 without 1/N): 1/2 ||X - X_hat||_F^2 over (N, channels, H, W)."""
    return 0.5 * (X - X_hat).square().sum()


def L1(C: Tensor, norm: Norm) -> Tensor:
    """Regularisation (eq. 3): ||C||_1, or ||C||_F^2 for the l2 variant. C is (N, N)."""
    return C.abs().sum() if norm == "l1" else C.square().sum()


def L2(Z: Tensor, CZ: Tensor) -> Tensor:
    """Self-expression (eq. 3): 1/2 ||Z - C Z||_F^2 over (N, p)."""
    return 0.5 * (Z - CZ).square().sum()


def L3(C: Tensor, Q: Tensor) -> Tensor:
    """||C||_Q (eq. 5): sum_ij |c_ij| ||q_i - q_j||^2 / 2 for one-hot rows Q (N, n).

    For one-hot q this is the l1 mass of C between different clusters: all of it less what stays
    inside, which needs |C| Q (N x n) and no second N x N matrix.
    """
    magnitude = C.abs()
    return magnitude.sum() - ((magnitude @ Q) * Q).sum()


def L4(Y: Tensor, Q: Tensor, tau: float, form: HeadLoss) -> Tensor:
    """Classification and centre loss of the head (eq. 6), a mean over images.

    ``printed``: ln(1 + exp(-softmax(y)^T q)), which is bounded in [ln(1 + 1/e), ln 2] and so
    saturates; ``cross_entropy``: -ln softmax(y)^T q. The centres mu are the means of y over each
    cluster, taken as constants.

    Args:
        Y: (N, n) outputs of the head.
        Q: (N, n) one-hot pseudo-labels.
        tau: weight of the centre loss, 0..1.
        form: which classification term.
    """
    if form == "printed":
        classification = F.softplus(-(Y.softmax(dim=1) * Q).sum(dim=1)).mean()
    else:
        classification = -(Y.log_softmax(dim=1) * Q).sum(dim=1).mean()
    return classification + tau * centre_loss(Y, Q)


def centre_loss(Y: Tensor, Q: Tensor) -> Tensor:
    """Mean over images of ||y_j - mu_(pi(y_j))||^2."""
    with torch.no_grad():
        mu = (Q.T @ Y) / Q.sum(dim=0).clamp(min=1)[:, None]  # (n, n)
    return (Y - Q @ mu).square().sum() / len(Y)
