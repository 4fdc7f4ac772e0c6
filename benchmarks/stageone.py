"""Stage I, trained once for all runs that can share it."""

from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import machine, states
from benchmarks.journal import Journal, Show
from benchmarks.methods import stage_one_settings
from benchmarks.records import digest
from models.autoencoder import PRETRAINED, pretrain
from models.base import FloatArray, State
from models.checkpointing import module_arrays
from models.methods.s2convscn import S2ConvSCN
from models.training import Training


class Origin(NamedTuple):
    """What makes two stages I the same, besides the code: set, classes, settings, seed."""

    set_name: str
    classes: range
    image: tuple[int, ...]
    settings: dict[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """A file's name, without its ending."""
        described = [self.classes.start, self.classes.stop, self.image, self.settings]
        return f"seed{self.seed}-{digest(described)}"


def origin(
    set_name: str, classes: range, images: FloatArray, chosen: S2ConvSCN, seed: int
) -> Origin:
    return Origin(set_name, classes, images.shape[1:], stage_one_settings(chosen), seed)


def finished(
    source: Origin,
    images: FloatArray,
    chosen: S2ConvSCN,
    *,
    cache: Path,
    device: str,
    show: Show,
    save_seconds: float,
) -> State:
    """A finished stage I, from the cache or trained now.

    Args:
        source: what it is stage I of.
        images: (N, channels, H, W), those of ``source``'s classes.
        chosen: resolved settings.
        cache: folder of finished stages I and of half-finished ones.
        device: where to train.
        show: receives progress.
        save_seconds: between two states on disk.

    Returns:
        encoder and decoder for ``Run.resume``; under ``record`` of its meta, what is to be told.
    """
    file = cache / "stage-one" / source.set_name / f"{source.name}.npz"
    known = states.read(file)
    if known is not None:
        return known
    journal = Journal(
        source.seed,
        cache / "running" / source.set_name / f"stage-one-{source.name}.npz",
        device=device,
        show=show,
        save_seconds=save_seconds,
    )
    training = Training(chosen, images, 2, journal)
    network = training.network
    pretrain(network.encoder, network.decoder, training.X, chosen, journal, journal.resume())
    arrays = module_arrays(network.encoder, "encoder.") | module_arrays(network.decoder, "decoder.")
    power = float(training.X.square().sum()) / (2 * len(images))
    state = State(arrays, {"phase": PRETRAINED, "record": _record(source, journal, images, power)})
    states.write(file, state)
    journal.finish()
    return state


def encode(state: State, chosen: S2ConvSCN, images: FloatArray, journal: Journal) -> torch.Tensor:
    """Features (N, p) of a finished stage I."""
    training = Training(chosen, images, 2, journal)
    training.adopt(state)
    with torch.no_grad():
        return training.network.encode(training.X)


def _record(source: Origin, journal: Journal, images: FloatArray, power: float) -> dict[str, Any]:
    """Settings, costs of all epochs, and where it stopped."""
    costs = [row["L0"] for row in journal.rows]
    steps = len(costs) * -(-len(images) // source.settings["pretrain_batch"])
    share = costs[-1] / power
    return {
        "set": source.set_name,
        "classes": [source.classes.start + 1, source.classes.stop],
        "n_images": len(images),
        "seed": source.seed,
        "settings": source.settings,
        "epochs": len(costs),
        "steps": steps,
        "L0": costs[-1],
        "L0_share": share,
        "stopped_by": _reason(source.settings, len(costs), steps, share),
        "seconds": journal.seconds(),
        **machine.provenance(journal.device),
        "history": {"L0": costs},
    }


def _reason(settings: dict[str, Any], epochs: int, steps: int, share: float) -> str:
    if share <= settings["pretrain_floor"]:
        return "floor"
    if steps >= settings["pretrain_max_steps"] or epochs >= settings["pretrain_max_epochs"]:
        return "limit"
    return "settled"
