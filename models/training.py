"""Algorithm 1 of Zhang et al., CVPR 2019: the two-stage training of S2ConvSCN."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.adam import Adam
from models.affinity import Matrix, affinity, on_host
from models.alignment import align
from models.autoencoder import PHASE as STAGE_ONE
from models.autoencoder import PRETRAINED, pretrain
from models.base import Clustering, FloatArray, IntArray, NotFinite, Notice, Run, State
from models.checkpointing import (
    load_module,
    load_optimiser,
    module_arrays,
    optimiser_arrays,
    to_array,
)
from models.graphs import RecordedObjective
from models.methods.s2convscn import S2ConvSCN
from models.network import Network
from models.objective import Costs
from models.parts import packed, unpacked
from models.products import precision
from models.quality import notices, weak_head
from models.ridge import start
from models.spectral import Segmentation, spectral_clustering
from models.thrift import spends
from models.views import VIEWED, notice, prepare

START = "start."


def fit(settings: S2ConvSCN, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
    """Train both stages and cluster. ``settings`` are resolved; ``images`` as in ``Method.fit``."""
    state = run.resume()
    known = state.meta.get("view") if state else None
    tell = partial(run.report, "preparing")
    decided, seen = prepare(settings, images, n_clusters, run.device, tell, known)
    training = Training(decided, seen, n_clusters, run)
    phase = state.meta["phase"] if state else VIEWED
    if state is None or phase in (VIEWED, STAGE_ONE):
        network, half = training.network, state if phase == STAGE_ONE else None
        pretrain(network.encoder, network.decoder, training.X, decided, run, half)
        training.begin()
    elif phase == PRETRAINED:
        training.adopt(state)
        training.begin()
    else:
        training.load(state)
    training.train()
    found = training.result()
    return replace(found, notices=(*notice(settings.view, decided.view), *found.notices))


class Training:
    """Stage II: the network, its optimiser, the last segmentation Q, and the steps on them."""

    def __init__(self, settings: S2ConvSCN, images: FloatArray, n_clusters: int, run: Run) -> None:
        """Build the network; its weights depend on the run's seed alone."""
        self.settings, self.n_clusters, self.run = settings, n_clusters, run
        X = torch.from_numpy(images).to(run.device) * (settings.pixel_scale or 1)
        self.X = X.contiguous(memory_format=torch.channels_last)  # (N, channels, H, W)
        self.network = _network(settings, images, n_clusters, run)
        self.objective = settings.objective(self.network, self.X, run.seed)
        record = spends(self.X) and self.objective.recordable
        self.recorded = RecordedObjective(self.objective) if record else None
        self.optimiser = _optimiser(settings, self.network)
        self.epoch = 0
        self.labels: IntArray | None = None
        self.segmentation: Segmentation | None = None
        self.clustered: Matrix | None = None
        self.made_by: dict[str, float] = {}
        self.start: dict[str, NDArray[Any]] = {}

    @torch.no_grad()
    def begin(self) -> None:
        """Initialise C from stage I's features (step 4), unless it starts as a constant."""
        encoder, decoder = self.network.encoder, self.network.decoder
        self.start = module_arrays(encoder, "encoder.") | module_arrays(decoder, "decoder.")
        if self.settings.initial_coefficients != "constant":
            self.network.C.copy_(self.expressed())

    def train(self) -> None:
        """Steps 2 and 5-9: DSC-Net's epochs without Q, then rounds of T0 epochs and a new Q."""
        alone, last = self.settings.self_expression_epochs or 0, self.settings.epochs or 0
        while self.epoch < alone:
            self.epoch += 1
            self.report("self_expression", self.epoch, alone, self.step())
        if self.labels is None and last:
            self.segment(self.first_coefficients())
        while self.epoch < alone + last:
            self.epoch += 1
            values = self.step()
            done = self.epoch - alone
            renewed = done % (self.settings.round_epochs or 1) == 0 or done == last
            if renewed:
                values |= self.segment(self.coefficients())
            self.report("training", done, last, values, self.labels if renewed else None)
        if self.segmentation is None:
            kept = self.labels
            self.segment(self.coefficients())
            # of a run that goes on from its last epoch: refined twice, an image might move
            self.labels = self.labels if kept is None else kept

    def step(self) -> dict[str, float]:
        """One epoch: a gradient step on the whole data set. Returns the costs before it."""
        self.clustered = None
        costs = self.differentiate()
        found = dict(zip(costs, torch.stack([*costs.values()]).tolist(), strict=True))
        values = {name: found[name] for name in sorted(costs) if name != "C_l1"}
        gamma = self.objective.gamma
        values["loss"] = sum(gamma[name] * cost for name, cost in values.items() if name in gamma)
        self.check(values)
        self.optimiser.step()
        self.network.expression.clear_diagonal()
        mass = found["C_l1"]
        share = {"C_Q_share": found["L3"] / mass} if "L3" in found and mass else {}
        return values | {"C_l1": mass} | share

    def differentiate(self) -> Costs:
        """Set every gradient. Returns the costs."""
        name, Q = self.settings.precision, self.one_hot()
        with precision(name):
            if self.recorded is not None:
                return self.recorded.differentiate(Q, name)
            return self.objective.differentiate(Q)

    def one_hot(self) -> Tensor | None:
        """Q (N, n), the pseudo-labels in its rows, once there are any."""
        if self.labels is None:
            return None
        Q = F.one_hot(torch.from_numpy(self.labels), self.n_clusters)
        return Q.to(self.X.device, self.X.dtype)

    def segment(self, C: Tensor) -> dict[str, float]:
        """Spectral clustering of C; its labels renumbered to agree with the last ones."""
        if not torch.isfinite(C).all():
            raise NotFinite(_diverged("C", self.epoch, ", gamma1 or gamma2"))
        A = self.affinity(C)
        refined = self.labels if self.settings.renewal == "refine" else None
        found = spectral_clustering(
            A, self.n_clusters, self.run.seed, self.settings.assign, refined
        )
        labels, changed = found.labels, 1.0
        if self.labels is not None:
            labels = align(labels, self.labels, self.n_clusters)
            changed = float(np.mean(labels != self.labels))
        self.labels, self.segmentation, self.clustered = labels, found, A
        return {
            "changed_labels": changed,
            "relative_eigengap": found.relative_eigengap,
            "components": float(found.components),
        }

    def affinity(self, C: Tensor) -> Matrix:
        return affinity(C, self.n_clusters, self.settings.affinity, self.settings.postprocessing)

    @torch.no_grad()
    def first_coefficients(self) -> Tensor:
        """What the first Q comes from: C, or the closed form while C is still a constant."""
        if self.epoch or self.settings.initial_coefficients != "constant":
            return self.coefficients()
        return self.expressed()

    def expressed(self) -> Tensor:
        """The ridge solution or the elastic net (N, N) on stage I's features at unit norm."""
        Z = self.network.encode(self.X)
        tell = partial(self.run.report, "initialising", save=self.pretrained)
        net = self.settings.initial_coefficients == "eigengap"
        C, self.made_by, _ = start(Z, self.settings, self.n_clusters, tell, net=net)
        return C

    def coefficients(self) -> Tensor:
        return self.network.C.detach()

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        values: dict[str, float],
        labels: IntArray | None = None,
    ) -> None:
        self.run.report(phase, step, total, save=self.save, labels=labels, **values)

    def check(self, values: dict[str, float]) -> None:
        """Raises NotFinite, naming the cost and its weight."""
        for name, value in values.items():
            if not np.isfinite(value):
                known = self.objective.remedies.get(name)
                remedy = f" or {known}" if known else ""
                raise NotFinite(_diverged(f"The cost {name}", self.epoch, remedy))

    def save(self) -> State:
        arrays = module_arrays(self.network) | optimiser_arrays("optimiser", self.optimiser)
        if self.labels is not None:
            arrays["labels"] = self.labels
        arrays |= packed(self.start, START) | self.objective.save()
        meta = {"epoch": self.epoch, "made_by": self.made_by, "view": self.settings.view}
        return State(arrays, {"phase": "training", **meta})

    def pretrained(self) -> State:
        """From which stage II can begin, with any C."""
        return State(self.start, {"phase": PRETRAINED, "view": self.settings.view})

    def adopt(self, state: State) -> None:
        """Take encoder and decoder from a finished stage I."""
        load_module(self.network.encoder, state.arrays, "encoder.")
        load_module(self.network.decoder, state.arrays, "decoder.")

    def load(self, state: State) -> None:
        self.start = unpacked(state.arrays, START)
        load_module(self.network, state.arrays)
        load_optimiser("optimiser", self.optimiser, state.arrays)
        self.objective.load(state.arrays)
        self.epoch, self.made_by = state.meta["epoch"], state.meta["made_by"]
        self.labels = state.arrays.get("labels")

    @torch.no_grad()
    def result(self) -> Clustering:
        """Everything that the fit found; labels by spectral clustering or by the head."""
        assert self.labels is not None  # noqa: S101 - train() ends with a segmentation
        assert self.segmentation is not None  # noqa: S101 - likewise
        assert self.clustered is not None  # noqa: S101 - likewise
        C = self.coefficients()
        Z = self.network.encode(self.X)
        labelings, figures = {"spectral": self.labels}, self.diagnostics(self.segmentation)
        warnings: tuple[Notice, ...] = ()
        if self.settings.trains_head:
            features = self.objective.features(Z)
            self.network.head.adjust(features)
            labelings["head"] = self.network.head(features).argmax(dim=1).cpu().numpy()
            agreement = float(np.mean(labelings["head"] == self.labels))
            figures["head_agreement"], warnings = agreement, weak_head(agreement)
        labels = labelings[self.settings.final_labels]
        return Clustering(
            labels=labels,
            answer=self.settings.final_labels,
            coefficients=to_array(C),
            affinity=on_host(self.clustered),
            plain_affinity=on_host(affinity(C, self.n_clusters, "plain", None)),
            embedding=Z.cpu().numpy(),
            labelings=labelings,
            diagnostics=figures,
            notices=(*notices(labels, self.n_clusters, self.segmentation), *warnings),
            model=self.model(),
            start=self.pretrained(),
            outlook=State({}, {"phase": VIEWED, "view": self.settings.view}),
        )

    def diagnostics(self, segmentation: Segmentation) -> dict[str, float]:
        """Label-free figures, and what was decided by them."""
        found = {
            "relative_eigengap": segmentation.relative_eigengap,
            "components": float(segmentation.components),
        }
        return found | self.made_by

    def model(self) -> State:
        """Encoder, decoder and head with what is needed to apply them to new images."""
        weights = module_arrays(self.network)
        n, *shape = self.X.shape
        meta = {
            "hyperparameters": self.settings.model_dump(mode="json"),
            "n_clusters": self.n_clusters,
            "n_images": n,
            "image_shape": shape,
        }
        return State({k: v for k, v in weights.items() if k != "expression.C"}, meta)


def _network(settings: S2ConvSCN, images: FloatArray, n_clusters: int, run: Run) -> Network:
    n, channels, height, width = images.shape
    C = torch.full((n, n), settings.initial_value)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        network = Network(
            (channels, height, width),
            settings.encoder or (),
            C,
            n_clusters,
            zero_diagonal=settings.zero_diagonal,
        )
    network.to(run.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _optimiser(settings: S2ConvSCN, network: Network) -> Adam:
    trained = (network.encoder, network.decoder, network.head)
    rate = settings.learning_rate
    return Adam(
        ([p for module in trained for p in module.parameters()], rate),
        ([network.C], settings.coefficient_rate or rate),
    )


def _diverged(what: str, epoch: int, remedy: str) -> str:
    return (
        f"{what} became NaN or infinite in epoch {epoch} of stage II: lower learning_rate{remedy}."
    )
