import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import save_file

from s2convscn import demo, digits, show
from s2convscn.answers import Job

NAMES = [f"{i % 10}/{i:02d}.png" for i in range(20)]
RUNNING: Job = {
    "id": "job_1",
    "dataset_id": "ds_1",
    "status": "running",
    "terminal": False,
    "message": "Training: epoch 3 of 9.",
    "phase": "training",
    "progress": 0.5,
    "epoch": 3,
    "epochs": 9,
    "losses": {"loss": 1.23456, "L0": 1e-6},
    "estimated_finish": "2020-01-01T00:00:00Z",
    "error": None,
    "notices": [],
    "result": None,
    "method": {"method": "s2convscn"},
}


def write_results(out: Path) -> None:
    labels = np.arange(20) % 10
    rows = [{"name": n, "label": int(k)} for n, k in zip(NAMES, labels, strict=True)]
    (out / "labels.json").write_text(json.dumps({"labels": rows}))
    (out / "labels.csv").write_text("name,label\n" + "".join(f"{n},0\n" for n in NAMES))
    np.save(out / "labels.npy", labels)
    np.savez(out / demo.AFFINITY, affinity=np.eye(20, dtype=np.float32))
    save_file({"w": np.ones(3, np.float32)}, out / demo.WEIGHTS)


def _asymmetric(out: Path) -> None:
    np.savez(out / demo.AFFINITY, affinity=np.triu(np.ones((20, 20), np.float32)))


def _not_finite(out: Path) -> None:
    save_file({"w": np.full(3, np.nan, np.float32)}, out / demo.WEIGHTS)


def _too_many_clusters(out: Path) -> None:
    np.save(out / "labels.npy", np.arange(20))


def _line_missing(out: Path) -> None:
    (out / "labels.csv").write_text("name,label\n")


def test_results_as_they_should_be_pass(tmp_path: Path) -> None:
    write_results(tmp_path)
    demo.verify(tmp_path, NAMES)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_asymmetric, "the affinity is finite and symmetric"),
        (_not_finite, "the checkpoint holds finite weights"),
        (_too_many_clusters, "labels are 0 to 9"),
        (_line_missing, "labels.csv has a line per image"),
    ],
)
def test_wrong_results_are_named(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    write_results(tmp_path)
    spoil(tmp_path)
    with pytest.raises(demo.DemoError, match=reason):
        demo.verify(tmp_path, NAMES)


def test_labels_under_other_names_are_noticed(tmp_path: Path) -> None:
    write_results(tmp_path)
    with pytest.raises(demo.DemoError, match="under its own name"):
        demo.verify(tmp_path, [*NAMES[1:], "9/99.png"])


def test_demo_that_fails_says_why_and_stops_the_service(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("s2convscn")), "demo", "--out", str(tmp_path)]
    environment = {**os.environ, "S2CONVSCN_MAX_JOB_BYTES": "1000"}
    for name in ("S2CONVSCN_BROKER_URL", "S2CONVSCN_DATABASE_URL"):
        environment.pop(name, None)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Uploaded 1,797 images of 8x8 in 10 class folders." in ended.stdout
    assert "error: " in ended.stderr
    assert "S2CONVSCN_MAX_JOB_BYTES" in ended.stderr.rpartition("error: ")[2]
    assert "last words of worker" in ended.stderr
    kept = next(tmp_path.glob("service-*"))
    assert f"kept in {kept}" in ended.stdout.replace("\n", "")
    assert not (kept / "broker" / "valkey.sock").exists()


@pytest.mark.parametrize("terminal", [True, False])
def test_job_is_drawn_with_phase_epoch_and_losses(terminal: bool) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100)
    with show.JobView(console) as view:
        view(RUNNING)
    for word in ("training", "50", "epoch 3 of 9", "loss 1.235", "L0 1e-06", "about 0:00:00 left"):
        assert word in text.getvalue()


def test_queued_job_says_so_in_the_services_words() -> None:
    text = io.StringIO()
    queued: Job = {**RUNNING, "status": "queued", "epoch": None, "message": "Queued."}
    with show.JobView(Console(file=text)) as view:
        view(queued)
        view(queued)
    assert text.getvalue().count("Queued.") == 1


def test_table_has_a_line_per_clustering() -> None:
    text = io.StringIO()
    poor = {"accuracy": 0.5, "error": 0.5, "nmi": 0.25, "ari": 0.125}
    rows = [("ours", digits.scores(digits.truth())), ("k-means", poor)]
    Console(file=text, width=100).print(show.score_table(rows))
    lines = text.getvalue().splitlines()
    assert any("ours" in line and line.count("100.0%") == 3 for line in lines)
    assert any("k-means" in line and "12.5%" in line for line in lines)
