"""Seconds of stage I's minibatch steps: the yardstick's auto-encoder and the project's own."""

from collections.abc import Callable

import torch

from benchmarks import straightforward
from benchmarks.records import Record
from benchmarks.speed.clock import alternating
from benchmarks.speed.epochs import layers, scaled
from benchmarks.speed.workloads import Idle, Workload
from models.autoencoder import pretrain
from models.network import Decoder, Encoder

STEPS = 6
"""Minibatches in one turn: an epoch on so many images."""


def measure(work: Workload, seconds: float) -> Record:
    """Medians of one step."""
    contestants = {"yardstick": yardstick(work), "ours": ours(work)}
    found = alternating(contestants, seconds)
    return {"seconds": {name: turn / STEPS for name, turn in found.items()}}


def ours(work: Workload) -> Callable[[], None]:
    """An epoch of the project's stage I."""
    settings = work.settings.model_copy(update={"pretrain_max_epochs": 1})
    X = scaled(work)[: STEPS * settings.pretrain_batch]
    encoder = Encoder(work.images.shape[1:], settings.encoder or ())
    decoder = Decoder(encoder)
    return lambda: pretrain(encoder, decoder, X, settings, Idle(), None)


def yardstick(work: Workload) -> Callable[[], None]:
    """An epoch of the same minibatches, plainly."""
    batch = work.settings.pretrain_batch
    X = scaled(work)[: STEPS * batch]
    model = straightforward.AutoEncoder(work.images.shape[1:], layers(work))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch() -> None:
        for index in torch.randperm(len(X)).split(batch):
            x = X[index]
            loss = 0.5 * ((x - model.decode(model.encode(x))) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return epoch
