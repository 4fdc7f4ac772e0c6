"""What a trainer costs beside its computing: forked from a process that has loaded all, or not."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.records import Record
from benchmarks.summary import NOT_RUN, origin
from benchmarks.tables import grid
from models.base import Shape
from models.catalogue import parse
from s2convscn import digits
from worker import forkserver
from worker.exchange import Outcome, Scratch, Spec, read, write
from worker.process import Trainer

METHODS: dict[str, dict[str, Any]] = {
    "k-means": {"method": "kmeans"},
    "LSR": {"method": "lsr"},
    "S2ConvSCN, 20 epochs": {"method": "s2convscn", "pretrain_max_steps": 20, "epochs": 20},
}
N_IMAGES, N_CLUSTERS, SIDE = 100, 10, 8
POLL_SECONDS = 0.005


def measure(rounds: int) -> Record:
    """Seconds of whole attempts at tiny jobs, by turns, and the memory of what waits for one."""
    from benchmarks.machine import (  # noqa: PLC0415 - tables need no torch
        SERVICE,
        provenance,
        status_bytes,
    )

    rows: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    with TemporaryDirectory() as folder:
        dataset = _digits(Path(folder) / "dataset")
        for number in range(rounds):
            for name, method in METHODS.items():
                for kind in ("cold", "warm"):
                    if kind == "cold":
                        forkserver.close()
                    scratch = Scratch(Path(folder) / f"{number}-{method['method']}-{kind}")
                    rows[name].setdefault(kind, []).append(_attempt(scratch, dataset, method))
    server = forkserver.take()
    resident = status_bytes("VmRSS", str(server.process.pid))
    forkserver.give_back(server)
    return {"starts": rows, "resident": resident} | provenance("cpu", SERVICE)


def _digits(folder: Path) -> Path:
    """A few digits in canonical form."""
    folder.mkdir()
    np.save(folder / "pixels.npy", digits.pixels()[:N_IMAGES].ravel())
    images = [
        {"name": f"{i}.png", "height": SIDE, "width": SIDE, "offset": i * SIDE * SIDE}
        for i in range(N_IMAGES)
    ]
    index = {"channels": 1, "images": images, "truth": None, "classes": None}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def _attempt(scratch: Scratch, dataset: Path, asked: dict[str, Any]) -> float:
    """Seconds from the order to the end, in one thread."""
    method = parse(asked).resolve(Shape(N_IMAGES, 1, SIDE, SIDE), N_CLUSTERS)
    scratch.create()
    write(
        scratch.spec,
        Spec(
            job_id=scratch.root.name,
            attempt=1,
            scratch=scratch.root,
            dataset=dataset,
            source={"id": "digits", "name": "digits", "sha256": ""},
            request={"n_clusters": N_CLUSTERS, "method": asked},
            method=method.model_dump(mode="json"),
            n_clusters=N_CLUSTERS,
            predicts=None,
            model={},
            seed=0,
            ensemble=1,
            landmarks=None,
            select=None,
            image_size=None,
            notices=[],
            checkpoints=[],
            next_checkpoint=1,
            checkpoint_seconds=3600,
            device="cpu",
            threads=1,
        ),
    )
    began = time.perf_counter()
    trainer = Trainer(scratch)
    while trainer.running():
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - began
    trainer.close()
    if read(scratch.outcome, Outcome) is None:
        raise RuntimeError("\n".join(trainer.last_words()))
    return seconds


def table(records: Sequence[Record]) -> str:
    """A line for each method."""
    if not records:
        return NOT_RUN
    (record,) = records
    header = ("job", "loaded for it, s", "forked, s", "times as fast")
    rows = [
        [
            name,
            *(f"{np.median(seconds[kind]):.2f}" for kind in ("cold", "warm")),
            f"{np.median(np.divide(seconds['cold'], seconds['warm'])):.1f}",
        ]
        for name, seconds in record["starts"].items()
    ]
    said = f"The process that waits holds {record['resident'] / 1e6:.0f} MB."
    return f"{grid(header, rows)}\n\n{said} {origin([record])}"
