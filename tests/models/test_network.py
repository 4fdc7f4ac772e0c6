import numpy as np
import pytest
import torch

from models.hyperparameters import Layer
from models.network import Decoder, Encoder, Head, SelfExpression


@pytest.mark.parametrize(
    ("image", "layers", "p"),
    [
        ((1, 48, 42), [Layer(5, 10), Layer(3, 20), Layer(3, 30)], 1080),
        ((1, 32, 32), [Layer(3, 3), Layer(3, 3), Layer(3, 5)], 80),
        ((1, 32, 32), [Layer(3, 15)], 3840),
        ((1, 32, 32), [Layer(5, 50)], 12800),
        ((3, 9, 17), [Layer(3, 4), Layer(4, 6)], 3 * 5 * 6),
    ],
)
def test_features_have_the_papers_number_and_the_decoder_mirrors(
    image: tuple[int, int, int], layers: list[Layer], p: int
) -> None:
    encoder = Encoder(image, layers)
    X = torch.rand(2, *image)
    Z = encoder(X)
    assert Z.shape == (2, p)
    assert Decoder(encoder)(Z).shape == X.shape


def test_the_odd_pixel_of_same_padding_is_at_the_end() -> None:
    """TensorFlow's rule, on which published weights rest: 4 pixels, kernel 3 -> pad (0, 1)."""
    encoder = Encoder((1, 4, 4), [Layer(3, 1)])
    with torch.no_grad():
        encoder.convolutions[0].weight.fill_(1)
    X = torch.arange(16.0).reshape(1, 1, 4, 4)
    padded = np.pad(X[0, 0].numpy(), ((0, 1), (0, 1)))
    expected = [padded[i : i + 3, j : j + 3].sum() for i in (0, 2) for j in (0, 2)]
    assert encoder(X)[0].tolist() == expected


def test_the_decoder_is_the_adjoint_of_a_linear_encoder() -> None:
    """With shared weights and no ReLU at work, <f(x), z> = <x, g(z)>."""
    encoder = Encoder((2, 7, 6), [Layer(3, 4)])
    decoder = Decoder(encoder)
    with torch.no_grad():
        encoder.convolutions[0].weight.abs_()
        decoder.convolutions[0].weight.copy_(encoder.convolutions[0].weight)
    X = torch.rand(1, 2, 7, 6)
    Z = torch.rand_like(encoder(X))
    assert torch.allclose((encoder(X) * Z).sum(), (X * decoder(Z)).sum(), rtol=1e-5)


def test_the_diagonal_of_c_is_zero_unless_allowed() -> None:
    C = torch.full((4, 4), 0.5)
    assert SelfExpression(C.clone(), zero_diagonal=True).C.diagonal().tolist() == [0] * 4
    assert SelfExpression(C.clone(), zero_diagonal=False).C.diagonal().tolist() == [0.5] * 4


def test_the_head_has_the_papers_widths() -> None:
    head = Head(80, 400, 40)
    assert [tuple(p.shape) for p in head.parameters() if p.ndim > 1] == [
        (200, 80),
        (40, 200),
        (40, 40),
    ]
