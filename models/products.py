"""Products of large matrices, where an epoch's time goes, and the precision that they have."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.hyperparameters import Precision

_PRECISION: ContextVar[Precision] = ContextVar("precision", default="highest")
_ONE_DNN = (
    torch.backends.mkldnn.is_available()
    and torch.backends.cpu.get_cpu_capability() == "AVX512"
    and "Intel" not in torch.cpu.get_capabilities()["cpu_name"]
)
"""Torch leaves fp32 products to MKL, which keeps to AVX2 on processors that are not Intel's. The
oneDNN that torch brings uses AVX-512 wherever it is: on a Zen 5, twice as fast, and as precise."""


def product(A: Tensor, B: Tensor) -> Tensor:
    """A B (m, k) of A (m, l) and B (l, k); can be differentiated once."""
    result: Tensor = _Product.apply(A, B)  # type: ignore[no-untyped-call]
    return result


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Set the precision of fp32 ``product``s for a while, and that of a GPU's convolutions.

    Torch's own setting is not touched in between: at ``medium``, the many small products inside its
    convolutions on the CPU take longer than in fp32. On GPUs its convolutions are of TF32 unless
    told otherwise, and fp32 means fp32 here; and they add in the same order each time, for a seed
    to mean the same labels.
    """
    cudnn = torch.backends.cudnn
    token, before = _PRECISION.set(name), (cudnn.allow_tf32, cudnn.deterministic)
    cudnn.allow_tf32, cudnn.deterministic = name != "highest", True
    try:
        yield
    finally:
        _PRECISION.reset(token)
        cudnn.allow_tf32, cudnn.deterministic = before


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor) -> Tensor:
        ctx.save_for_backward(A, B)
        ctx.precision = _PRECISION.get()  # on GPUs another thread goes backward
        return _multiply(A, B, ctx.precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, D: Tensor) -> tuple[Tensor | None, Tensor | None]:
        A, B = ctx.saved_tensors
        wants_A, wants_B = ctx.needs_input_grad
        by_A = _multiply(D, B.T, ctx.precision) if wants_A else None
        return by_A, _multiply(A.T, D, ctx.precision) if wants_B else None


def _multiply(A: Tensor, B: Tensor, name: Precision) -> Tensor:
    if A.dtype != torch.float32:
        return A @ B
    if name == "bf16":
        return (A.bfloat16() @ B.bfloat16()).float()
    if _ONE_DNN and A.device.type == "cpu" and name == "highest":
        AB: Tensor = torch.ops.mkldnn._linear_pointwise(A, B.T, None, "none", [], "")  # noqa: SLF001
        return AB
    with _torch_precision(name):
        return A @ B


@contextmanager
def _torch_precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
