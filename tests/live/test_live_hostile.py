"""All that is hostile, sent to a live stack: each has its problem, and none leaves a trace.

How many damaged uploads besides is ``S2CONVSCN_FUZZ_UPLOADS``, which ones ``S2CONVSCN_FUZZ_SEED``.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from ingest_damage import READERS, damaged
from ingest_hostile import BAD
from live_service import Service, running

pytestmark = pytest.mark.fuzz

UPLOADS = int(os.environ.get("S2CONVSCN_FUZZ_UPLOADS", "500"))
SEED = int(os.environ.get("S2CONVSCN_FUZZ_SEED", "1"))
LIMITS = {
    "S2CONVSCN_MAX_UPLOAD_BYTES": "1000000",
    "S2CONVSCN_MAX_DATASET_BYTES": "1000000",
    "S2CONVSCN_MAX_IMAGES": "50",
    "S2CONVSCN_MAX_IMAGE_PIXELS": "10000",
}
GROWTH = 64 * 1024
"""kB by which a process may grow over all of it."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A stack with limits that small uploads reach."""
    with running(tmp_path_factory.mktemp("hostile"), LIMITS) as service:
        yield service


def resident(pid: int) -> int:
    """kB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS")))


@contextmanager
def watched(service: Service, title: str) -> Iterator[Counter[str]]:
    """Counts outcomes; prints them, and what API and worker held before, at most and after."""
    pids = {role: service.pid(role) for role in ("api", "worker")}
    before = {role: resident(pid) for role, pid in pids.items()}
    most, over = dict(before), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for role, pid in pids.items():
                most[role] = max(most[role], resident(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    began, outcomes = time.monotonic(), Counter[str]()
    try:
        yield outcomes
    finally:
        over.set()
        thread.join()
    print(f"\n{title}: {outcomes.total()} uploads in {time.monotonic() - began:.0f} s")  # noqa: T201 - a report
    print("  " + ", ".join(f"{kind} {count}" for kind, count in outcomes.most_common()))  # noqa: T201 - as above
    for role, pid in pids.items():
        held = (before[role], most[role], resident(pid))
        print(f"  {role}: {held[0]} kB before, at most {held[1]}, {held[2]} after")  # noqa: T201 - as above
        assert most[role] - before[role] < GROWTH, role


def send(service: Service, upload: Path, options: dict[str, Any]) -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream"}
    return service.http.post(
        "/v1/datasets", content=upload.read_bytes(), params=options, headers=headers
    )


def traces(service: Service) -> list[str]:
    """Files of data sets and of uploads under way."""
    folders = (service.data_dir / "artifacts" / "datasets", service.data_dir / "scratch")
    return [str(path) for folder in folders for path in folder.rglob("*")]


def test_each_of_the_corpus_has_its_problem(guarded: Service, tmp_path: Path) -> None:
    with watched(guarded, "corpus") as outcomes:
        for number, (name, bad) in enumerate(BAD.items()):
            if bad.limits:  # it is hostile under other limits alone, and has its test there
                continue
            folder = tmp_path / str(number)
            folder.mkdir()
            answer = send(guarded, bad.make(folder), bad.options)
            problem = answer.json()
            assert problem.get("type") == f"/v1/problems/{bad.slug}", f"{name}: {answer.text}"
            assert 400 <= answer.status_code < 500
            assert bad.says in problem["detail"], name
            outcomes[bad.slug] += 1
    assert guarded.listing("/v1/datasets") == []
    assert traces(guarded) == []


def test_what_is_damaged_is_read_or_refused(guarded: Service, tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 - repeatable
    with watched(guarded, f"damaged, seed {SEED}") as outcomes:
        for number in range(UPLOADS):
            name = random.choice([*READERS])
            folder = tmp_path / str(number)
            folder.mkdir()
            upload = READERS[name].pack(folder, damaged(READERS[name].sound, random))
            answer = send(guarded, upload, {})
            assert answer.status_code < 500, f"{name}, upload {number}: {answer.text}"
            kind = answer.json().get("type", "/accepted").rpartition("/")[2]
            assert kind != "ingest-crashed", f"{name}, upload {number}: {answer.text}"
            outcomes[kind] += 1
            if answer.is_success:
                guarded.client.delete_dataset(answer.json()["id"])
    assert guarded.listing("/v1/datasets") == []
    assert traces(guarded) == []
