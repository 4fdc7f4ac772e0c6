"""A GPU that goes away, and one with too little memory, as its worker sees them."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import QUICK, Bench, Puppet, wait_until

from jobs.records import Device, Job
from jobs.states import Status
from worker import hardware
from worker.exchange import Failure, Spec, write
from worker.hardware import Hardware
from worker.presence import Presence
from worker.process import Trainer
from worker.supervisor import Supervisor

MakeBench = Callable[..., Bench]
GIB = 1024**3
CARD = Hardware(Device.GPU, "Card 9000", 2 * GIB)
SAID = "OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB."


def last_reason(bench: Bench, job: Job) -> str:
    events = bench.store.events.of(job.id)
    return str([event.data["why"] for event in events if "why" in event.data][-1])


def without_memory(bench: Bench, has: Hardware) -> Spec:
    """An attempt at the job whose turn it is; its trainer says that it had too little memory."""
    attempt = bench.attempt(has)
    spec = attempt._specify()
    trainer = Trainer(attempt.scratch)  # it ends by itself: nothing was written to tell it what
    wait_until(lambda: not trainer.running())
    write(attempt.scratch.failure, Failure(kind="out-of-memory", detail=SAID))
    attempt._conclude(trainer)
    trainer.close()
    return spec


def test_a_gpu_that_went_away_costs_no_attempt_and_ends_its_worker(make_bench: MakeBench) -> None:
    if not CARD.is_gone():
        pytest.skip("this machine has a GPU")
    bench = make_bench()
    worker = Supervisor(
        bench.settings, bench.store, bench.artifacts, bench.queue, "worker-gpu", hardware=CARD
    )
    job = bench.submit(QUICK)
    worker.serve(job.id)
    back = bench.job(job.id)
    assert (back.status, back.attempt, back.failures) == (Status.QUEUED, 1, 0)
    assert last_reason(bench, job) == "its worker's Card 9000 does not answer any more"
    assert worker.run(job.id) is False, "it takes no other"

    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        Presence(bench.store, worker).beat()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    bench.supervisor.run(job.id)
    assert bench.job(job.id).status is Status.SUCCEEDED, "another worker does it"


def test_while_a_gpu_keeps_its_answer_to_itself_the_lease_is_renewed(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = tmp_path / "python"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o755)
    bench = make_bench()
    job = bench.submit(QUICK)
    attempt = bench.attempt(CARD)
    write(attempt.scratch.failure, Failure(kind="trainer-crashed", detail="CUDA error"))
    beats = []
    beat = attempt.lease.beat
    monkeypatch.setattr(attempt.lease, "beat", lambda said: (beats.append(said), beat(said)))
    monkeypatch.setattr(hardware, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(sys, "executable", str(hangs))
    attempt._conclude(Puppet(attempt))
    assert len(beats) > 1
    assert (bench.job(job.id).status, bench.job(job.id).failures) == (Status.QUEUED, 0)
    assert attempt.device_gone


def test_a_job_too_large_for_a_gpu_is_tried_once_more_with_less(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK, needs_bytes=GIB)
    assert without_memory(bench, CARD).thrifty is False
    back = bench.job(job.id)
    assert (back.status, back.failures, back.thrifty) == (Status.QUEUED, 0, True)
    assert last_reason(bench, job).startswith("the Card 9000 had too little memory: once more")
    assert without_memory(bench, CARD).thrifty is True
    failed = bench.job(job.id)
    assert (failed.status, failed.attempt) == (Status.FAILED, 2)
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/out-of-memory"
    assert failed.error["detail"] == (
        f"{SAID} 1,024 MiB were estimated, Card 9000 has 2,048 MiB: give landmarks, a smaller "
        "image_size or fewer images, or run it on a worker with more memory."
    )
    assert failed.error["estimate_bytes"] == GIB
    assert failed.error["memory_bytes"] == 2 * GIB


def test_on_a_cpu_there_is_no_way_with_less(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    without_memory(bench, bench.supervisor.hardware)
    failed = bench.job(job.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert "No estimate was made, cpu has" in failed.error["detail"]


def test_a_trainer_is_told_the_device_of_its_worker(make_bench: MakeBench) -> None:
    bench = make_bench(device="auto")
    bench.submit(QUICK)
    bench.submit(QUICK)
    assert without_memory(bench, CARD).device == "cuda"
    assert without_memory(bench, bench.supervisor.hardware).device == "cpu"


def test_one_message_is_enough_for_all_that_wait(make_bench: MakeBench) -> None:
    bench = make_bench()
    jobs = [bench.submit(QUICK) for _ in range(2)]
    bench.supervisor.serve(jobs[1].id)
    assert [bench.job(job.id).status for job in jobs] == [Status.SUCCEEDED] * 2
