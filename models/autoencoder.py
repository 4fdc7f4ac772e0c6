"""Stage I: the stacked convolutional auto-encoder, trained on L0 until it stops improving."""

import math
from functools import partial

import torch
from torch import Generator, Tensor

from models.adam import Adam
from models.base import NotFinite, Run, State
from models.checkpointing import (
    load_module,
    load_optimiser,
    module_arrays,
    optimiser_arrays,
    to_array,
)
from models.hyperparameters import StageOne
from models.losses import L0
from models.network import Decoder, Encoder
from models.products import precision
from models.recording import Recorded
from models.thrift import spends

PHASE = "pretraining"
PRETRAINED = "pretrained"
"""Phase of a state that holds a finished stage I, perhaps of another run, and no more."""


def pretrain(
    encoder: Encoder,
    decoder: Decoder,
    X: Tensor,
    settings: StageOne,
    run: Run,
    state: State | None,
) -> None:
    """Minimise L0 with C = I (Algorithm 1, step 1), in place.

    The stage ends at the share ``pretrain_floor`` of ||X||^2 / 2, or when L0 has settled: a window
    is as many epochs as make up ``pretrain_window`` gradient steps, and its mean L0 is not lower
    than the last one's by the share ``pretrain_tolerance``.
    """
    trained = [*encoder.parameters(), *decoder.parameters()]
    optimiser = Adam((trained, settings.learning_rate))
    shuffle = Generator().manual_seed(run.seed)
    history: list[float] = []
    if state is not None:
        load_module(encoder, state.arrays, "encoder.")
        load_module(decoder, state.arrays, "decoder.")
        load_optimiser("optimiser", optimiser, state.arrays)
        shuffle.set_state(torch.from_numpy(state.arrays["shuffle"]))
        history = list(state.meta["history"])

    def save() -> State:
        arrays = module_arrays(encoder, "encoder.") | module_arrays(decoder, "decoder.")
        arrays |= optimiser_arrays("optimiser", optimiser)
        arrays["shuffle"] = to_array(shuffle.get_state())
        return State(
            arrays, {"phase": PHASE, "history": history, "view": getattr(settings, "view", None)}
        )

    minibatch = Minibatch(encoder, decoder, X)
    steps = -(-len(X) // settings.pretrain_batch)
    window = max(1, round(settings.pretrain_window / steps))
    last = min(-(-settings.pretrain_max_steps // steps), settings.pretrain_max_epochs)
    floor = settings.pretrain_floor * float(X.square().sum()) / (2 * len(X))
    while not (
        len(history) >= last
        or (history and history[-1] <= floor)
        or _settled(history, window, settings.pretrain_tolerance)
    ):
        with precision("highest"):
            history.append(_epoch(minibatch, settings.pretrain_batch, shuffle, optimiser))
        if not torch.isfinite(torch.tensor(history[-1])):
            raise NotFinite(_diverged(len(history)))
        run.report(PHASE, len(history), _forecast(history, floor, last), save=save, L0=history[-1])


class Minibatch:
    """L0 of some images and its gradient; on a GPU recorded once for each number of images."""

    def __init__(self, encoder: Encoder, decoder: Decoder, X: Tensor) -> None:
        self.encoder, self.decoder, self.X = encoder, decoder, X
        self.parameters = [*encoder.parameters(), *decoder.parameters()]
        self.recordings: dict[int, tuple[Tensor, Recorded[Tensor]]] = {}

    def differentiate(self, index: Tensor) -> Tensor:
        """L0 of the images ``index``; sets every parameter's gradient."""
        if not spends(self.X):
            return self.on(self.X[index])
        if len(index) not in self.recordings:
            x = self.X[index]
            self.recordings[len(index)] = x, Recorded(partial(self.on, x), self.parameters)
        x, recorded = self.recordings[len(index)]
        torch.index_select(self.X, 0, index, out=x)
        return recorded().clone()

    def on(self, x: Tensor) -> Tensor:
        for parameter in self.parameters:
            parameter.grad = None
        loss = L0(x, self.decoder(self.encoder(x)))
        loss.backward()
        return loss.detach()


def _epoch(minibatch: Minibatch, batch: int, shuffle: Generator, optimiser: Adam) -> float:
    """One pass over all images; returns the mean L0 of an image."""
    losses, X = [], minibatch.X
    order = torch.randperm(len(X), generator=shuffle).to(X.device)
    for index in order.split(batch):
        losses.append(minibatch.differentiate(index))
        optimiser.step()
    return torch.stack(losses).sum(dtype=torch.float64).item() / len(X)


def _settled(history: list[float], window: int, tolerance: float) -> bool:
    """Whether the last whole window improved on the one before by less than the tolerance."""
    if len(history) < 2 * window or len(history) % window:
        return False
    before = sum(history[-2 * window : -window])
    return sum(history[-window:]) > (1 - tolerance) * before


def _forecast(history: list[float], floor: float, last: int) -> int:
    """The epoch at which L0 should reach the floor if it goes on falling as in the last ten."""
    back = min(len(history) - 1, 10)
    if not back or not 0 < history[-1] < history[-1 - back] or floor <= 0:
        return last
    fall = math.log(history[-1 - back] / history[-1]) / back
    needed = max(math.log(history[-1] / floor), 0) / fall
    return min(last, len(history) + math.ceil(needed))


def _diverged(epoch: int) -> str:
    return (
        f"The reconstruction cost L0 became NaN or infinite in epoch {epoch} of stage I: "
        "lower learning_rate or pixel_scale."
    )
