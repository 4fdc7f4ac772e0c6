"""What a fit sees of images, those too that it was not fitted to."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.base import Clustering, FloatArray, State
from models.catalogue import parse
from models.checkpointing import load_module
from models.hyperparameters import StageOne
from models.network import Encoder, encode
from models.views import VIEWS


class Encoding:
    """The encoder of a ``Clustering.model``, with the view and the scale that it was trained on."""

    def __init__(self, model: State, device: str) -> None:
        """Build the encoder and load its weights."""
        settings: Any = parse(model.meta["hyperparameters"])
        assert isinstance(settings, StageOne)  # noqa: S101 - what has a model has an encoder
        self.view = VIEWS[getattr(settings, "view", None) or "plain"]
        self.scale, self.device = settings.pixel_scale or 1, device
        self.encoder = Encoder(tuple(model.meta["image_shape"]), settings.encoder or ())
        self.p = int(np.prod(self.encoder.top))
        load_module(self.encoder, model.arrays, "encoder.")
        self.encoder.to(device)

    @torch.no_grad()
    def __call__(self, images: FloatArray) -> Tensor:
        """Images (M, channels, height, width) float32 in [0, 1] to Z (M, p)."""
        X = torch.from_numpy(self.view(images)).to(self.device) * self.scale
        return encode(self.encoder, X)


class Pixels:
    """The pixels of the view that a method without an encoder has taken."""

    def __init__(self, view: str, device: str) -> None:
        self.view, self.device = VIEWS[view], device  # type: ignore[index]

    def __call__(self, images: FloatArray) -> Tensor:
        """Images (M, channels, height, width) to X (M, D)."""
        return torch.from_numpy(self.view(images)).to(self.device).flatten(1)


def features_of(found: Clustering, device: str) -> Encoding | Pixels:
    """The same function of images that the fit has clustered by."""
    if found.model is not None:
        return Encoding(found.model, device)
    view = found.outlook.meta["view"] if found.outlook else "plain"
    return Pixels(view, device)
