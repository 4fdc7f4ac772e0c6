"""A worker's figures: what its attempts leave in them, and where they are shown."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
from bench import QUICK, Bench
from embedded_broker import Broker
from prometheus_client import CollectorRegistry
from test_attempts import OVERFLOWING

from jobs.settings import Settings
from worker.metrics import Figures

MakeBench = Callable[..., Bench]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"s2convscn_{name}", labels) or 0.0


def test_attempts_phases_and_epochs_are_counted(make_bench: MakeBench) -> None:
    bench = make_bench()
    done, failed = bench.submit(QUICK), bench.submit(QUICK | OVERFLOWING)
    for job in (done, failed):
        bench.supervisor.run(job.id)
    registry = bench.supervisor.figures.registry
    method = {"method": "s2convscn"}
    ended = value(registry, "attempts_total", **method, ending="succeeded", problem="")
    assert ended == 1
    lost = value(registry, "attempts_total", **method, ending="failed", problem="diverged")
    assert lost == 1
    assert value(registry, "epochs_total", **method, phase="training") == QUICK["epochs"]
    assert value(registry, "phase_seconds_count", **method, phase="publishing") == 1
    assert value(registry, "phase_seconds_sum", **method, phase="pretraining") > 0
    assert value(registry, "queue_wait_seconds_count") == 2
    assert value(registry, "trainer_resident_bytes") == 0, "no trainer runs"


def test_lost_attempts_are_told_from_none_on(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.submit(QUICK)
    bench.attempt()
    registry = bench.supervisor.figures.registry
    for problem in ("lease-lost", "trainer-crashed"):
        lost = {"method": "s2convscn", "ending": "lost", "problem": problem}
        assert registry.get_sample_value("s2convscn_attempts_total", lost) == 0


def test_figures_are_shown_where_the_settings_say() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    figures = Figures()
    assert figures.serve(Settings(metrics_port=None))() is None
    stop = figures.serve(Settings(metrics_port=port))
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert "s2convscn_queue_wait_seconds_count 0.0" in text
    finally:
        stop()
    with socket.create_server(("127.0.0.1", port)):
        """The port is free again."""


def test_a_worker_whose_port_is_taken_refuses_to_start(tmp_path: Path, broker: Broker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = os.environ | {
            "S2CONVSCN_DATA_DIR": str(tmp_path),
            "S2CONVSCN_METRICS_PORT": str(port),
        }
        ended = subprocess.run(
            [sys.executable, "-m", "worker"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2
    assert f"Figures cannot be shown at 127.0.0.1:{port}: Address already in use." in ended.stderr


def test_trainers_log_as_their_worker_does(make_bench: MakeBench) -> None:
    bench = make_bench(log_format="json")
    job = bench.submit(QUICK | {"epochs": 100_000, "round_epochs": 1000})
    thread = bench.begin(job.id)
    bench.wait_for_checkpoint(job)
    log = (bench.scratch(job) / "trainer.log").read_text()
    bench.store.jobs.cancel(job.id, "local")
    thread.join()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["process"] for line in lines} == {"trainer"}
    assert {line["job_id"] for line in lines} == {job.id}
