import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from bench import ENDLESS, QUICK, Bench, wait_until
from embedded_broker import Broker

from jobs.states import Status

MakeBench = Callable[..., Bench]
Processes = list["subprocess.Popen[bytes]"]


def environment(bench: Bench) -> dict[str, str]:
    wanted = ("data_dir", "broker_url", "threads", "device", "checkpoint_seconds")
    values = {f"S2CONVSCN_{name.upper()}": str(getattr(bench.settings, name)) for name in wanted}
    return os.environ | values | {"S2CONVSCN_REAP_SECONDS": "0.5"}


def start(bench: Bench, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "worker"], env=environment(bench), stdout=out, stderr=out
        )


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
    job = bench.submit(ENDLESS)
    bench.queue.send(job.id)
    processes.append(start(bench, tmp_path / "log"))
    wait_until(lambda: bench.job(job.id).status is Status.RUNNING)
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


def test_without_a_database_the_worker_says_so(tmp_path: Path) -> None:
    nowhere = {
        "S2CONVSCN_DATABASE_URL": "postgresql+psycopg://somebody:secret@127.0.0.1:1/nothing",
        "S2CONVSCN_DATA_DIR": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("The database cannot be used: ")
    assert "secret" not in ended.stderr


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
