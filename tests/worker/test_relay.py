"""Checkpoints on their way into a store that is slow or away."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bench import QUICK, Bench, Puppet

from jobs.artifacts import Alive, describe, idle
from jobs.artifacts.folder import FolderStore
from jobs.errors import StoreUnavailable
from jobs.records import Job, Progress
from jobs.states import Phase, Status
from worker.attempt import Attempt, Reason
from worker.exchange import Report, write

MakeBench = Callable[..., Bench]


class Bucket(FolderStore):
    """One that may be away."""

    away = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sent: list[str] = []

    def take(self, source: Path, key: str, alive: Alive = idle) -> None:
        if self.away:
            raise StoreUnavailable("It is away.")
        self.sent.append(source.name)
        super().take(source, key, alive)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    bench = make_bench(stall_seconds=60)
    bench.artifacts = Bucket(bench.settings.artifacts_dir)
    return bench


@pytest.fixture
def job(bench: Bench) -> Job:
    return bench.submit(QUICK)


@pytest.fixture
def bucket(bench: Bench) -> Bucket:
    assert isinstance(bench.artifacts, Bucket)
    return bench.artifacts


@pytest.fixture
def attempt(bench: Bench, job: Job) -> Attempt:
    return bench.attempt()


def checkpoint(attempt: Attempt, number: int) -> str:
    """One that the trainer has finished."""
    path = attempt.scratch.checkpoints / f"checkpoint-{number:06d}.safetensors"
    path.write_bytes(b"%d" % number)
    key = f"jobs/{attempt.claim.job.id}/1/{path.name}"
    write(path.with_suffix(".json"), describe(path, key, "checkpoint", "application/x"))
    return path.name


def report(attempt: Attempt) -> None:
    progress = Progress(phase=Phase.TRAINING, fraction=0.5)
    said = Report(serial=1, progress=progress, longest_step=0.1, spent={}, device_bytes=None)
    write(attempt.scratch.report, said)


def test_after_an_outage_only_what_is_kept_is_sent_one_at_a_time(
    bench: Bench, job: Job, bucket: Bucket, attempt: Attempt
) -> None:
    bucket.away = True
    for number in range(1, 6):
        checkpoint(attempt, number)
        attempt.relay.take()
    waiting = sorted(path.stem for path in attempt.scratch.checkpoints.iterdir())
    assert waiting == ["checkpoint-000004"] * 2 + ["checkpoint-000005"] * 2

    bucket.away, attempt.relay._not_before = False, 0
    attempt.relay.take()
    assert bucket.sent == ["checkpoint-000004.safetensors"]
    attempt.relay.take()
    assert bench.checkpoints(job) == bucket.sent
    assert bucket.sent == ["checkpoint-000004.safetensors", "checkpoint-000005.safetensors"]
    assert list(attempt.scratch.checkpoints.iterdir()) == []


def test_what_a_trainer_reports_during_an_upload_is_heard(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upload() -> None:
        attempt.heard -= 61
        report(attempt)

    monkeypatch.setattr(attempt.relay, "take", upload)
    trainer = Puppet(attempt)
    attempt._watch(trainer)
    assert not trainer.killed
    assert attempt.reason is None


def test_the_last_checkpoint_is_kept_though_the_store_was_away_a_moment_ago(
    bench: Bench, job: Job, bucket: Bucket, attempt: Attempt
) -> None:
    bucket.away = True
    checkpoint(attempt, 1)
    attempt.relay.take()
    bucket.away = False
    last = checkpoint(attempt, 2)
    bench.supervisor.shutdown.set()
    attempt.reason = Reason.SHUTDOWN
    attempt._conclude(Puppet(attempt))
    assert bench.job(job.id).status is Status.QUEUED
    assert bench.checkpoints(job) == [last]
