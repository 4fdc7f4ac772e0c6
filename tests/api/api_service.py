"""A live API for tests: uvicorn in a thread on a free port, real store, files and broker."""

import io
import json
import socket
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import uvicorn

from app import examples
from app.__main__ import Server
from app.context import OWNER, Context
from app.ingest.canonical import png_bytes
from app.main import create_app
from jobs.artifacts import describe
from jobs.records import Artifact, Dataset
from jobs.settings import Settings
from s2convscn import broker

PATIENCE = 30.0
MODEL = {
    "image_shape": [1, 8, 8],
    "n_clusters": 2,
    "hyperparameters": {"encoder": [[3, 8]]},
}
"""What is read of a model's description."""


class Service(NamedTuple):
    http: httpx.Client
    context: Context
    port: int

    @property
    def files(self) -> list[str]:
        """Every file of data sets, jobs and half-made uploads."""
        roots = (self.context.artifacts.root, self.context.settings.scratch_dir)
        return sorted(str(p) for root in roots for p in root.rglob("*") if p.is_file())

    @property
    def rows(self) -> tuple[list[str], list[str], list[str]]:
        store = self.context.store
        return (
            [d.id for d in store.datasets.page(OWNER, 1000)],
            [j.id for j in store.jobs.page(OWNER, 1000)],
            [c.id for c in store.comparisons.page(OWNER, 1000)],
        )

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Neither rows nor files are other than before."""
        before = self.rows, self.files
        yield
        wait_until(lambda: (self.rows, self.files) == before)

    def problem(self, answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
        """The problem in a response, which is well formed and of a kind that is explained."""
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["type"] == f"/v1/problems/{slug}"
        assert problem["status"] == status
        assert problem["instance"] == answer.request.url.path
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert problem["detail"]
        assert self.http.get(problem["type"]).json()["status"] == status
        return problem


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    app = create_app(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio's own have it
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, log_level="error", ws="none", lifespan="on")
    server = Server(config, app.state.context.streams, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield Service(client, app.state.context, port)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def broker_running(data_dir: Path) -> Iterator[None]:
    process = subprocess.Popen(broker.command(data_dir), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: broker.answers(broker.socket_path(data_dir)))
        yield
    finally:
        process.terminate()
        process.wait()


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def png_zip(n: int = 4, side: int = 8, seed: int = 0, **extra: bytes) -> bytes:
    """A zip of n random gray PNGs in class folders a and b, and other members by name."""
    generator, file = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(n):
            image = generator.integers(0, 256, (side, side, 1), np.uint8)
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", png_bytes(image))
        for name, data in extra.items():
            archive.writestr(name, data)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def add_dataset(context: Context, names: list[str], *, mixed: bool = False) -> Dataset:
    """A data set in canonical form as ingest leaves it, put there without an upload."""
    dataset_id = f"ds_{time.monotonic_ns():x}"
    sides = [8 + (i % 2 if mixed else 0) for i in range(len(names))]
    offsets = np.cumsum([0] + [side * side for side in sides])
    pixels = np.arange(offsets[-1]).astype(np.uint8)
    images = [
        {"name": name, "height": side, "width": side, "offset": int(offset)}
        for name, side, offset in zip(names, sides, offsets, strict=False)
    ]
    index = {"version": 1, "channels": 1, "dtype": "uint8", "images": images}
    index |= {"truth": [i % 2 for i in range(len(names))], "classes": ["a", "b"]}
    folder = context.artifacts.path(f"datasets/{dataset_id}")
    folder.mkdir(parents=True)
    np.save(folder / "pixels.npy", pixels)
    (folder / "index.json").write_text(json.dumps(index))
    dataset, _ = context.store.datasets.add(
        id=dataset_id,
        owner=OWNER,
        name="made",
        sha256=dataset_id,
        options={},
        n_images=len(names),
        height=None if mixed else 8,
        width=None if mixed else 8,
        channels=1,
        dtype="uint8",
        classes=["a", "b"],
        bytes=int(offsets[-1]),
        notices=[{"code": "duplicates", "detail": "2 images are equal."}],
    )
    return dataset


def put_file(context: Context, job_id: str, name: str, kind: str, data: bytes) -> Artifact:
    """A file of a job's first attempt in the artifact store, and its record."""
    path = context.settings.scratch_dir / name
    path.write_bytes(data)
    key = f"jobs/{job_id}/1/{name}"
    record = describe(path, key, kind, "application/octet-stream")
    context.artifacts.take(path, key)
    return record


def finish(context: Context, job_id: str, notices: list[dict[str, str]] | None = None) -> None:
    """Claim a queued job of four images as a worker does, publish results, succeed."""
    claim = context.store.attempts.claim(job_id, "worker@test")
    assert claim is not None
    names = ["a/0.png", "b/1.png", "a/2.png", "=b/3.png"]
    files = {
        "names.json": ("labels", json.dumps(names).encode()),
        "labels.npy": ("labels", npy(np.array([0, 1, 0, 1]))),
        "labels-spectral.npy": ("labels", npy(np.array([0, 1, 0, 1]))),
        "labels-head.npy": ("labels", npy(np.array([1, 1, 0, 0]))),
        "confidence.npy": ("labels", npy(np.array([0.5, 1, 0.25, 1], np.float32))),
        "affinity-processed.npz": ("affinity", bytes(range(256)) * 2000),
        "affinity-plain-topk.npz": ("affinity", b"plain sparse"),
        "model.safetensors": ("checkpoint", b"weights"),
        "model.json": ("checkpoint", json.dumps(MODEL).encode()),
        "spectrum.json": ("report", json.dumps(examples.SPECTRUM).encode()),
        "report.json": ("report", b"{}"),
    }
    records = [put_file(context, job_id, name, *what) for name, what in files.items()]
    result = {"n_images": 4, "labelings": ["spectral", "head"], "final_labels": "spectral"}
    assert context.store.attempts.succeed(job_id, claim.attempt, result, notices or [], records)


def comparing(service: Service, dataset: Dataset, **fields: Any) -> dict[str, Any]:
    """A comparison as it was accepted."""
    body = {"dataset_id": dataset.id, "n_clusters": 2} | fields
    answer = service.http.post("/v1/comparisons", json=body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def settle(context: Context, job_id: str, labels: list[int], **result: Any) -> None:
    """Claim a queued job, publish labels and a result that ``result`` changes, succeed."""
    claim = context.store.attempts.claim(job_id, "worker@test")
    assert claim is not None
    record = put_file(context, job_id, "labels.npy", "labels", npy(np.array(labels)))
    figures = {
        "final_labels": "spectral",
        "cluster_sizes": np.bincount(labels, minlength=2).tolist(),
        "diagnostics": {"relative_eigengap": 0.5},
        "scores": None,
        "seconds": 1.0,
    }
    attempt, outcome = claim.attempt, figures | result
    assert context.store.attempts.succeed(job_id, attempt, outcome, [], [record])
