"""Stage I, then a shallow method on its features: AE+SSC and AE+EDSC."""

from dataclasses import replace
from functools import partial

import torch

from models.autoencoder import PHASE, PRETRAINED, pretrain
from models.base import Clustering, FloatArray, Run, State
from models.checkpointing import load_module, module_arrays
from models.expression import clustered
from models.network import Decoder, Encoder, encode
from models.onfeatures import OnFeatures
from models.views import VIEWED, notice, prepare


def fit(settings: OnFeatures, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
    """Train the auto-encoder as the deep methods do, and cluster Z. ``settings`` are resolved."""
    state = run.resume()
    tell = partial(run.report, "preparing")
    known = state.meta.get("view") if state else None
    decided, seen = prepare(settings, images, n_clusters, run.device, tell, known)
    encoder, decoder = _modules(decided, images, run)
    X = torch.from_numpy(seen).to(run.device) * (decided.pixel_scale or 1)
    X = X.contiguous(memory_format=torch.channels_last)  # (N, channels, H, W)
    if state is not None and state.meta["phase"] == PRETRAINED:
        load_module(encoder, state.arrays, "encoder.")
        load_module(decoder, state.arrays, "decoder.")
    else:
        half = state if state is not None and state.meta["phase"] == PHASE else None
        pretrain(encoder, decoder, X, decided, run, half)
    with torch.no_grad():
        Z = encode(encoder, X)  # (N, p)
    found = clustered(decided, Z, n_clusters, run)
    weights = module_arrays(encoder, "encoder.") | module_arrays(decoder, "decoder.")
    return replace(
        found,
        embedding=Z.cpu().numpy(),
        model=State(weights, _described(decided, images, n_clusters)),
        start=State(weights, {"phase": PRETRAINED, "view": decided.view}),
        outlook=State({}, {"phase": VIEWED, "view": decided.view}),
        notices=(*notice(settings.view, decided.view), *found.notices),
    )


def _modules(settings: OnFeatures, images: FloatArray, run: Run) -> tuple[Encoder, Decoder]:
    """With weights that depend on the run's seed alone, those of the deep methods."""
    _, channels, height, width = images.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        encoder = Encoder((channels, height, width), settings.encoder or ())
        decoder = Decoder(encoder)
    encoder.to(run.device)
    decoder.to(run.device)
    return encoder, decoder


def _described(settings: OnFeatures, images: FloatArray, n_clusters: int) -> dict[str, object]:
    n, *shape = images.shape
    return {
        "hyperparameters": settings.model_dump(mode="json"),
        "n_clusters": n_clusters,
        "n_images": n,
        "image_shape": shape,
    }
