"""Both images as an engine would build and run them: same steps, same entry points, no engine."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dockerfiles import Stage, image
from sklearn.datasets import load_digits

from s2convscn import Client, broker
from s2convscn.stack import free_port

pytestmark = pytest.mark.images
TOOLS = ("chroot", "mount", "setpriv")
BRIEF = {"method": "s2convscn", "pretrain_max_steps": 100, "epochs": 10}
START_SECONDS, STOP_SECONDS = 90, 40
STATUS = {"api": -signal.SIGTERM, "worker": 0}
"""Uvicorn stops in order and then lets the signal end it."""
USER = 10001


@pytest.fixture(autouse=True)
def _able() -> None:
    if os.name != "posix" or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)):
        pytest.skip(f"overlays want Linux, root and {', '.join(TOOLS)}")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the images have Python 3.11")


def until(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


def check_contents(api: Stage, worker: Stage) -> None:
    python = ["python", "-P", "-c"]
    assert api.succeeds([*python, "import fastapi, app"])
    assert not api.succeeds([*python, "import torch"]), "the API has no torch"
    assert worker.succeeds([*python, "import torch, worker"])
    assert not worker.succeeds([*python, "import fastapi"])
    for stage in (api, worker):
        assert stage.user == str(USER)
        assert stage.inside("/data").stat().st_uid == USER
        assert not stage.succeeds(["touch", "/opt/s2convscn/written"])


def check_work(url: str, folder: Path) -> None:
    digits = load_digits()
    pixels = np.uint8(digits.images[:300] * 15.9)
    np.savez(folder / "digits.npz", images=pixels, labels=digits.target[:300])
    with Client(url) as client:
        dataset = client.upload(folder / "digits.npz")
        for method in ({"method": "lsr"}, BRIEF):
            job = client.wait(client.submit(dataset["id"], 10, method=method)["id"])
            assert job["status"] == "succeeded", job["error"]
            labels = client.get(f"/v1/jobs/{job['id']}/labels")["labels"]
            assert len(labels) == len(pixels)
            assert (job["result"] or {})["scores"]["error"] < 0.6


def test_both_images_install_work_and_stop(tmp_path: Path) -> None:
    data, port, queue = tmp_path / "data", free_port(), free_port()
    data.mkdir()
    os.chown(data, USER, USER)
    settings = {
        "S2CONVSCN_PORT": str(port),
        "S2CONVSCN_BROKER_URL": f"redis://127.0.0.1:{queue}/0",
    }
    with (
        image("api", tmp_path / "api") as api,
        image("worker", tmp_path / "worker", TORCH="cuda") as worker,
        subprocess.Popen(
            [broker.binary(), "--port", str(queue), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        ) as server,
    ):
        stages = {"api": api, "worker": worker}
        for stage in stages.values():
            stage.close_for_writing()
        check_contents(api, worker)
        for stage in stages.values():
            stage.mount(data, "/data")
        started = {
            name: stage.start(stage.command, tmp_path / f"{name}.log", **settings)
            for name, stage in stages.items()
        }
        try:
            for name, stage in stages.items():
                until(lambda s=stage: s.succeeds(s.health, **settings), tmp_path / f"{name}.log")
            check_work(f"http://127.0.0.1:{port}", tmp_path)
            for name, process in started.items():
                process.send_signal(signal.SIGTERM)
                said = (tmp_path / f"{name}.log").read_text()
                assert process.wait(STOP_SECONDS) == STATUS[name], said
                assert "Traceback" not in said
                assert not stages[name].succeeds(stages[name].health, **settings)
        finally:
            for process in (*started.values(), server):
                process.kill()
                process.wait()


def test_another_torch_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(subprocess.CalledProcessError),
        image("worker", tmp_path / "worker", TORCH="tpu"),
    ):
        pass
