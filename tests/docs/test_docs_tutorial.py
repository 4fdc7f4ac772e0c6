"""Every block of the tutorial, run in its order as it stands there."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, Block, blocks
from live_images import subspaces, write_zip
from live_service import running

STEPS = blocks(DOCS / "tutorial.md")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and more photos of the same."""
    root = tmp_path_factory.mktemp("tutorial")
    images, truth = subspaces(n=120)
    for name, chosen in (("photos", slice(0, None, 2)), ("more-photos", slice(1, None, 2))):
        archive = write_zip(root / f"{name}.zip", images[chosen], truth[chosen])
        zipfile.ZipFile(archive).extractall(root / "work" / name)
    return root / "work"


@pytest.fixture(scope="module")
def environment(work: Path) -> Iterator[dict[str, str]]:
    with running(work.parent / "data", {}) as service:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        yield os.environ | {"S2CONVSCN_URL": service.stack.url, "PATH": path}


@pytest.fixture(scope="module")
def printed(work: Path, environment: dict[str, str]) -> list[str]:
    """What each block prints."""
    return [run(block, work, environment) for block in STEPS]


def run(block: Block, work: Path, environment: dict[str, str]) -> str:
    command = ["bash", "-euc"] if block.language == "sh" else [sys.executable, "-c"]
    ended = subprocess.run(
        [*command, block.text],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, f"{block.text}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_first_look_leaves_a_report_and_groups(work: Path, printed: list[str]) -> None:
    assert "in 4 clusters" in printed[0]
    assert "<img" in (work / "first-look" / "report.html").read_text()
    assert len([*(work / "first-look" / "clusters").rglob("*.png")]) == 60


def test_the_groups_are_as_many_as_were_asked_for(work: Path, printed: list[str]) -> None:
    assert json.loads((work / "groups.json").read_text())["n_clusters"] == 4
    assert len([*(work / "groups" / "clusters").iterdir()]) == 4


def test_methods_are_ranked(printed: list[str]) -> None:
    rows = [line.split() for line in printed[2].splitlines()]
    assert {row[1] for row in rows} == {"s2convscn", "lsr", "ensc", "kmeans"}
    assert rows[0][0] == "1"


def test_known_classes_give_scores(printed: list[str]) -> None:
    assert "Against the folders as classes: accuracy 100.0%" in printed[3]


def test_more_photos_go_to_the_same_groups(work: Path, printed: list[str]) -> None:
    rows = [line.split() for line in printed[4].splitlines()]
    assert len(rows) == 60
    assert {group for _, group in rows} <= set("0123")
    assert (work / "new-photos.png").read_bytes()[1:4] == b"PNG"


def test_the_library_labels_every_photo(printed: list[str]) -> None:
    *rows, last = printed[5].splitlines()
    assert len(rows) == 60
    assert len({row.split()[0] for row in rows}) == 4
    assert len(last.split()) == 2
