"""The back-up of docs/operations.md, run as it stands there, and what it gives back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from documents import DOCS, Block, blocks
from live_images import subspaces, write_zip
from live_service import Service, running
from store_rows import postgres_databases

TOOLS = ("pg_dump", "psql")


@contextmanager
def databases() -> Iterator[list[str]]:
    """Two empty databases of this run's own, dropped afterwards."""
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with postgres_databases(2) as urls:
        yield urls


def plain(url: str) -> str:
    """As psql takes it."""
    return url.replace("+psycopg", "")


def backup_blocks() -> tuple[Block, Block]:
    found = [b for b in blocks(DOCS / "operations.md") if "s2convscn-backup" in b.text]
    embedded, postgresql = (b for b in found if b.language == "sh")
    assert postgresql.name == "postgresql"
    return embedded, postgresql


def run(script: str, work: Path, **variables: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path} | variables
    command = ["bash", "-euo", "pipefail", "-c", script]
    subprocess.run(command, cwd=work, check=True, env=environment)


def cluster(service: Service, work: Path) -> str:
    archive = write_zip(work / "images.zip", *subspaces(n=40))
    dataset = service.client.upload(archive, truth="folders")
    job = service.client.submit(dataset["id"], 4, method="lsr")
    return service.finish(job["id"])["id"]


def told(service: Service, job_id: str) -> dict[str, Any]:
    job = service.client.job(job_id)
    labels = service.http.get(f"/v1/jobs/{job_id}/labels").json()
    image = service.http.get(f"/v1/datasets/{job['dataset_id']}/images/0").content
    return {"job": job, "labels": labels, "digests": service.digests(job_id), "image": image}


def test_a_copy_of_a_running_service_tells_the_same(tmp_path: Path) -> None:
    embedded, _ = backup_blocks()
    with running(tmp_path / "s2convscn-data", {}) as service:
        job_id = cluster(service, tmp_path)
        run(embedded.text, tmp_path)
        before = told(service, job_id)
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "s2convscn-backup.db").rename(restored / "s2convscn.db")
    (tmp_path / "s2convscn-backup-artifacts").rename(restored / "artifacts")
    with running(restored, {}) as service:
        assert told(service, job_id) == before
        assert cluster(service, tmp_path) != job_id


@pytest.mark.slow
def test_a_copy_of_postgresql_tells_the_same(tmp_path: Path) -> None:
    _, postgresql = backup_blocks()
    with databases() as (first, second):
        with running(tmp_path / "data", {"S2CONVSCN_DATABASE_URL": first}) as service:
            job_id = cluster(service, tmp_path)
            run(postgresql.text, tmp_path, DATABASE=plain(first))
            shutil.copytree(tmp_path / "data" / "artifacts", tmp_path / "restored" / "artifacts")
            before = told(service, job_id)
        restore = 'psql --quiet --set ON_ERROR_STOP=1 "$DATABASE" --file s2convscn-backup.sql'
        run(f"{restore} >restore.log", tmp_path, DATABASE=plain(second))
        with running(tmp_path / "restored", {"S2CONVSCN_DATABASE_URL": second}) as service:
            assert told(service, job_id) == before
