"""A worker's surroundings for tests: data in canonical form, a store, jobs that take seconds."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.artifacts.folder import FolderStore
from jobs.queue import Queue, celery_app
from jobs.records import Device, Job
from jobs.settings import Settings
from jobs.states import Status
from jobs.store import Store
from models.base import Shape
from models.catalogue import parse
from worker.attempt import Attempt
from worker.hardware import Hardware
from worker.process import Trainer
from worker.supervisor import Supervisor

SIDE = 8
QUICK = {"pretrain_max_steps": 40, "pretrain_window": 20, "epochs": 40, "round_epochs": 10}
LONG = QUICK | {"epochs": 150, "round_epochs": 50}
ENDLESS = QUICK | {"epochs": 100_000, "round_epochs": 1000}


def patterns(n: int = 24, clusters: int = 2, seed: int = 0) -> tuple[NDArray[np.uint8], list[int]]:
    """Noisy images (n, 8, 8, 1) on a line of their own for each cluster, and the truth."""
    rng = np.random.default_rng(seed)
    bases = rng.random((clusters, SIDE, SIDE, 1))
    truth = [i % clusters for i in range(n)]
    strengths = rng.uniform(0.4, 0.9, n)[:, None, None, None]
    images = bases[truth] * strengths + rng.normal(0, 0.01, (n, SIDE, SIDE, 1))
    return (np.clip(images, 0, 1) * 255).astype(np.uint8), truth


def write_dataset(
    folder: Path, images: list[NDArray[Any]] | NDArray[Any], truth: list[int] | None
) -> None:
    """The canonical form of a data set."""
    folder.mkdir(parents=True)
    entries, offset = [], 0
    for i, image in enumerate(images):
        height, width, _ = image.shape
        entry = {"name": f"{i}.png", "height": height, "width": width, "offset": offset}
        entries.append(entry)
        offset += image.size
    np.save(folder / "pixels.npy", np.concatenate([image.ravel() for image in images]))
    index = {
        "version": 1,
        "channels": images[0].shape[2],
        "dtype": str(images[0].dtype),
        "images": entries,
        "truth": truth,
        "classes": None if truth is None else [str(c) for c in sorted(set(truth))],
    }
    (folder / "index.json").write_text(json.dumps(index))


class Bench:
    """One data folder with everything that a worker needs, and verbs for tests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.artifacts = FolderStore(settings.artifacts_dir)
        self.queue = Queue(celery_app(settings))
        self.supervisor = self.new_supervisor("worker-1")

    def new_supervisor(self, name: str, memory_bytes: int = 1 << 40) -> Supervisor:
        has = Hardware(Device.CPU, "cpu", memory_bytes)
        return Supervisor(self.settings, self.store, self.artifacts, self.queue, name, hardware=has)

    def add_dataset(self) -> str:
        images, truth = patterns()
        row, _ = self.store.datasets.add(
            owner="local",
            name="patterns.zip",
            sha256="0" * 64,
            options={},
            n_images=len(images),
            height=SIDE,
            width=SIDE,
            channels=1,
            dtype="uint8",
            classes=["0", "1"],
            bytes=images.nbytes,
            notices=[],
        )
        folder = self.artifacts.path(f"datasets/{row.id}")
        if not folder.exists():
            write_dataset(folder, images, truth)
        return row.id

    def submit(self, hyperparameters: dict[str, Any], **more: Any) -> Job:
        method = parse({"method": "s2convscn", **hyperparameters}).resolve(
            Shape(24, 1, SIDE, SIDE), 2
        )
        asked = {"n_clusters": 2, "method": hyperparameters, "seed": 3, "image_size": None}
        wish = {"request": asked, "method": method.model_dump(mode="json"), **more}
        return self.store.jobs.submit(owner="local", dataset_id=self.add_dataset(), **wish)

    def job(self, job_id: str) -> Job:
        return self.store.jobs.get(job_id, "local")

    def begin(self, job_id: str) -> threading.Thread:
        """Run a job as Celery's thread does."""
        thread = threading.Thread(target=self.supervisor.run, args=[job_id])
        thread.start()
        return thread

    def attempt(self, hardware: Hardware | None = None) -> Attempt:
        """At the job whose turn it is, with its folder; nothing has been started."""
        has = hardware or self.supervisor.hardware
        claim = self.store.attempts.claim_next("worker-1", has.capacity)
        assert claim is not None
        made = Attempt(
            claim,
            self.settings,
            self.store,
            self.artifacts,
            self.supervisor.shutdown,
            course=self.supervisor.figures.claimed(claim),
            hardware=has,
        )
        made.scratch.create()
        return made

    def scratch(self, job: Job, attempt: int = 1) -> Path:
        return self.settings.scratch_dir / job.id / str(attempt)

    def trainer_pid(self, job: Job, attempt: int = 1) -> int:
        """The process that runs an attempt, found by the log that it writes."""
        log = self.scratch(job, attempt) / "trainer.log"
        for entry in Path("/proc").glob("[0-9]*/fd/1"):
            with suppress(OSError):
                if entry.readlink() == log:
                    return int(entry.parts[2])
        raise LookupError(log)

    def array(self, job: Job, name: str) -> NDArray[Any]:
        found = {file.name: file for file in self.store.jobs.artifacts(job.id)}
        return np.load(self.artifacts.path(found[name].key))

    def checkpoints(self, job: Job) -> list[str]:
        return [file.name for file in self.store.jobs.artifacts(job.id, kind="checkpoint")]

    def wait_for_checkpoint(self, job: Job) -> None:
        """Until training is under way and a checkpoint has been relayed."""

        def reached() -> bool:
            progress = self.job(job.id).progress
            training = progress is not None and progress.phase == "training"
            return training and bool(self.checkpoints(job))

        wait_until(reached)

    def take_table_away(self) -> None:
        """From now on every statement on jobs fails, as if the database were down."""
        with self.store.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE jobs RENAME TO jobs_away")

    def bring_table_back(self) -> None:
        with self.store.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE jobs_away RENAME TO jobs")

    def close(self) -> None:
        self.queue.celery.close()
        self.store.close()


class Puppet(Trainer):
    """A trainer without a process, which runs for one tick."""

    def __init__(self, attempt: Attempt) -> None:
        self.scratch = attempt.scratch
        self.scratch.log.touch()
        self.pid = self._status = None
        self.left = 1
        self.killed = False

    def running(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def kill(self) -> None:
        self.killed = True


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ended(bench: Bench, job: Job) -> Callable[[], bool]:
    return lambda: Status(bench.job(job.id).status).terminal
