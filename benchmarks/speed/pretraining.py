"""Seconds of a minibatch step of stage I."""

import torch

from benchmarks import straightforward
from benchmarks.speed.cases import Case, Silent, ours
from benchmarks.speed.timing import alternately, medians, ratio
from models.autoencoder import pretrain

STEPS = 20
"""Gradient steps in a pass, at most."""


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Passes over the same images, ours and the yardstick's in turns."""
    settings = case.settings().model_copy(update={"pretrain_max_epochs": 1})
    batch = settings.pretrain_batch
    few = case._replace(images=case.images[: STEPS * batch])
    training = ours(few, settings)
    encoder, decoder, X = training.network.encoder, training.network.decoder, training.X
    plain = straightforward.AutoEncoder(few.images.shape[1:], settings.encoder or ())
    seconds = alternately(
        {
            "yardstick": lambda: _pass(plain, X, batch),
            "ours": lambda: pretrain(encoder, decoder, X, settings, Silent(), None),
        },
        rounds,
    )
    steps = -(-len(X) // batch)
    return {
        "rounds": rounds,
        "batch": batch,
        "seconds": {name: found / steps for name, found in medians(seconds).items()},
        "ratio": ratio(seconds["yardstick"], seconds["ours"]),
    }


def _pass(model: straightforward.AutoEncoder, X: torch.Tensor, batch: int) -> None:
    """All images once, in minibatches, by plain Adam."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for index in torch.randperm(len(X)).split(batch):
        x = X[index]
        loss = 0.5 * ((x - model.decode(model.encode(x))) ** 2).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
