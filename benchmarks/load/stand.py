"""A stack of its own under load: what is prepared, what is measured, what is told."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import numpy as np

from benchmarks.load.memory import watched
from benchmarks.load.traffic import Site, Tally, everything
from benchmarks.records import Record
from benchmarks.speed.cases import Size, synthetic
from s2convscn import Client
from s2convscn.stack import LocalStack, free_port

IMAGES = Size(1440, 20, 32, 32)
SIDE = 128
FETCHED = "affinity"
METHOD = {"method": "s2convscn", "epochs": 2000}
JOBS = 3


class Load(NamedTuple):
    """How much is asked of it."""

    rate: float
    streams: int
    seconds: float
    upload_bytes: int


def measure(load: Load) -> Record:
    """Start a stack; upload to it; then put the whole load on it while a job trains; stop it."""
    with tempfile.TemporaryDirectory(prefix="s2convscn-load-") as folder:
        data_dir, file = Path(folder).resolve() / "data", Path(folder) / "upload.npy"
        write_random(file, load.upload_bytes)
        with LocalStack(data_dir, port=free_port()) as stack, Client(stack.url) as client:
            alone = by_itself(client, data_dir, file)
            site = prepared(client, stack.port, Path(folder), file)
            tally = Tally()
            with watched(data_dir) as resident:
                asyncio.run(everything(site, tally, load.rate, load.streams, load.seconds))
            trained = client.job(site.jobs[0])
            for job in site.jobs:
                client.cancel(job)
    return told(tally) | {
        "resident_bytes": resident,
        "alone": alone,
        "job": {key: trained[key] for key in ("status", "phase", "epoch")},
    }


def by_itself(client: Client, data_dir: Path, file: Path) -> dict[str, Any]:
    """An upload to a service that does nothing else, which is deleted again."""
    with watched(data_dir) as idle:
        pass
    began = time.perf_counter()
    with watched(data_dir) as resident:
        dataset = client.upload(file)
    seconds = time.perf_counter() - began
    client.delete_dataset(dataset["id"])
    return {"seconds": seconds, "idle_bytes": idle, "resident_bytes": resident}


def prepared(client: Client, port: int, folder: Path, upload: Path) -> Site:
    """A file to fetch, and jobs of which the first is training."""
    path = folder / "images.npz"
    found = synthetic("load", IMAGES)
    np.savez(path, images=(255 * found.images[:, 0]).astype(np.uint8), labels=found.truth)
    dataset = client.upload(path)
    done = client.wait(client.submit(dataset["id"], IMAGES.n_clusters, method="lsr")["id"])
    jobs = [
        client.submit(dataset["id"], IMAGES.n_clusters, method=METHOD, seed=seed)["id"]
        for seed in range(JOBS)
    ]
    for event in client.events(jobs[0]):
        if event["data"].get("phase") == "pretraining":
            break
    return Site(port, jobs, f"/v1/jobs/{done['id']}/{FETCHED}", upload)


def write_random(path: Path, size: int) -> None:
    """Images of noise, N x 128 x 128 bytes."""
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (max(size // SIDE**2, 2), SIDE, SIDE))
    for image in images:
        image[:] = np.frombuffer(os.urandom(SIDE**2), np.uint8).reshape(SIDE, SIDE)
    images.flush()


def told(tally: Tally) -> dict[str, Any]:
    return {
        "requests": {kind: spread(seconds) for kind, seconds in sorted(tally.seconds.items())},
        "most_streams": tally.most_streams,
        "events": tally.events,
        "bytes": dict(tally.bytes),
        "failures": dict(tally.failures),
    }


def spread(seconds: list[float]) -> dict[str, float]:
    """Count and order statistics of the seconds of requests."""
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {
        "count": len(seconds),
        "median": median(seconds),
        "p90": cuts[89],
        "p99": cuts[98],
        "longest": max(seconds),
    }
