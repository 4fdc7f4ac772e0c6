"""The tour of docs/api.md, run as it stands there against a live stack."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from documents import DOCS, Block, blocks, table
from live_service import running

TOUR = [block for block in blocks(DOCS / "api.md") if block.language in {"sh", "json"}]
EXPECTED = re.compile(r"^ *# (\d{3}(?: or \d{3})*)\b", re.MULTILINE)
CALL = re.compile(r"^(?:curl|wait_for) .*", re.MULTILINE)
VOLATILE = re.compile(r"\b(?:ds|job|cmp)_[0-9a-f]+|\b[0-9a-f]{64}\b")
ARBITRARY = {"label"}
"""Members whose value means nothing: which number a cluster has."""
TOOLS = ("bash", "curl", "tar", "cmp")
SECONDS = 240


class Tour(NamedTuple):
    """What came of the tour; ``snapshots`` has a folder of JSON files as of each block."""

    statuses: list[list[str]]
    snapshots: Path
    data_dir: Path

    def answer(self, block: int, name: str) -> Any:
        return json.loads((self.snapshots / str(block) / name).read_text())


def script(snapshots: Path) -> str:
    lines = ["set -euo pipefail"]
    for number, block in enumerate(TOUR):
        if block.language == "sh":
            lines += [f"echo 'block {number}' >&2", block.text]
        target = snapshots / str(number)
        lines += [f"mkdir {target}", f"find . -name '*.json' -exec cp -t {target} {{}} +"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("tour")
    home, work, snapshots = (folder / name for name in ("home", "work", "snapshots"))
    for made in (home, work, snapshots):
        made.mkdir()
    (home / ".curlrc").write_text('write-out = "%{stderr}status %{http_code}\\n"\n')
    with running(folder / "data", {}) as service:
        environment = {"API": service.stack.url, "CURL_HOME": str(home)}
        errors = shell(script(snapshots), work, environment)
        yield Tour(observed(errors), snapshots, service.data_dir)


def shell(text: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a script with this interpreter as its ``python``; returns its standard error."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", text],  # noqa: S607 - whichever bash the user has
        cwd=folder,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stderr


def observed(errors: str) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in TOUR]
    number = 0
    for line in errors.splitlines():
        kind, _, value = line.partition(" ")
        if kind == "block":
            number = int(value)
        elif kind == "status":
            found[number].append(value)
    return found


def test_every_call_says_its_status() -> None:
    for block in TOUR:
        if block.language == "sh":
            assert len(CALL.findall(block.text)) == len(EXPECTED.findall(block.text)), block.text


def test_calls_are_answered_as_announced(tour: Tour) -> None:
    for block, statuses in zip(TOUR, tour.statuses, strict=True):
        expected = [found.split(" or ") for found in EXPECTED.findall(block.text)]
        assert fits(statuses, expected), f"{statuses}\n{block.text}"


def fits(statuses: list[str], expected: list[list[str]]) -> bool:
    """Whether the statuses are as expected, each of them once or, by polling, several times."""
    pattern = "".join(f"(?:(?:{'|'.join(choice)}) )+" for choice in expected)
    return re.fullmatch(pattern, "".join(f"{status} " for status in statuses)) is not None


@pytest.mark.parametrize(
    "number", [n for n, block in enumerate(TOUR) if block.language == "json"], ids=str
)
def test_answers_are_as_shown(tour: Tour, number: int) -> None:
    block: Block = TOUR[number]
    shown = json.loads(block.text)
    assert excerpt(shown, tour.answer(number, block.name)) == settled(shown)


def excerpt(shown: Any, answer: Any) -> Any:
    """The part of an answer that a document shows: some members, the first items."""
    if isinstance(shown, dict) and isinstance(answer, dict):
        return {
            key: type(answer[key]) if key in ARBITRARY else excerpt(value, answer[key])
            for key, value in shown.items()
        }
    if isinstance(shown, list) and isinstance(answer, list):
        pairs = zip(shown, answer, strict=False)
        return [excerpt(*pair) for pair in pairs] if shown else answer
    return VOLATILE.sub("ID", answer) if isinstance(answer, str) else answer


def settled(value: Any) -> Any:
    """What is shown, but for what differs from run to run or from machine to machine."""
    if isinstance(value, dict):
        return {k: type(v) if k in ARBITRARY else settled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        return VOLATILE.sub("ID", value)
    return pytest.approx(value, abs=0.1) if isinstance(value, float) else value


def test_table_lists_the_files_of_a_succeeded_job(tour: Tour) -> None:
    files = tour.answer(len(TOUR) - 1, "artifacts.json")["items"]
    shown = [(name, kind) for name, kind, _ in table(DOCS / "api.md", "name", "kind", "holds")]
    assert sorted(shown) == sorted((file["name"], file["kind"]) for file in files)


def test_backup_of_a_running_service_has_every_file_that_its_rows_name(
    tour: Tour, tmp_path: Path
) -> None:
    (backup,) = [
        block
        for block in blocks(DOCS / "operations.md")
        if "s2convscn-backup" in block.text and not block.name
    ]
    (tmp_path / "s2convscn-data").symlink_to(tour.data_dir)
    shell(f"set -eu\n{backup.text}", tmp_path, {})
    with closing(sqlite3.connect(tmp_path / "s2convscn-backup.db")) as database:
        keys = [key for (key,) in database.execute("SELECT key FROM artifacts")]
    assert keys
    copied = tmp_path / "s2convscn-backup-artifacts"
    assert all((copied / key).is_file() for key in keys)
