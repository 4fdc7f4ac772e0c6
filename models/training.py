"""Algorithm 1 of Zhang et al., CVPR 2019: the two-stage training of S2ConvSCN."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from models import losses
from models.affinity import plain, processed
from models.alignment import align
from models.autoencoder import PHASE as STAGE_ONE
from models.autoencoder import pretrain
from models.base import Clustering, FloatArray, IntArray, NotFinite, Run, State
from models.checkpointing import (
    load_module,
    load_optimiser,
    module_arrays,
    optimiser_arrays,
    to_array,
)
from models.methods.s2convscn import S2ConvSCN
from models.network import Decoder, Encoder, Head, SelfExpression
from models.quality import notices
from models.selfexpression import closed_form
from models.spectral import Segmentation, spectral_clustering

CHUNK = 128
"""Images that go through the convolutions together; their activations stay in the cache."""


def fit(settings: S2ConvSCN, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
    """Train both stages and cluster. ``settings`` are resolved; ``images`` as in ``Method.fit``."""
    training = Training(settings, images, n_clusters, run)
    state = run.resume()
    if state is None or state.meta["phase"] == STAGE_ONE:
        pretrain(training.encoder, training.decoder, training.X, settings, run, state)
        training.begin()
    else:
        training.load(state)
    training.train()
    return training.result()


class Training:
    """Stage II: the network, its optimiser, the last segmentation Q, and the steps on them."""

    def __init__(self, settings: S2ConvSCN, images: FloatArray, n_clusters: int, run: Run) -> None:
        """Build the modules; weights depend on the run's seed alone."""
        self.settings, self.n_clusters, self.run = settings, n_clusters, run
        assert settings.encoder is not None and settings.pixel_scale is not None  # noqa: S101,PT018
        X = torch.from_numpy(images).to(run.device) * settings.pixel_scale
        self.X = X.contiguous(memory_format=torch.channels_last)  # (N, channels, H, W)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            _, channels, height, width = images.shape
            self.encoder = Encoder((channels, height, width), settings.encoder)
            self.decoder = Decoder(self.encoder)
            p = int(np.prod(self.encoder.top))
            self.head = Head(p, len(images), n_clusters)
        self.expression = SelfExpression(
            torch.full((len(images),) * 2, settings.initial_value),
            zero_diagonal=settings.zero_diagonal,
        )
        for module in self.modules.values():
            module.to(run.device)
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        convolutions = [*self.encoder.parameters(), *self.decoder.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": [*convolutions, *self.head.parameters()]},
            {"params": [self.expression.C], "lr": settings.coefficient_rate},
        ]
        self.optimiser = Adam(groups, lr=settings.learning_rate, fused=True)
        self.centre, self.gain = torch.zeros(p), torch.ones(())
        self.epoch = 0
        self.labels: IntArray | None = None
        self.segmentation: Segmentation | None = None

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "expression": self.expression,
            "head": self.head,
        }

    @torch.no_grad()
    def begin(self) -> None:
        """Initialise C from stage I's features (step 4), unless it starts as a constant."""
        if self.settings.initial_coefficients == "closed_form":
            self.expression.C.copy_(self.closed_form())

    def train(self) -> None:
        """Steps 2 and 5-9: DSC-Net's epochs without Q, then rounds of T0 epochs and a new Q."""
        alone, last = self.settings.self_expression_epochs or 0, self.settings.epochs or 0
        while self.epoch < alone:
            self.epoch += 1
            values = self.step()
            self.report("self_expression", self.epoch, alone, values)
        if self.labels is None and last:
            self.segment(self.first_coefficients())
        while self.epoch < alone + last:
            self.epoch += 1
            values = self.step()
            done = self.epoch - alone
            if done % (self.settings.round_epochs or 1) == 0 or done == last:
                values |= self.segment(self.coefficients())
            self.report("training", done, last, values)
        if self.segmentation is None:
            self.segment(self.coefficients())

    def step(self) -> dict[str, float]:
        """One epoch: a gradient step on the whole data set. Returns the costs before it."""
        self.optimiser.zero_grad()
        costs = self.costs()
        loss = self.total(costs)
        shares = self.shares(costs)
        loss.backward()
        self.optimiser.step()
        self.expression.clear_diagonal()
        values = {name: cost.item() for name, cost in costs.items()}
        self.check(values)
        return {"loss": loss.item(), **values, **shares}

    def total(self, costs: dict[str, Tensor]) -> Tensor:
        """Eq. 7."""
        g = self.settings
        weights = {"L0": g.gamma0, "L1": g.gamma1, "L2": g.gamma2, "L3": g.gamma3, "L4": g.gamma4}
        terms = [(weights[name] or 0) * cost for name, cost in costs.items()]
        return torch.stack([term for term in terms if term.requires_grad]).sum()

    def costs(self) -> dict[str, Tensor]:
        """L0 to L2, and L3 and L4 once there is a Q; scaled as ``cost_scale`` says."""
        relative = self.settings.cost_scale == "relative"
        Z = chunked(self.encoder, self.X)  # (N, p)
        norms = Z.norm(dim=1, keepdim=True) if relative else 1.0
        Z = F.normalize(Z) if relative else Z
        CZ = self.expression(Z)  # (N, p)
        X_hat = chunked(self.decoder, CZ * norms)
        C = self.expression.C
        costs = {
            "L0": losses.L0(self.X, X_hat),
            "L1": losses.L1(C, self.settings.norm),
            "L2": losses.L2(Z, CZ),
        }
        if relative:
            costs["L0"] = costs["L0"] * (len(Z) / self.X.square().sum().clamp(min=1e-12))
        if self.labels is not None:
            Q = F.one_hot(torch.from_numpy(self.labels), self.n_clusters).to(Z)  # (N, n)
            costs["L3"] = losses.L3(C, Q)
            if self.settings.gamma4:
                self.adjust(Z)
                L4 = losses.L4(self.classify(Z), Q, self.settings.tau, self.settings.head_loss)
                costs["L4"] = L4 * len(Z) if relative else L4
        return costs

    def classify(self, Z: Tensor) -> Tensor:
        """The head's outputs (N, n) for features (N, p)."""
        output: Tensor = self.head((Z - self.centre) * self.gain)
        return output

    @torch.no_grad()
    def adjust(self, Z: Tensor) -> None:
        """Centre the head's input and give it the root mean squared norm p^(1/4).

        Features of ReLUs are all positive: uncentred, one full-batch step of Adam moves every
        unit of the head the same way and its ReLUs die, at any scale of the pixels.
        """
        self.centre = Z.mean(dim=0)
        self.gain = Z.shape[1] ** 0.25 / rms(Z - self.centre)

    def segment(self, C: FloatArray) -> dict[str, float]:
        """Spectral clustering of C; its labels renumbered to agree with the last ones."""
        if not np.isfinite(C).all():
            message = (
                f"C is no longer finite after epoch {self.epoch} of stage II: "
                "lower learning_rate, gamma1 or gamma2."
            )
            raise NotFinite(message)
        affinity = self.affinity(C)
        found = spectral_clustering(affinity, self.n_clusters, self.run.seed, self.settings.assign)
        labels, changed = found.labels, 1.0
        if self.labels is not None:
            labels = align(labels, self.labels, self.n_clusters)
            changed = float(np.mean(labels != self.labels))
        self.labels, self.segmentation = labels, found
        return {
            "changed_labels": changed,
            "relative_eigengap": found.relative_eigengap,
            "components": float(found.components),
        }

    def affinity(self, C: FloatArray) -> FloatArray:
        if self.settings.affinity == "plain" or self.settings.postprocessing is None:
            return plain(C)
        return processed(C, self.n_clusters, self.settings.postprocessing)

    @torch.no_grad()
    def first_coefficients(self) -> FloatArray:
        """What the first Q comes from: C, or the closed form while C is still a constant."""
        if self.epoch or self.settings.initial_coefficients == "closed_form":
            return self.coefficients()
        return self.closed_form().cpu().numpy()

    def closed_form(self) -> Tensor:
        """The ridge solution (N, N) on the present features at unit norm."""
        assert self.settings.ridge is not None  # noqa: S101 - resolved
        return closed_form(F.normalize(chunked(self.encoder, self.X)), self.settings.ridge)

    def coefficients(self) -> FloatArray:
        return self.expression.C.detach().cpu().numpy()

    def report(self, phase: str, step: int, total: int, values: dict[str, float]) -> None:
        self.run.report(phase, step, total, save=self.save, **values)

    @torch.no_grad()
    def shares(self, costs: dict[str, Tensor]) -> dict[str, float]:
        """||C||_1 and, once there is a Q, ||C||_Q / ||C||_1 (Fig. 2 of the paper)."""
        mass = costs["L1"] if self.settings.norm == "l1" else losses.L1(self.expression.C, "l1")
        found = {"C_l1": mass.item()}
        if "L3" in costs and found["C_l1"]:
            found["C_Q_share"] = costs["L3"].item() / found["C_l1"]
        return found

    def check(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            if not np.isfinite(value):
                message = (
                    f"The cost {name} became NaN or infinite in epoch {self.epoch} of stage II: "
                    f"lower learning_rate{_WEIGHT_OF.get(name, '')}."
                )
                raise NotFinite(message)

    def save(self) -> State:
        arrays = optimiser_arrays("optimiser", self.optimiser)
        for name, module in self.modules.items():
            arrays |= module_arrays(name, module)
        if self.labels is not None:
            arrays["labels"] = self.labels
        return State(arrays, {"phase": "training", "epoch": self.epoch})

    def load(self, state: State) -> None:
        for name, module in self.modules.items():
            load_module(name, module, state.arrays)
        load_optimiser("optimiser", self.optimiser, state.arrays)
        self.epoch = state.meta["epoch"]
        self.labels = state.arrays.get("labels")

    @torch.no_grad()
    def result(self) -> Clustering:
        """Everything that the fit found; labels by spectral clustering or by the head."""
        assert self.labels is not None and self.segmentation is not None  # noqa: S101, PT018
        C = self.coefficients().copy()
        Z = chunked(self.encoder, self.X)
        labelings = {"spectral": self.labels}
        if self.settings.gamma4 and self.settings.epochs:
            labelings["head"] = self.answer(Z).argmax(dim=1).cpu().numpy()
        labels = labelings[self.settings.final_labels]
        return Clustering(
            labels=labels,
            coefficients=C,
            affinity=self.affinity(C),
            plain_affinity=plain(C),
            embedding=Z.cpu().numpy(),
            labelings=labelings,
            diagnostics={
                "relative_eigengap": self.segmentation.relative_eigengap,
                "components": float(self.segmentation.components),
            },
            notices=notices(labels, self.n_clusters, self.segmentation),
            model=self.model(),
        )

    def answer(self, Z: Tensor) -> Tensor:
        """The trained head's outputs (N, n) for the encoder's features (N, p)."""
        Z = F.normalize(Z) if self.settings.cost_scale == "relative" else Z
        self.adjust(Z)
        return self.classify(Z)

    def model(self) -> State:
        """Encoder, decoder and head with what is needed to apply them to new images."""
        arrays = {
            k: v
            for name in ("encoder", "decoder", "head")
            for k, v in module_arrays(name, self.modules[name]).items()
        }
        arrays |= {"head.centre": to_array(self.centre), "head.gain": to_array(self.gain)}
        n, *shape = self.X.shape
        meta = {
            "hyperparameters": self.settings.model_dump(mode="json"),
            "n_clusters": self.n_clusters,
            "n_images": n,
            "image_shape": shape,
        }
        return State(arrays, meta)


_WEIGHT_OF = {f"L{i}": f" or gamma{i}" for i in range(5)}


def chunked(module: nn.Module, X: Tensor) -> Tensor:
    """A module applied to all images, a chunk at a time."""
    return torch.cat([module(x) for x in X.split(CHUNK)])


def rms(Z: Tensor) -> Tensor:
    """Root mean squared norm of the rows of Z; never zero, and flat where Z is."""
    return (Z.square().sum() / len(Z)).clamp(min=torch.finfo(Z.dtype).tiny).sqrt()
