import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import redis
from bench import ENDLESS, QUICK, Bench, wait_until
from embedded_broker import Broker
from sqlalchemy import text

from jobs.records import Job
from jobs.states import Status

MakeBench = Callable[..., Bench]
Processes = list["subprocess.Popen[bytes]"]


def environment(bench: Bench) -> dict[str, str]:
    wanted = ("data_dir", "broker_url", "threads", "device", "checkpoint_seconds")
    values = {f"S2CONVSCN_{name.upper()}": str(getattr(bench.settings, name)) for name in wanted}
    return os.environ | values | {"S2CONVSCN_REAP_SECONDS": "0.5"}


def start(
    bench: Bench, log: Path, settings: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    changed = environment(bench) | dict(settings or {})
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "worker"], env=changed, stdout=out, stderr=out
        )


def under_way(bench: Bench, processes: Processes, log: Path) -> Job:
    """A job that never ends, sent to a worker that has begun it."""
    job = bench.submit(ENDLESS)
    bench.queue.send(job.id)
    processes.append(start(bench, log))
    wait_until(lambda: bench.job(job.id).status is Status.RUNNING)
    return job


def test_a_worker_stopped_in_mid_training_puts_its_job_back(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url, checkpoint_seconds=3600)
    job = bench.submit(ENDLESS)
    processes.append(start(bench, tmp_path / "log"))
    wait_until(lambda: trains(bench, job.id))  # no message was sent: the reaper saw to it
    assert len(bench.store.workers.alive(60)) == 1
    broker.stop()
    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(timeout=60) == 0
    back = bench.job(job.id)
    assert (back.status, back.failures) == (Status.QUEUED, 0)
    assert bench.checkpoints(job) == ["checkpoint-000001.safetensors"]
    assert bench.store.workers.alive(60) == []
    log = (tmp_path / "log").read_text()
    assert "released" in log
    assert "Traceback" not in log
    assert "Warning" not in log


def test_a_trainer_dies_with_its_worker(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url)
    job = under_way(bench, processes, tmp_path / "log")
    progress = bench.scratch(job) / "progress.json"
    wait_until(progress.exists)
    pid = bench.trainer_pid(job)
    processes[0].kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_wrong_setting_ends_the_worker_with_a_sentence() -> None:
    wrong = os.environ | {"S2CONVSCN_LEASE_SECONDS": "soon"}
    ended = subprocess.run(
        [sys.executable, "-m", "worker"], env=wrong, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("S2CONVSCN_LEASE_SECONDS='soon': ")


def test_a_worker_that_waits_for_its_broker_can_be_stopped(
    make_bench: MakeBench, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench()
    processes.append(start(bench, tmp_path / "log"))
    wait_until(lambda: "Cannot connect" in (tmp_path / "log").read_text())
    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(timeout=90) == 0
    assert bench.store.workers.alive(60) == []


def test_a_worker_outlives_a_full_broker(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url)
    job = bench.submit(QUICK)
    with redis.Redis(unix_socket_path=str(broker.socket)) as client:
        client.config_set("maxmemory", "1")
        processes.append(start(bench, tmp_path / "log"))
        wait_until(lambda: "maxmemory" in (tmp_path / "log").read_text())
        client.config_set("maxmemory", "0")
    wait_until(lambda: bench.job(job.id).status is not Status.QUEUED)
    assert processes[0].poll() is None


@pytest.mark.parametrize("missing", ["torch", "fastapi"])
def test_the_supervisor_loads_neither_torch_nor_fastapi(missing: str) -> None:
    code = f"import sys, worker.main; sys.exit({missing!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def trains(bench: Bench, job_id: str) -> bool:
    progress = bench.job(job_id).progress
    return progress is not None and progress.phase == "training"


def test_a_job_goes_to_the_worker_that_can_hold_it(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url)
    small = {"S2CONVSCN_WORKER_MEMORY_BYTES": "1000"}
    processes.append(start(bench, tmp_path / "small", small))
    wait_until(lambda: len(bench.store.workers.alive(60)) == 1)
    jobs = [bench.submit(QUICK, needs_bytes=2000) for _ in range(2)]
    for job in jobs:
        bench.queue.send(job.id)
    time.sleep(2)
    assert {bench.job(job.id).status for job in jobs} == {Status.QUEUED}
    processes.append(start(bench, tmp_path / "large"))
    wait_until(lambda: all(bench.job(job.id).status.terminal for job in jobs))
    assert {bench.job(job.id).status for job in jobs} == {Status.SUCCEEDED}
    little = {
        worker.name for worker in bench.store.workers.alive(60) if worker.memory_bytes == 1000
    }
    assert len(little) == 1
    assert little.isdisjoint(str(bench.job(job.id).worker) for job in jobs)


def test_queues_of_devices_reach_their_workers_alone(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url)
    processes.append(start(bench, tmp_path / "log"))
    gpu, cpu = (bench.submit(QUICK, device=device) for device in ("gpu", "cpu"))
    for job in (gpu, cpu):
        bench.queue.send(job.id, job.device)
    wait_until(lambda: bench.job(cpu.id).status is Status.SUCCEEDED)
    time.sleep(1)
    assert bench.job(gpu.id).status is Status.QUEUED


def test_a_worker_ends_when_a_later_version_takes_the_database(
    make_bench: MakeBench, broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    bench = make_bench(broker_url=broker.url)
    job = under_way(bench, processes, tmp_path / "log")
    with bench.store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert processes[0].wait(timeout=60) == 0
    assert bench.job(job.id).status is Status.QUEUED
    assert "revision 9999" in (tmp_path / "log").read_text()
