import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import QUICK, Bench, wait_until
from embedded_broker import Broker
from kombu import Connection

from jobs.artifacts import describe
from jobs.errors import BrokerUnavailable, Gone
from jobs.queue import QUEUE
from jobs.states import Status
from worker.periodic import Periodic
from worker.reaper import Reaper
from worker.retention import retire
from worker.sweep import sweep

MakeBench = Callable[..., Bench]
DAY = 86_400


def reaper_of(bench: Bench) -> Reaper:
    return Reaper(bench.settings, bench.store, bench.artifacts, bench.queue, bench.supervisor)


def messages(bench: Bench) -> int:
    with Connection(bench.settings.broker) as connection:
        client = connection.default_channel.client
        return int(client.llen(QUEUE))


def later(bench: Bench, seconds: float) -> None:
    bench.store.database.clock = lambda: time.time() + seconds


def test_a_job_whose_worker_fell_silent_is_queued_and_sent_again(
    make_bench: MakeBench, broker: Broker
) -> None:
    bench = make_bench(broker_url=broker.url)
    job = bench.submit(QUICK)
    bench.store.attempts.claim(job.id, "silent")
    reaper = reaper_of(bench)
    reaper.look()
    assert bench.job(job.id).status is Status.RUNNING
    later(bench, 21)
    bench.supervisor.job_id = "another job"
    reaper.look()
    again = bench.job(job.id)
    assert (again.status, again.failures) == (Status.QUEUED, 1)
    assert again.sent_at is not None
    assert messages(bench) == 1


