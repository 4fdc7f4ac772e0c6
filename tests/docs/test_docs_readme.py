"""What the README promises of command and client, run as it stands there."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from documents import ROOT, Block, blocks
from live_images import subspaces, write_zip
from live_service import running
from safetensors.numpy import load_file


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with photos in it."""
    archive = write_zip(tmp_path / "photos.zip", *subspaces())
    work = tmp_path / "work"
    for name in ("photos", "more-photos"):
        zipfile.ZipFile(archive).extractall(work / name)
    return work


def block(language: str, word: str) -> Block:
    (found,) = [b for b in blocks(ROOT / "README.md") if b.language == language and word in b.text]
    return found


def test_the_command_sorts_a_folder(work: Path) -> None:
    activate = f". {Path(sys.executable).parent / 'activate'}"
    script = block("sh", "s2convscn cluster").text.replace(". .venv/bin/activate", activate)
    environment = {**os.environ, "S2CONVSCN_URL": "", "S2CONVSCN_THREADS": "1"}
    subprocess.run(["bash", "-euc", script], cwd=work, check=True, env=environment)  # noqa: S607 - whichever bash the user has
    lines = (work / "groups" / "labels.csv").read_text().splitlines()
    assert lines[0] == "name,label,confidence"
    assert len(lines) == 97
    assert len([*(work / "groups" / "clusters").rglob("*.png")]) == 96
    assert len([*(work / "groups" / "clusters").iterdir()]) == 20


def test_the_client_does_what_it_says(work: Path) -> None:
    code = block("python", "import Client").text
    code += "\nimport numpy as np"
    code += "\nnp.savez('found.npz', labels=labels, affinity=affinity, new=new.labels)"
    with running(work.parent / "data", {}) as service:
        environment = os.environ | {"S2CONVSCN_URL": service.stack.url}
        subprocess.run([sys.executable, "-c", code], cwd=work, check=True, env=environment)
    found = np.load(work / "found.npz")
    assert set(found["labels"]) == set(range(20))
    assert found["affinity"].shape == (96, 96)
    assert found["new"].shape == (96,)
    assert load_file(work / "model.safetensors")


def test_the_library_does_what_it_says(tmp_path: Path) -> None:
    code = block("python", "from models import").text
    code += "\nassert set(found.labels_) == set(range(10))"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "(500, 500)" in ended.stdout


def test_curl_does_what_it_says(work: Path) -> None:
    shutil.copy(work.parent / "photos.zip", work)
    code = block("sh", "text/event-stream").text
    with running(work.parent / "data", {}) as service:
        environment = os.environ | {"S2CONVSCN_URL": service.stack.url}
        ended = subprocess.run(
            ["bash", "-euc", code],  # noqa: S607 - whichever bash the user has
            cwd=work,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    assert "event: succeeded" in ended.stdout
    lines = (work / "labels.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("name,label,confidence", 97)
