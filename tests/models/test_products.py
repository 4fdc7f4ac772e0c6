"""Products at each precision, within what its rounding allows."""

import pytest
import torch
from torch import Tensor
from torch.backends import cudnn, mkldnn

from models import products
from models.hyperparameters import Precision
from models.products import precision, product

FP32 = 2.0**-24
BF16 = 2.0**-9
PRECISIONS: list[Precision] = ["highest", "medium", "bf16"]


def factors(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(67, 130, dtype=dtype, generator=generator)
    B = torch.randn(130, 35, dtype=dtype, generator=generator)
    return A.requires_grad_(), B.requires_grad_()


def error(found: Tensor, A: Tensor, B: Tensor) -> float:
    """Largest error of an entry, as a share of |A| |B| there."""
    A, B = A.detach().double(), B.detach().double()
    return float(((found.detach().double() - A @ B).abs() / (A.abs() @ B.abs())).max())


@pytest.mark.parametrize("one_dnn", [False, mkldnn.is_available()])
def test_the_highest_precision_is_that_of_fp32(
    monkeypatch: pytest.MonkeyPatch, *, one_dnn: bool
) -> None:
    monkeypatch.setattr(products, "_ONE_DNN", one_dnn)
    A, B = factors()
    with precision("highest"):
        assert error(product(A, B), A, B) <= A.shape[1] * FP32


@pytest.mark.parametrize("name", ["medium", "bf16"])
def test_lower_precisions_round_to_eight_bits_at_most(name: Precision) -> None:
    """Each factor by 2^-9 of itself, the product once more."""
    A, B = factors()
    with precision(name):
        assert error(product(A, B), A, B) <= 3 * BF16 + A.shape[1] * FP32 + BF16**2


def test_bf16_does_round() -> None:
    one = torch.ones(1, 1)
    with precision("bf16"):
        assert product(one + BF16 / 2, one).item() == 1
    assert product(one + BF16 / 2, one).item() == 1 + BF16 / 2


@pytest.mark.parametrize("name", PRECISIONS)
def test_convolutions_of_a_gpu_have_the_precision_and_one_order(name: Precision) -> None:
    before = (cudnn.allow_tf32, cudnn.deterministic)
    with precision(name):
        assert (cudnn.allow_tf32, cudnn.deterministic) == (name != "highest", True)
    assert (cudnn.allow_tf32, cudnn.deterministic) == before


@pytest.mark.parametrize("name", PRECISIONS)
def test_double_precision_stays_double(name: Precision) -> None:
    A, B = factors(torch.float64)
    with precision(name):
        assert error(product(A, B), A, B) <= A.shape[1] * 2.0**-53


@pytest.mark.parametrize("name", PRECISIONS)
def test_gradients_are_products_of_the_same_precision(name: Precision) -> None:
    A, B = factors()
    D = torch.randn(67, 35, generator=torch.Generator().manual_seed(1))
    tolerance = 67 * FP32 if name == "highest" else 3.1 * BF16
    with precision(name):
        by_A, by_B = torch.autograd.grad(product(A, B), (A, B), D)
    assert error(by_A, D, B.T) <= tolerance
    assert error(by_B, A.T, D) <= tolerance


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_factor_that_needs_no_gradient_gets_none(wanted: int) -> None:
    given = list(factors())
    given[1 - wanted] = given[1 - wanted].detach()
    A, B = given
    product(A, B).sum().backward()
    D = torch.ones(67, 35)
    expected = (D @ B.T, A.T @ D)[wanted]
    torch.testing.assert_close(given[wanted].grad, expected.detach())
    assert given[1 - wanted].grad is None


@pytest.mark.parametrize("before", ["highest", "high", "medium"])
@pytest.mark.parametrize("name", PRECISIONS)
def test_the_setting_is_restored_even_after_an_exception(name: Precision, before: str) -> None:
    first = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    try:
        with pytest.raises(RuntimeError, match="on purpose"), precision(name):
            raise RuntimeError("on purpose")
        assert torch.get_float32_matmul_precision() == before
        assert product(torch.ones(1, 1) + BF16 / 2, torch.ones(1, 1)).item() == 1 + BF16 / 2
    finally:
        torch.set_float32_matmul_precision(first)


def test_precisions_nest() -> None:
    one, more = torch.ones(1, 1), torch.ones(1, 1) + BF16 / 2
    with precision("bf16"):
        with precision("highest"):
            assert product(more, one).item() == 1 + BF16 / 2
        assert product(more, one).item() == 1


@pytest.mark.parametrize("name", PRECISIONS)
def test_torchs_own_setting_is_left_alone_in_between(name: Precision) -> None:
    before = torch.get_float32_matmul_precision()
    with precision(name):
        product(*factors())
        assert torch.get_float32_matmul_precision() == before


def test_gradients_have_the_precision_of_their_product() -> None:
    one, more = torch.ones(1, 1, requires_grad=True), torch.ones(1, 1) + BF16 / 2
    with precision("bf16"):
        rounded = product(one, more)
    exact = product(one, more)
    assert torch.autograd.grad(rounded, one)[0].item() == 1
    assert torch.autograd.grad(exact, one)[0].item() == 1 + BF16 / 2