def test_a_message_that_is_sent_again_finds_its_job_free(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    noted = []

    def send(job_id: str, device: str | None, *, again: bool) -> None:
        noted.append((bench.job(job_id).sent_at is not None, again))

    monkeypatch.setattr(bench.queue, "send", send)
    later(bench, 6)
    reaper_of(bench).look()
    assert bench.job(job.id).status is Status.QUEUED
    assert noted == [(True, True)]


def test_an_idle_worker_sends_the_oldest_waiting_job_again_a_busy_one_none(
    make_bench: MakeBench, broker: Broker
) -> None:
    bench = make_bench(broker_url=broker.url)
    first, second = bench.submit(QUICK), bench.submit(QUICK)
    reaper = reaper_of(bench)
    reaper.look()
    assert messages(bench) == 0
    later(bench, 6)
    bench.supervisor.job_id = "another job"
    reaper.look()
    assert messages(bench) == 0
    bench.supervisor.job_id = None
    reaper.look()
    assert bench.job(first.id).sent_at is not None
    assert bench.job(second.id).sent_at is None
    assert messages(bench) == 1


def test_a_worker_that_was_killed_is_forgotten(make_bench: MakeBench, broker: Broker) -> None:
    bench = make_bench(broker_url=broker.url)
    bench.store.workers.beat("killed", "cpu", None)
    later(bench, 150)
    bench.store.workers.beat("alive", "cpu", None)
    later(bench, 201)
    reaper_of(bench).look()
    assert [worker.name for worker in bench.store.workers.alive(DAY)] == ["alive"]


def test_without_a_broker_lost_jobs_still_go_back_into_the_queue(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    bench.store.attempts.claim(job.id, "silent")
    later(bench, 21)
    with pytest.raises(BrokerUnavailable):
        reaper_of(bench).look()
    assert bench.job(job.id).status is Status.QUEUED


def test_an_outage_is_logged_once_and_survived(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench()
    caplog.set_level(logging.INFO)
    bench.take_table_away()
    thread = Periodic("reaper", 0.01, reaper_of(bench).look)
    thread.start()
    wait_until(lambda: "failing for now" in caplog.text)
    bench.bring_table_back()
    wait_until(lambda: "works again" in caplog.text)
    thread.stop()
    assert caplog.text.count("failing for now") == 1


def make_old(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time.time() - DAY, time.time() - DAY))


def file_at(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_sweeping_removes_what_no_row_names_and_nothing_else(make_bench: MakeBench) -> None:
    bench = make_bench()
    artifacts, scratch = bench.artifacts, bench.settings.scratch_dir
    job, running = bench.submit(QUICK), bench.submit(QUICK)
    for one in (job, running):
        bench.store.attempts.claim(one.id, "w")
    kept = file_at(artifacts.path(f"jobs/{job.id}/1/checkpoint-000001.safetensors"))
    record = describe(kept, f"jobs/{job.id}/1/{kept.name}", "checkpoint", "application/x")
    bench.store.attempts.save_checkpoint(job.id, 1, [record])
    bench.store.attempts.release(job.id, 1, "test")
    stays = [
        kept,
        file_at(artifacts.path(f"jobs/{running.id}/1/labels.npy")),
        file_at(scratch / running.id / "1" / "spec.json"),
        artifacts.path(f"datasets/{job.dataset_id}/pixels.npy"),
    ]
    goes = [
        file_at(artifacts.path(f"jobs/{job.id}/1/checkpoint-000000.safetensors")),
        file_at(artifacts.path("jobs/job_deleted/1/labels.npy")),
        file_at(artifacts.path("datasets/ds_deleted/pixels.npy")),
        file_at(scratch / job.id / "1" / "spec.json"),
        file_at(scratch / "upload-1" / "raw"),
    ]
    make_old(bench.settings.data_dir / "artifacts")
    make_old(scratch)
    young = [
        file_at(artifacts.path("datasets/ds_in_the_making/pixels.npy")),
        file_at(scratch / "upload-2" / "raw"),
    ]
    sweep(bench.settings, bench.store, artifacts)
    assert [path for path in stays + young if not path.exists()] == []
    assert [path for path in goes if path.exists()] == []


def test_sweeping_asks_once_a_job(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench()
    jobs = [bench.submit(QUICK) for _ in range(2)]
    for job in jobs:
        for number in range(3):
            file_at(bench.artifacts.path(f"jobs/{job.id}/1/{number}.npy"))
    make_old(bench.settings.data_dir / "artifacts")
    asked: list[str] = []
    artifacts = bench.store.jobs.artifacts
    monkeypatch.setattr(
        bench.store.jobs, "artifacts", lambda job_id: (asked.append(job_id), artifacts(job_id))[1]
    )
    sweep(bench.settings, bench.store, bench.artifacts)
    assert sorted(asked) == sorted(job.id for job in jobs)
    assert list(bench.artifacts.listed("jobs")) == []


def test_what_is_kept_long_enough_goes_with_its_files(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(retain_jobs_days=30, retain_datasets_days=60)
    caplog.set_level(logging.INFO)
    old, running = bench.submit(QUICK), bench.submit(QUICK)
    bench.store.attempts.claim(running.id, "w")
    bench.store.jobs.cancel(old.id, "local")
    file_at(bench.artifacts.path(f"jobs/{old.id}/1/labels.npy"))
    folders = [bench.artifacts.path(f"jobs/{old.id}"), bench.artifacts.path("datasets")]

    def retired_after(days: float) -> tuple[bool, ...]:
        later(bench, days * DAY)
        retire(bench.settings, bench.store, bench.artifacts)
        return tuple(not folder.exists() or not any(folder.iterdir()) for folder in folders)

    assert retired_after(29) == (False, False)
    assert retired_after(31) == (True, False)
    assert f"jobs/{old.id}: kept long enough, 1 bytes freed" in caplog.text
    with pytest.raises(Gone):
        bench.job(old.id)
    assert retired_after(61) == (True, False), "a job that runs needs it"
    assert bench.job(running.id).status is Status.RUNNING
    bench.store.jobs.cancel(running.id, "local")
    bench.store.attempts.cancelled(running.id, 1)
    assert retired_after(62) == (True, False)
    assert retired_after(93) == (True, True)


def test_what_a_waiting_job_goes_on_from_is_kept(make_bench: MakeBench) -> None:
    bench = make_bench(retain_jobs_days=30)
    origin = bench.submit(QUICK)
    bench.store.jobs.cancel(origin.id, "local")
    later(bench, 31 * DAY)
    heir = bench.submit(QUICK, resumed_from=origin.id)
    retire(bench.settings, bench.store, bench.artifacts)
    assert bench.job(origin.id).status is Status.CANCELLED
    bench.store.jobs.cancel(heir.id, "local")
    retire(bench.settings, bench.store, bench.artifacts)
    with pytest.raises(Gone):
        bench.job(origin.id)
    assert bench.job(heir.id).status is Status.CANCELLED


def test_nothing_goes_unless_it_is_asked_for(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(QUICK)
    bench.store.jobs.cancel(job.id, "local")
    later(bench, 10_000 * DAY)
    retire(bench.settings, bench.store, bench.artifacts)
    assert bench.job(job.id).status is Status.CANCELLED
    assert bench.artifacts.path(f"datasets/{job.dataset_id}").exists()
