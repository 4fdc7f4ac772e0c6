"""New images through a trained model: encoder and head, as they were when training ended."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.base import FloatArray, IntArray, State
from models.catalogue import parse
from models.checkpointing import load_module
from models.features import Encoding
from models.methods.s2convscn import S2ConvSCN
from models.network import CHUNK, WIDE, Head
from models.objective import seen_features


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
        self.settings = settings
        self.image_shape: tuple[int, int, int] = tuple(model.meta["image_shape"])
        self.encoding = Encoding(model, device)
        self.head = Head(self.encoding.p, model.meta["n_images"], model.meta["n_clusters"])
        load_module(self.head, model.arrays, "head.")
        self.head.to(device)
        self.block = CHUNK if device == "cpu" else WIDE

    @torch.no_grad()
    def predict(
        self, images: FloatArray, tell: Callable[[int, int], None] = lambda *_: None
    ) -> Prediction:
        """Assign images (M, channels, height, width) float32 in [0, 1], of the trained size.

        ``tell`` hears that so many of so many are done.
        """
        parts: list[Prediction] = []
        for begin in range(0, len(images), self.block):
            x = images[begin : begin + self.block]
            Z = self.encoding(x)
            parts.append(Prediction(*self.assign(Z), Z.cpu().numpy()))
            tell(begin + len(x), len(images))
        return Prediction(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    @torch.no_grad()
    def assign(self, Z: Tensor) -> tuple[IntArray, FloatArray]:
        """Labels and confidence, each (M,), of features Z (M, p)."""
        Y = self.head(seen_features(self.settings, Z))
        sure, labels = F.softmax(Y, dim=1).max(dim=1)
        return labels.cpu().numpy(), sure.cpu().numpy()
