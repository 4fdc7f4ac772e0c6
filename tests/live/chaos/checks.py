"""What has to hold when it is over."""

import hashlib
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from chaos.load import Load
from chaos.site import LEASE_SECONDS, Site
from live_service import Service, processes, wait_until
from sqlalchemy import Connection, text

from jobs.artifacts.folder import FolderStore
from jobs.store import Store
from worker.sweep import sweep

TWO_HOURS = 7200.0
END_SECONDS = 420.0
ORPHANS = {
    "jobs that hold a lease": "SELECT id FROM jobs WHERE lease_until IS NOT NULL",
    "files of no job": "SELECT key FROM artifacts WHERE job_id NOT IN (SELECT id FROM jobs)",
    "events of no job": "SELECT id FROM events WHERE job_id NOT IN (SELECT id FROM jobs)",
    "jobs of no data set": "SELECT id FROM jobs WHERE dataset_id NOT IN (SELECT id FROM datasets)",
    "keys of no job": "SELECT key FROM idempotency_keys "
    "WHERE object_id NOT IN (SELECT id FROM jobs)",
}
Results = dict[str, str]


def results(service: Service, job_id: str) -> Results:
    """The sha-256 of each file as it is downloaded, beside that of the labels; not the report's."""
    found = {"labels": sha256(service.http.get(f"/v1/jobs/{job_id}/labels?format=csv").content)}
    for name, announced in service.digests(job_id).items():
        content = service.http.get(f"/v1/jobs/{job_id}/artifacts/{name}").content
        assert sha256(content) == announced, f"{job_id}: {name} is not whole"
        found[name] = announced
    return found


def data_digests(service: Service, dataset_id: str) -> Results:
    folder = service.data_dir / "artifacts" / "datasets" / dataset_id
    return {path.name: sha256(path.read_bytes()) for path in folder.iterdir()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check_jobs(site: Site, load: Load, expected: dict[int, Results]) -> None:
    """All that was accepted is there once, has succeeded once, and as if nothing had happened."""
    service = site.service
    for job_id in load.accepted:
        wait_until(partial(ended, service, job_id), END_SECONDS)
    jobs = {job["id"]: job for job in service.listing("/v1/jobs")}
    assert jobs.keys() == load.accepted.keys()
    for job_id, (dataset, seed) in load.accepted.items():
        job = jobs[job_id]
        assert job["dataset_id"] == dataset
        assert job["status"] == "succeeded", f"{job_id}: {job['error']}"
        kinds = service.events(job_id)
        assert kinds[0] == "submitted"
        assert kinds[-1] == "succeeded"
        counts = {kind: kinds.count(kind) for kind in {*kinds, "requeued"}}
        assert counts["submitted"] == counts["succeeded"] == 1, kinds
        assert counts["claimed"] == counts["requeued"] + 1, kinds
        assert results(service, job_id) == expected[seed], f"{job_id}: other results"


def ended(service: Service, job_id: str) -> bool:
    return bool(service.get(f"/v1/jobs/{job_id}")["terminal"])


def check_datasets(site: Site, load: Load, expected: Results) -> None:
    service = site.service
    there = {dataset["id"] for dataset in service.listing("/v1/datasets")}
    assert there == load.datasets
    for dataset in there:
        assert data_digests(service, dataset) == expected, f"{dataset}: other images"


def check_workers(site: Site) -> None:
    """Of the workers that were killed no row stays."""
    wait_until(lambda: len(_workers(site)) == 2, 20 * LEASE_SECONDS)


def _workers(site: Site) -> list[Any]:
    with site.rows() as (attempts, _), attempts.database.read() as connection:
        return _ask(connection, "SELECT name FROM workers")


def _ask(connection: Connection, query: str) -> list[Any]:
    return list(connection.execute(text(query)).scalars())


def check_left(site: Site) -> int:
    """Once the stack has stopped and swept, every file has a row; returns how many were swept."""
    assert processes(site.service.data_dir) == {}
    with site.rows() as (attempts, _), attempts.database.read() as connection:
        for what, query in ORPHANS.items():
            assert _ask(connection, query) == [], what
        assert _ask(connection, "SELECT name FROM workers") == []
        datasets = set(_ask(connection, "SELECT id FROM datasets"))
        keys = set(_ask(connection, "SELECT key FROM artifacts"))
    before = len(_files(site, "artifacts")) + len(_files(site, "scratch"))
    _sweep(site)
    root = site.service.data_dir / "artifacts"
    stored = {path.relative_to(root) for path in _files(site, "artifacts")}
    assert {str(path) for path in stored if path.parts[0] == "jobs"} == keys
    assert {path.parts[1] for path in stored if path.parts[0] == "datasets"} == datasets
    assert site.service.scratch() == []
    return before - len(stored)


def _sweep(site: Site) -> None:
    """What a worker does every ten minutes, as it would do it two hours later."""
    earlier = time.time() - TWO_HOURS
    for name in ("artifacts", "scratch"):
        for path in (site.service.data_dir / name).rglob("*"):
            os.utime(path, (earlier, earlier))
    store = Store(site.settings)
    sweep(site.settings, store, FolderStore(site.settings.artifacts_dir))
    store.close()


def _files(site: Site, name: str) -> list[Path]:
    return [path for path in (site.service.data_dir / name).rglob("*") if path.is_file()]
