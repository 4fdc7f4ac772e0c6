"""New images through a trained model: encoder and head, as they were when training ended."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from models.base import FloatArray, IntArray, State
from models.catalogue import parse
from models.checkpointing import load_module
from models.methods.s2convscn import S2ConvSCN
from models.network import Encoder, Head, chunk
from models.objective import seen_features
from models.views import VIEWS


class Prediction(NamedTuple):
    """What a model says of M new images.

    Attributes:
        labels: (M,) in 0..n-1, numbered as the clusters that the head was trained on.
        confidence: (M,) in [0, 1], the largest of each image's n softmax outputs.
        embedding: (M, p) float32 features Z.
    """

    labels: IntArray
    confidence: FloatArray
    embedding: FloatArray


class Predictor:
    """Encoder and head of a ``Clustering.model`` (Zhang et al., CVPR 2019, section 3.3)."""

    def __init__(self, model: State, device: str = "cpu") -> None:
        """Build the modules and load their weights.

        Raises:
            ValueError: if no head was trained.
        """
        settings = parse(model.meta["hyperparameters"])
        if not isinstance(settings, S2ConvSCN) or not settings.trains_head:
            message = "the model has no trained head: gamma4 and epochs must have been above 0"
            raise ValueError(message)
        self.settings, self.device = settings, device
        self.image_shape: tuple[int, int, int] = tuple(model.meta["image_shape"])
        self.encoder = Encoder(self.image_shape, settings.encoder or ())
        p = int(np.prod(self.encoder.top))
        self.head = Head(p, model.meta["n_images"], model.meta["n_clusters"])
        load_module(self.encoder, model.arrays, "encoder.")
        load_module(self.head, model.arrays, "head.")
        self.encoder.to(device)
        self.head.to(device)

    @torch.no_grad()
    def predict(
        self, images: FloatArray, tell: Callable[[int, int], None] = lambda *_: None
    ) -> Prediction:
        """Assign images (M, channels, height, width) float32 in [0, 1], of the trained size.

        ``tell`` hears that so many of so many are done.
        """
        seen = torch.from_numpy(VIEWS[self.settings.view or "plain"](images))  # type: ignore[index]
        parts: list[Prediction] = []
        done = 0
        for x in seen.split(chunk(seen)):
            parts.append(self._assign(x))
            done += len(x)
            tell(done, len(seen))
        return Prediction(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _assign(self, x: torch.Tensor) -> Prediction:
        Z = self.encoder(x.to(self.device) * (self.settings.pixel_scale or 1))
        Y = self.head(seen_features(self.settings, Z))
        sure, labels = F.softmax(Y, dim=1).max(dim=1)
        return Prediction(labels.cpu().numpy(), sure.cpu().numpy(), Z.cpu().numpy())
