"""What must hold for the results of any job, checked on the files as they come over HTTP."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from live_images import read_png
from live_service import Service
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy import sparse

from models.checkpointing import load_module
from models.methods.s2convscn import S2ConvSCN
from models.network import Encoder
from models.views import VIEWS

PICTURES = ("clusters.png", "affinity.png", "curves.png")


class Results:
    """Downloads of one job, into a folder."""

    def __init__(self, service: Service, job_id: str, folder: Path) -> None:
        self.client = service.client
        self.path = f"/v1/jobs/{job_id}"
        self.folder = folder

    def fetch(self, path: str, name: str) -> Path:
        return self.client.download(f"{self.path}/{path}", self.folder / name)

    def labels(self) -> dict[str, int]:
        """Each image's label under its own name; the three forms must agree."""
        rows = json.loads(self.fetch("labels?format=json", "labels.json").read_text())["labels"]
        labels = np.load(self.fetch("labels?format=npy", "labels.npy"))
        with self.fetch("labels?format=csv", "labels.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        assert [row["label"] for row in rows] == labels.tolist()
        assert [(r["name"], int(r["label"]), float(r["confidence"])) for r in table] == [
            (r["name"], r["label"], r["confidence"]) for r in rows
        ]
        assert all(0 <= row["confidence"] <= 1 for row in rows)
        return {row["name"]: row["label"] for row in rows}

    def affinity(self, n: int) -> NDArray[np.float32]:
        """N x N, symmetric, finite; the sparse form holds some of its entries."""
        with np.load(self.fetch("affinity", "affinity.npz")) as archive:
            A: NDArray[np.float32] = archive["affinity"]
        assert A.shape == (n, n)
        assert A.dtype == np.float32
        assert np.isfinite(A).all()
        assert (A == A.T).all()
        S = sparse.load_npz(self.fetch("affinity?format=sparse", "topk.npz"))
        assert S.shape == (n, n)
        assert S.nnz > 0
        assert (S != S.T).nnz == 0
        assert (S.data == A[S.nonzero()]).all()
        return A

    def embedding(self) -> NDArray[np.float32]:
        Z: NDArray[np.float32] = np.load(self.fetch("artifacts/embedding.npy", "embedding.npy"))
        return Z

    def recomputed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The embedding of (N, H, W) images by the encoder in the checkpoint."""
        weights = load_file(self.fetch("checkpoints/model.safetensors", "model.safetensors"))
        model: dict[str, Any] = json.loads(
            self.fetch("checkpoints/model.json", "model.json").read_text()
        )
        settings = S2ConvSCN.model_validate(model["hyperparameters"])
        channels, height, width = model["image_shape"]
        assert settings.encoder
        assert settings.pixel_scale
        encoder = Encoder((channels, height, width), settings.encoder)
        load_module(encoder, weights, "encoder.")
        pixels = images[:, None].astype(np.float32) / 255
        assert settings.view != "eigengap"
        X = torch.from_numpy(VIEWS[settings.view or "plain"](pixels)) * settings.pixel_scale
        with torch.no_grad():
            return np.asarray(encoder(X).numpy())

    def check_embedding(self, images: NDArray[np.uint8]) -> None:
        """The checkpoint's encoder computes the stored embedding again, up to rounding."""
        stored = self.embedding()
        largest = float(np.abs(stored).max())
        np.testing.assert_allclose(self.recomputed(images), stored, rtol=1e-5, atol=1e-5 * largest)

    def check_pictures(self) -> None:
        for name in PICTURES:
            picture = read_png(self.fetch(f"artifacts/{name}", name).read_bytes())
            assert picture.ndim == 3
            assert picture.std() > 0
