"""Convolutions of stride 2 with "same" padding and their transposes, fast for few channels on CPUs.

Forward and weight passes are the library's. Its data pass, which is the transposed convolution, is
up to eleven times slower than one matrix product and one scatter for each image, where an image's
columns stay in the cache or there is but one channel.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

STRIDE = 2
CACHED = 2**14
"""Columns of an image, in numbers, that a core's cache holds beside what they are made from."""
VECTOR = 8
"""Channels from which the library's kernels gain by having them last."""


def halved(size: int) -> int:
    """The output size of a "same" convolution of stride 2: ceil(size / 2)."""
    return -(-size // STRIDE)


def layout(depths: Sequence[int]) -> torch.memory_format:
    """The faster layout of feature maps, from the channels that the convolutions read."""
    return torch.channels_last if max(depths[1:], default=0) >= VECTOR else torch.contiguous_format


def convolve(X: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A "same" convolution with odd pixels at the end, as in TensorFlow.

    Args:
        X: (N, c, H, W).
        weight: (d, c, k, k) with k >= 2.
        bias: (d,).

    Returns:
        (N, d, ceil(H/2), ceil(W/2)).
    """
    Y: Tensor = _Convolution.apply(X, weight, bias)  # type: ignore[no-untyped-call]
    return Y


def transposed(Y: Tensor, weight: Tensor, bias: Tensor, size: tuple[int, int]) -> Tensor:
    """The adjoint of ``convolve`` to images of ``size`` (H, W), plus a bias.

    Args:
        Y: (N, d, ceil(H/2), ceil(W/2)).
        weight: (d, c, k, k) with k >= 2.
        bias: (c,).
        size: height and width of the result.

    Returns:
        (N, c, H, W).
    """
    X: Tensor = _Transposed.apply(Y, weight, bias, size)  # type: ignore[no-untyped-call]
    return X


class _Convolution(Function):
    @staticmethod
    def forward(ctx: Any, X: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        padded = _pad(X, weight)
        ctx.size = X.shape[2:]
        ctx.save_for_backward(padded, weight)
        return F.conv2d(padded, weight, bias, STRIDE)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dY: Tensor) -> tuple[Tensor | None, ...]:
        padded, weight = ctx.saved_tensors
        dX = _crop(_spread(dY, weight), weight, ctx.size) if ctx.needs_input_grad[0] else None
        return dX, _weight_gradient(padded, weight, dY), dY.sum((0, 2, 3))


class _Transposed(Function):
    @staticmethod
    def forward(ctx: Any, Y: Tensor, weight: Tensor, bias: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(Y, weight)
        return _crop(_spread(Y, weight), weight, size) + bias[:, None, None]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dX: Tensor) -> tuple[Tensor | None, ...]:
        Y, weight = ctx.saved_tensors
        padded = _pad(dX, weight)
        dY = F.conv2d(padded, weight, None, STRIDE) if ctx.needs_input_grad[0] else None
        return dY, _weight_gradient(padded, weight, Y), dX.sum((0, 2, 3)), None


def _same_padding(size: int, kernel: int) -> tuple[int, int]:
    """TensorFlow's "same": the odd pixel goes to the end, as in the code of DSC-Net."""
    total = (halved(size) - 1) * STRIDE + kernel - size
    return total // 2, total - total // 2


def _pad(X: Tensor, weight: Tensor) -> Tensor:
    kernel, (height, width) = weight.shape[-1], X.shape[2:]
    return F.pad(X, (*_same_padding(width, kernel), *_same_padding(height, kernel)))


def _crop(padded: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    (height, width), kernel = size, weight.shape[-1]
    top, left = _same_padding(height, kernel)[0], _same_padding(width, kernel)[0]
    return padded[:, :, top : top + height, left : left + width]


def _weight_gradient(padded: Tensor, weight: Tensor, dY: Tensor) -> Tensor:
    gradient: Tensor = torch.ops.aten.convolution_backward(
        dY,
        padded,
        weight,
        bias_sizes=None,
        stride=[STRIDE, STRIDE],
        padding=[0, 0],
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=1,
        output_mask=[False, True, False],
    )[1]
    return gradient


def _spread(Y: Tensor, weight: Tensor) -> Tensor:
    """The transposed convolution (N, d, h, w) to padded images (N, c, 2(h-1) + k, 2(w-1) + k)."""
    n, _, h, w = Y.shape
    c, k = weight.shape[1:3]
    if not Y.is_cpu or (c > 1 and c * k * k * h * w > CACHED):
        return F.conv_transpose2d(Y, weight, None, STRIDE)
    plain = c == 1 or Y.is_contiguous()
    memory_format = torch.contiguous_format if plain else torch.channels_last
    size = (n, c, STRIDE * (h - 1) + k, STRIDE * (w - 1) + k)
    columns_at_a_time = torch.ops.aten._slow_conv2d_backward.output_mask  # noqa: SLF001 - no public name
    X: Tensor = columns_at_a_time(
        Y.contiguous(memory_format=memory_format),
        torch.empty(size, dtype=Y.dtype, memory_format=memory_format),  # tells shape and layout
        weight.clone(memory_format=memory_format),
        kernel_size=[k, k],
        stride=[STRIDE, STRIDE],
        padding=[0, 0],
        output_mask=[True, False, False],
    )[0]
    return X
