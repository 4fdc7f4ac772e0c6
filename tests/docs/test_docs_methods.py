"""The calls that docs/methods.md shows, sent as they stand there, with ids for those left open."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from documents import DOCS, Block, blocks
from live_images import subspaces, write_zip
from live_service import Service, running

HERE = "http://127.0.0.1:8000"
CALLS = [b for b in blocks(DOCS / "methods.md") if b.language == "sh" and HERE in b.text]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("methods"), {}) as found:
        yield found


def comparison(service: Service, dataset_id: str) -> str:
    """One that is over; the first that was made serves all."""
    made = service.listing("/v1/comparisons")
    if made:
        return str(made[-1]["id"])
    found = service.client.compare(dataset_id, 4, ["lsr", "kmeans"])
    return service.client.wait_for_comparison(found["id"])["id"]


@pytest.mark.parametrize("block", CALLS, ids=[str(n) for n in range(len(CALLS))])
def test_calls_are_answered(service: Service, block: Block, tmp_path: Path) -> None:
    images, truth = subspaces()
    archive = write_zip(tmp_path / "photos.zip", images, truth)
    rows = images.reshape(len(images), -1).astype(np.float32)
    np.savez(tmp_path / "features.npz", features=rows)
    dataset = service.client.upload(archive)["id"]
    opened = {HERE: service.stack.url, "ds_...": dataset, "cmp_...": comparison(service, dataset)}
    for what, found in opened.items():
        block = block._replace(text=block.text.replace(what, found))
    for call in re.split(r"(?m)^(?=curl )", block.text)[1:]:
        assert "..." not in call.partition("#")[0], "an id that nobody fills in"
        ended = subprocess.run(
            ["bash", "-euc", call.replace("curl -s", "curl -sS --fail-with-body")],  # noqa: S607 - as above
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{call}\n{ended.stdout}{ended.stderr}"
        if ended.stdout.startswith("{"):
            assert "/v1/problems/" not in json.loads(ended.stdout).get("type", "")
    for job in service.listing("/v1/jobs"):
        service.http.post(f"/v1/jobs/{job['id']}/cancel")


def test_there_are_calls() -> None:
    assert len(CALLS) >= 3
