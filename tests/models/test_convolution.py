"""Convolutions beside the library's own, padded by TensorFlow's rule, in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.convolution import convolve, transposed

FORMATS = [torch.contiguous_format, torch.channels_last]
SIZES = [(8, 8), (7, 10), (13, 5), (15, 16)]
CHANNELS = [(1, 1), (1, 3), (2, 1), (4, 9), (16, 17)]
"""Read and made by a convolution; with 16 and large kernels an image's columns are not cached."""


def same(size: int, kernel: int) -> tuple[int, int]:
    """TensorFlow's "same" for stride 2, written down anew."""
    total = max((-(-size // 2) - 1) * 2 + kernel - size, 0)
    return total // 2, total - total // 2


def literal_convolve(X: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    (top, bottom), (left, right) = (same(size, weight.shape[-1]) for size in X.shape[2:])
    return F.conv2d(F.pad(X, (left, right, top, bottom)), weight, bias, stride=2)


def literal_transposed(Y: Tensor, weight: Tensor, bias: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = (same(side, weight.shape[-1])[0] for side in size)
    X = F.conv_transpose2d(Y, weight, stride=2)[:, :, top : top + size[0], left : left + size[1]]
    return X + bias[:, None, None]


def halves(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // 2), -(-size[1] // 2)


def random(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    values = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if len(shape) == 4:
        values = values.contiguous(memory_format=layout)
    return values.requires_grad_()


def outcome(compute: Callable[..., Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """Values, and gradients of a sum with random weights."""
    values = compute(*leaves)
    weights = torch.randn(values.shape, dtype=values.dtype, generator=torch.Generator())
    return [values, *torch.autograd.grad((values * weights).sum(), leaves)]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("kernel", range(2, 8))
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_and_its_gradients_are_the_librarys(
    layout: torch.memory_format, kernel: int, channels: tuple[int, int], size: tuple[int, int]
) -> None:
    c, d = channels
    weight = random(d, c, kernel, kernel, layout=layout)
    leaves = [random(3, c, *size, layout=layout), weight, random(d)]
    assert_same(outcome(convolve, leaves), outcome(literal_convolve, leaves))


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("kernel", range(2, 8))
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", SIZES)
def test_a_transposed_convolution_and_its_gradients_are_the_librarys(
    layout: torch.memory_format, kernel: int, channels: tuple[int, int], size: tuple[int, int]
) -> None:
    c, d = channels
    weight = random(d, c, kernel, kernel, layout=layout)
    leaves = [random(3, d, *halves(size), layout=layout), weight, random(c)]
    found = outcome(lambda *tensors: transposed(*tensors, size), leaves)
    assert_same(found, outcome(lambda *tensors: literal_transposed(*tensors, size), leaves))


def test_images_that_need_no_gradient_get_none() -> None:
    weight, bias = random(3, 2, 3, 3), random(3)
    X = random(4, 2, 7, 6).detach()
    assert_same(
        outcome(lambda *parameters: convolve(X, *parameters), [weight, bias]),
        outcome(lambda *parameters: literal_convolve(X, *parameters), [weight, bias]),
    )


def test_a_mixture_of_layouts_is_one_of_numbers_alone() -> None:
    weight, bias = random(9, 4, 3, 3), random(9)
    X = random(3, 4, 8, 8)
    other = X.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert_same(outcome(convolve, [other, weight, bias]), outcome(convolve, [X, weight, bias]))
