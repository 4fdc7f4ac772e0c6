"""Runs one case after the other and writes what came out; what is already there is not repeated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks import judge, machine, methods, records, stageone, trials
from benchmarks.display import Display
from benchmarks.journal import SAVE_SECONDS, Journal
from benchmarks.methods import Settings
from benchmarks.records import Case, Record
from benchmarks.sets import SETS, ImageSet
from models import selection
from models.affinity import affinity, on_host, plain
from models.base import Clustering, FloatArray, NotFinite, Shape, State
from models.methods.s2convscn import S2ConvSCN
from models.ridge import start
from models.views import prepare


class Bench:
    """Where images, results and caches are, and on what device to compute."""

    def __init__(
        self,
        images: ImageSet,
        results: Path,
        cache: Path,
        display: Display,
        *,
        device: str = "cpu",
        save_seconds: float = SAVE_SECONDS,
    ) -> None:
        self.images, self.results, self.cache, self.display = images, results, cache, display
        self.device, self.save_seconds = device, save_seconds
        self.views: dict[str, str | None] = {}
        # what runs is what was loaded by now, whatever is committed later
        machine.commit(machine.CODE)

    def run(self, cases: Sequence[Case], *, again: bool = False) -> None:
        """Run each case whose record is not there yet; with ``again``, each one."""
        for number, case in enumerate(cases, start=1):
            self.display.begin(case.title, number, len(cases))
            problem = trials.problem(self.images, case.trial.classes)
            preset, shape = SETS[case.set_name].preset, Shape(*problem.images.shape)
            n = case.trial.n_clusters
            chosen = methods.settings(case.method, case.choice, preset, shape, n)
            identity = case.identity(methods.relevant(case.method, chosen))
            path = case.path(self.results)
            known = records.read(path)
            if known and not again and records.same(known, identity):
                self.display.known(known)
            else:
                found = identity | self.measure(case, chosen, problem)
                records.write(path, found)
                self.display.done(found)

    def measure(self, case: Case, chosen: Settings, problem: trials.Problem) -> Record:
        """Fit, then score; a fit that diverges is a result, too."""
        n = case.trial.n_clusters
        chosen = self.decided(case, chosen, problem)
        record: Record = {
            "overrides": dict(case.choice.overrides),
            "n_clusters": n,
            "image_shape": problem.images.shape,
            "view": chosen.view,
        }
        try:
            state = None
            if methods.has_stage_one(case.method):
                shape = Shape(*problem.images.shape)
                state = self.stage_one(case, methods.network_of(chosen, shape, n))
            record |= {"stage_one": state.meta["record"]} if state else {}
            record |= self.fitted(case, chosen, problem, state)
        except NotFinite as failure:
            record["failure"] = str(failure)
        return record | machine.provenance(self.device)

    def decided(self, case: Case, chosen: Settings, problem: trials.Problem) -> Settings:
        """Settings with the view that these images are seen by; minutes for thousands of images.

        The choice depends on no seed and no weight, and is remembered.
        """
        asked = chosen.model_dump_json(include={"view"})
        key = f"{case.trial.name} {asked}"
        if key not in self.views:
            n = case.trial.n_clusters
            self.views[key] = prepare(chosen, problem.images, n, self.device)[0].view
        return chosen.model_copy(update={"view": self.views[key]})

    def stage_one(self, case: Case, chosen: S2ConvSCN) -> State:
        """A finished stage I whose record is written once and named in each run's."""
        images = trials.problem(self.images, case.trial.pretrained_on).images
        _, seen = prepare(chosen, images, case.trial.n_clusters, self.device)
        source = stageone.origin(case.set_name, case.trial.pretrained_on, seen, chosen, case.seed)
        state = stageone.finished(
            source,
            seen,
            chosen,
            cache=self.cache,
            device=self.device,
            show=self.display.step,
            save_seconds=self.save_seconds,
        )
        told = state.meta["record"]
        path = records.stage_one_path(self.results, case.set_name, source.name)
        if not path.is_file():
            records.write(path, told)
        kept = ("n_images", "epochs", "steps", "L0", "L0_share", "stopped_by", "seconds")
        summary = {"name": source.name} | {key: told[key] for key in kept}
        return State(state.arrays, state.meta | {"record": summary})

    def fitted(
        self, case: Case, chosen: Settings, problem: trials.Problem, state: State | None
    ) -> Record:
        n = case.trial.n_clusters
        machine.forget_peak()
        journal = Journal(
            case.seed,
            case.running(self.cache, methods.relevant(case.method, chosen)),
            device=self.device,
            start=state,
            show=self.display.step,
            save_seconds=self.save_seconds,
        )
        if case.method in methods.UNTRAINED:
            assert isinstance(chosen, S2ConvSCN)  # noqa: S101 - see methods.settings
            net = case.method == methods.START
            clustering = untrained(chosen, problem.images, n, journal, state, net=net)
        elif case.method == methods.SELECTED:
            clustering = selection.fit(chosen, problem.images, n, journal)
        else:
            clustering = chosen.fit(problem.images, n, journal)
        final, peak = journal.finish(), machine.peak_bytes()
        found = judge.answers(clustering, chosen, n, case.seed, self.device)
        return {
            "history": judge.history(journal, problem.truth),
            "seconds": _seconds(journal, final),
            "peak_bytes": peak,
            "notices": [notice.detail for notice in clustering.notices],
            "diagnostics": dict(clustering.diagnostics),
            "answer": judge.own_answer(chosen),
            "scores": judge.scores(found, problem.truth),
            "oracle": judge.oracle(journal, problem.truth),
            **judge.candidates(clustering, problem.truth),
            "labels": {name: _packed(a, problem) for name, a in found.items()},
        }


def untrained(
    chosen: S2ConvSCN,
    images: FloatArray,
    n_clusters: int,
    journal: Journal,
    state: State | None,
    *,
    net: bool,
) -> Clustering:
    """C on pixels, or on the features of a finished stage I: the closed form, or ``net`` or it."""
    chosen, images = prepare(chosen, images, n_clusters, journal.device)
    if state is None:
        Z = torch.from_numpy(images).to(journal.device).flatten(1)  # (N, H W)
    else:
        Z = stageone.encode(state, chosen, images, journal)  # (N, p)
    found = start(Z, chosen, n_clusters, net=net)
    A = affinity(found.C, n_clusters, chosen.affinity, chosen.postprocessing)
    answer = judge.spectral(A, chosen, n_clusters, journal.seed)
    return Clustering(
        labels=answer.labels,
        coefficients=on_host(found.C),
        affinity=on_host(A),
        plain_affinity=on_host(plain(found.C)),
        labelings={"spectral": answer.labels},
        diagnostics=answer.figures | found.figures,
    )


def _seconds(journal: Journal, final: float) -> dict[str, float]:
    """Per phase, and from the last epoch to the result."""
    phases = dict.fromkeys(row["phase"] for row in journal.rows)
    return {phase: journal.seconds(phase) for phase in phases} | {"final": final}


def _packed(answer: judge.Answer, problem: trials.Problem) -> dict[str, str]:
    """Labels in the order of the file."""
    labels = np.empty_like(answer.labels)
    labels[problem.order] = answer.labels
    return records.packed(labels)
