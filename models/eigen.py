"""Parts of the spectrum of a symmetric matrix: fast where a residual proves it, else LAPACK's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from scipy.linalg import (
    LinAlgError,
    cho_factor,
    cho_solve,
    eigh,
    eigh_tridiagonal,
    eigvalsh_tridiagonal,
    get_lapack_funcs,
    qr,
)
from scipy.sparse.linalg import SuperLU, splu

from models.base import FloatArray

Symmetric: TypeAlias = "FloatArray | sparse.csc_array"
Operator = Callable[[FloatArray], FloatArray]

ANGLE = 1e-2
"""Largest sine of the angle to the exact subspace that a fast solution may have."""
VALUE = 1e-3
"""Largest relative error of the distance from 1 of the first eigenvalue left out."""
SHIFT = 1e-4
"""How far above its largest eigenvalue the matrix is shifted before it is inverted."""
BLOCKS = range(5, 13)
"""Blocks of the Krylov space after which its solution is judged."""
SPREAD = 0.5
"""Eigenvalue k up to which a dense matrix separates its leading eigenvectors by itself."""
NOISE = 1e-6
"""Residual that float32 leaves whatever is done: of a flatter spectrum it proves nothing."""
SHRINKING = 0.8
"""Share of its angle that a correction in float64 may leave for another one to be worth it."""
TALL = 4
"""A basis is worth its cost while it has at most N / TALL vectors."""


@dataclass(frozen=True)
class RitzPairs:
    """Approximate leading eigenpairs of a symmetric matrix.

    Attributes:
        values: (m,) descending, m > k.
        vectors: (N, m) orthonormal.
        angle: bound on the sine of the angle between the first k vectors and the exact subspace.
        value: estimated relative error of 1 - values[k].
        residual: the largest norm of L v - lambda v of the first k + 1.
    """

    values: FloatArray
    vectors: FloatArray
    angle: float
    value: float
    residual: float

    @property
    def accurate(self) -> bool:
        return self.angle <= ANGLE and self.value <= VALUE


def leading(
    L: Symmetric, k: int, exact: Callable[[], Symmetric] | None = None
) -> tuple[FloatArray, FloatArray] | None:
    """The k + 1 largest eigenvalues and k eigenvectors of a normalised affinity.

    In float32, and corrected in float64 where its rounding hides whether they are right.

    Args:
        L: (N, N) float32, symmetric, no eigenvalue above 1; dense, or sparse by columns.
        k: how many vectors.
        exact: makes the same matrix in float64, if it is to be had.

    Returns:
        values (k + 1,), descending, and vectors (N, k); None where the residual does not show that
        they span the exact subspace, and for a k that is a large part of N.
    """
    n = L.shape[0]
    if TALL * (k + 1) > n:
        return None
    found = krylov(L, k, exact)
    if found is None:
        dense = L if isinstance(L, np.ndarray) else L.toarray()
        found = rayleigh_ritz(L, largest_eigenpairs(dense, k + 1)[1], k)
    return (found.values[: k + 1], found.vectors[:, :k]) if found.accurate else None


def krylov(L: Symmetric, k: int, exact: Callable[[], Symmetric] | None = None) -> RitzPairs | None:
    """Leading eigenpairs from a block Krylov space; None if it has no room or no operator.

    A block wider than any multiplicity, started at random, misses nothing. The residual that judges
    it is that of L itself, or where this is rounding that of the ``exact`` one.
    """
    n, width = L.shape[0], block_width(k)
    most = min(BLOCKS[-1], n // (TALL * width))
    inverse = not _spread(L, k)
    T = _operator(L, inverse) if most >= BLOCKS[0] else None
    if T is None:
        return None
    basis, images = (np.empty((n, most * width), np.float32, order="F") for _ in range(2))
    block = np.random.default_rng(0).standard_normal((n, width), dtype=np.float32)
    H = np.zeros((most * width, most * width), np.float32)  # basis.T @ images, above its diagonal
    found, sharp = None, None
    for blocks in range(1, most + 1):
        past, done = slice(0, (blocks - 1) * width), slice(0, blocks * width)
        new = slice(past.stop, done.stop)
        for _ in range(2):
            block = _orthonormal(block - basis[:, past] @ (basis[:, past].T @ block))
        basis[:, new] = block
        images[:, new] = block = T(block)
        H[done, new] = basis[:, done].T @ block
        if blocks in BLOCKS:
            _, Y = largest_eigenpairs(H[done, done].T, width)
            found = rayleigh_ritz(L, images[:, done] @ Y, k)
            if exact is not None and inverse and not found.accurate and found.residual <= NOISE:
                sharp = exact() if sharp is None else sharp
                found = corrected(sharp, T, found, k)
            if found.accurate:
                break
    return found


def corrected(L: Symmetric, T: Operator, found: RitzPairs, k: int) -> RitzPairs:
    """Eigenpairs without the rounding of float32: L (N, N) and what is returned are in float64.

    Rounding puts a little of all other eigenvectors into each; most of the residual is of those far
    away, which turn nothing. Preconditioned inverse iteration (Neymeyr, Linear Algebra Appl. 2001)
    takes it out, and what is left tells the truth.
    """
    better = rayleigh_ritz(L, found.vectors.astype(np.float64), k)
    before = np.inf
    while not better.accurate and better.angle < SHRINKING * before:
        before = better.angle
        R = L @ better.vectors - better.vectors * better.values
        norms = np.maximum(np.linalg.norm(R, axis=0), np.finfo(R.dtype).tiny)
        W = T((R / norms).astype(np.float32)) * norms  # of unit length nothing vanishes in float32
        better = rayleigh_ritz(L, better.vectors + W, k)
    return better


def _spread(L: Symmetric, k: int) -> bool:
    """Whether a dense L separates its leading eigenvectors by itself.

    The sum of all squared eigenvalues shows that the first k do not all lie just below 1.
    """
    return isinstance(L, np.ndarray) and bool(np.vdot(L, L) <= k * SPREAD**2)


def _operator(L: Symmetric, inverse: bool) -> Operator | None:
    """What a Krylov space is made of: L, or T = ((1 + SHIFT) I - L)^-1.

    Spectra of affinities are flat just below 1, where L itself separates the eigenvectors slowly;
    T spreads that end out. Where they are not, as for plain affinities, T would be of no use.
    """
    if not isinstance(L, np.ndarray):
        return sparse_inverse(L)
    return dense_inverse(L) if inverse else partial(np.matmul, L)


def dense_inverse(L: FloatArray) -> Operator | None:
    """X to ((1 + SHIFT) I - L)^-1 X by Cholesky's factors; None if an eigenvalue of L is too large.

    It leaves out what is smaller than 1's rounding, whose products are subnormal, and so slow.
    """
    G = np.where(np.abs(L) < np.finfo(L.dtype).eps, np.float32(0), -L)
    np.fill_diagonal(G, G.diagonal() + np.float32(1 + SHIFT))
    try:
        factor = cho_factor(G.T, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    return partial(cho_solve, factor, check_finite=False)


def sparse_inverse(L: sparse.csc_array) -> Operator | None:
    """The same by a sparse factorisation, which for graphs of few neighbours costs next to nothing.

    The shifted matrix is diagonally dominant up to a scaling, so that no pivoting is needed.
    """
    G = (sparse.eye_array(L.shape[0], format="csc", dtype=L.dtype) * (1 + SHIFT) - L).tocsc()
    options = {"SymmetricMode": True}
    try:
        factor = splu(
            G.astype(L.dtype), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
        )
    except RuntimeError:  # exactly singular
        return None
    return partial(_solve, factor)


def _solve(factor: SuperLU, X: FloatArray) -> FloatArray:
    return np.asarray(factor.solve(np.asfortranarray(X)))


def rayleigh_ritz(L: Symmetric, X: FloatArray, k: int) -> RitzPairs:
    """The best eigenpairs of L (N, N) in the span of X (N, m), and how good the first k are."""
    X = _orthonormal(X)
    LX = L @ X
    Y = np.linalg.eigh(X.T @ LX)[1][:, ::-1]
    Y = np.ascontiguousarray(Y)  # NumPy's products of reversed views are slow loops
    X, LX = X @ Y, LX @ Y
    values = np.einsum("ij,ij->j", X, LX, dtype=np.float64)
    order = np.argsort(-values, kind="stable")  # rounding may have moved equal ones
    X, LX, values = X[:, order], LX[:, order], values[order]
    residuals = np.linalg.norm(LX - X * values.astype(X.dtype), axis=0)[: k + 1]
    return RitzPairs(values, X, *doubts(values[: k + 1], residuals), float(residuals.max()))


def doubts(values: FloatArray, residuals: FloatArray) -> tuple[float, float]:
    """``angle`` and ``value`` of Ritz pairs, from their values and residuals (k + 1,).

    A residual r_i turns vector i by at most |r_i| over its distance to the eigenvalues left out
    (Davis and Kahan, SIAM J. Numer. Anal. 1970); errors of values are quadratic in it.
    """
    gaps = values[:-1] - values[-1] - residuals[-1]
    angle = np.linalg.norm(residuals[:-1] / gaps) if (gaps > 0).all() else np.inf
    last = residuals[-1] / max(1 - values[-1], np.finfo(residuals.dtype).eps)
    return float(angle), float(last**2)


def largest_by_magnitude(S: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """The ``rank`` eigenpairs of a symmetric matrix (N, N) that are largest in magnitude.

    One tridiagonal form serves both ends of the spectrum. Returns values (rank,) and vectors
    (N, rank).
    """
    n = len(S)
    if TALL * rank >= n:
        values, U = eigh(S, driver="evd", check_finite=False)
        kept = np.argsort(-np.abs(values), kind="stable")[:rank]
        return values[kept], U[:, kept]
    sytrd, sytrd_lwork = get_lapack_funcs(("sytrd", "sytrd_lwork"), (S,))
    reflectors, d, e, tau, _ = sytrd(S.T, lower=1, lwork=int(sytrd_lwork(n, lower=1)[0]))
    spectrum = eigvalsh_tridiagonal(d, e, check_finite=False)  # ascending
    kept = np.argsort(-np.abs(spectrum), kind="stable")[:rank]
    low = int((spectrum[kept] < 0).sum())
    ends = [(0, low - 1)] * (low > 0) + [(n - rank + low, n - 1)] * (low < rank)
    how: dict[str, Any] = {"select": "i", "lapack_driver": "stebz", "check_finite": False}
    parts = [eigh_tridiagonal(d, e, select_range=end, **how) for end in ends]
    values = np.concatenate([v for v, _ in parts])
    U = np.concatenate([u for _, u in parts], axis=1)
    U[1:] = _reflected(reflectors[1:, :-1], tau, U[1:])
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order], U[:, order]


def largest_by_value(S: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """The ``rank`` largest eigenvalues of a symmetric matrix (N, N), descending, negatives as 0.

    Returns values (rank,) and vectors (N, rank).
    """
    values, U = largest_eigenpairs(S, rank)
    return np.maximum(values, 0), U


def largest_eigenpairs(S: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """The largest eigenvalues (count,) of a symmetric matrix, descending; vectors (N, count).

    LAPACK's ``evr`` is the fastest for a part of the spectrum, and gives up on a few matrices whose
    eigenvalues are all but equal, such as one with equal entries: ``evd`` takes these.
    """
    ends = [len(S) - count, len(S) - 1]
    try:
        values, U = eigh(S, driver="evr", subset_by_index=ends, check_finite=False)
    except np.linalg.LinAlgError:
        values, U = (part[..., -count:] for part in eigh(S, driver="evd", check_finite=False))
    return values[::-1], U[:, ::-1]


def _reflected(reflectors: FloatArray, tau: FloatArray, U: FloatArray) -> FloatArray:
    """Q U for the orthogonal Q that LAPACK keeps as Householder vectors below a diagonal."""
    (ormqr,) = get_lapack_funcs(("ormqr",), (U,))
    _, work, _ = ormqr("L", "N", reflectors, tau, U, -1)
    product: FloatArray = ormqr("L", "N", reflectors, tau, U, int(work[0]))[0]
    return product


def _orthonormal(X: FloatArray) -> FloatArray:
    Q: Any = qr(X, mode="economic", check_finite=False)[0]
    return np.asarray(Q)


def block_width(k: int) -> int:
    """Vectors of a Krylov block: those asked for, one more for the gap, and some to spare."""
    return k + 1 + k // 4
