"""A hundred faults, drawn by a seed, while several jobs are under way; then a look at all of it.

``S2CONVSCN_CHAOS_SEED`` repeats a storm, ``S2CONVSCN_CHAOS_FAULTS`` makes it longer or shorter.
"""

import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
from live_images import subspaces, write_zip
from live_service import running, wait_until
from sqlalchemy import NullPool, create_engine, text
from storm_faults import EMBEDDED, SERVERS, Fault, World, small_disk
from storm_proxy import Proxy

from jobs.artifacts import sha256
from s2convscn.errors import ApiProblem, StackError

pytestmark = pytest.mark.chaos

SEED = int(os.environ.get("S2CONVSCN_CHAOS_SEED") or secrets.randbelow(10**6))
FAULTS = int(os.environ.get("S2CONVSCN_CHAOS_FAULTS") or 100)
SHARES = {"embedded": 0.6, "servers": 0.4}
CLUSTERS = 4
METHOD = {
    "method": "s2convscn",
    "view": "plain",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
    "epochs": 120,
    "round_epochs": 4,
}
SEEDS = (5, 6)
UNDER_WAY = 3
EVERY = 3
"""Of so many submissions one comes with an upload of its own."""
PATIENCE = 300.0
SETTINGS = {"S2CONVSCN_MAX_FAILURES": "1000", "S2CONVSCN_STALL_SECONDS": "60"}
REDIS, POSTGRES = ("127.0.0.1", 6379), ("127.0.0.1", 5432)


class Storm:
    """What was accepted, and what happened meanwhile."""

    def __init__(self, world: World, archive: Path, faults: dict[str, Fault]) -> None:
        self.world, self.service, self.archive = world, world.service, archive
        self.faults, self.deck = faults, list[str]()
        self.happened: Counter[str] = Counter()
        self.restarts = 0
        self.uploads: list[str] = []
        self.jobs: dict[str, int] = {}

    def begin(self) -> None:
        """What undisturbed runs give, by seed."""
        self.uploads.append(self.service.client.upload(self.archive, truth="folders")["id"])
        self.expected = {}
        for seed in SEEDS:
            job_id = self.submit(seed)
            self.service.finish(job_id)
            self.expected[seed] = self.service.digests(job_id)

    def rage(self, faults: int) -> None:
        for number in range(faults):
            self.keep_busy()
            name = self.draw()
            try:
                self.faults[name](self.world)
            except AssertionError as error:
                message = f"fault {number}, {name}, could not be made"
                raise AssertionError(message) from error
            self.happened[name] += 1
            time.sleep(self.world.dice.uniform(0.1, 1.5))

    def draw(self) -> str:
        """The next fault: all kinds come before one comes again."""
        if not self.deck:
            self.deck = sorted(self.faults)
            self.world.dice.shuffle(self.deck)
        return self.deck.pop()

    def keep_busy(self) -> None:
        while len(self.unfinished()) < UNDER_WAY:
            if len(self.jobs) % EVERY == 0:
                self.uploads.append(self.persist(self.upload)["id"])
            self.submit(SEEDS[len(self.jobs) % len(SEEDS)])

    def upload(self) -> Any:
        """Images that were not there before."""
        path = self.archive.with_name(f"set-{len(self.uploads)}.zip")
        write_zip(path, *subspaces(clusters=CLUSTERS, seed=len(self.uploads)))
        return self.service.client.upload(path, truth="folders")

    def submit(self, seed: int) -> str:
        def submit() -> Any:
            client = self.service.client
            return client.submit(self.uploads[0], CLUSTERS, method=METHOD, seed=seed)

        job_id: str = self.persist(submit)["id"]
        self.jobs[job_id] = seed
        return job_id

    def unfinished(self) -> list[str]:
        jobs = [self.persist(lambda j=job: self.service.client.job(j)) for job in self.jobs]
        return [job["id"] for job in jobs if not job["terminal"]]

    def persist(self, ask: Any) -> Any:
        """Ask until there is an answer: as a client does while a service is ill."""
        end = time.monotonic() + PATIENCE
        while True:
            self.care()
            try:
                return ask()
            except (httpx.TransportError, ApiProblem) as error:
                lasting = isinstance(error, ApiProblem) and error.status < 500
                if lasting or time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def care(self) -> None:
        """Start the stack again if it gave a process up, as an operator's init would."""
        try:
            self.service.stack.check()
        except StackError:
            self.service.stack.stop()
            self.service.start_again()
            self.restarts += 1

    def settle(self) -> None:
        end = time.monotonic() + PATIENCE
        while left := self.unfinished():
            assert time.monotonic() < end, f"{left} never ended"
            time.sleep(0.5)

    def judge(self) -> None:
        """Everything that was accepted is there, whole, once, and as an undisturbed run has it."""
        for dataset_id in self.uploads:
            assert self.service.get(f"/v1/datasets/{dataset_id}")["n_images"] == 96
        for job_id, seed in self.jobs.items():
            job = self.service.get(f"/v1/jobs/{job_id}")
            assert job["status"] == "succeeded", (job_id, job["error"])
            events = self.service.events(job_id)
            assert events.count("succeeded") == 1, (job_id, events)
            assert events[-1] == "succeeded", (job_id, events)
            assert self.service.digests(job_id) == self.expected[seed], job_id
            self.check_files(job_id)
        listed = {job["id"] for job in self.service.listing("/v1/jobs")}
        assert listed >= set(self.jobs)
        wait_until(lambda: not self.service.scratch(), seconds=30)
        self.check_rows(listed)

    def check_files(self, job_id: str) -> None:
        files = {file["name"]: file["sha256"] for file in self.service.client.artifacts(job_id)}
        folder = self.service.data_dir / "artifacts" / "jobs" / job_id
        stored = {path.name: sha256(path) for path in folder.rglob("*") if path.is_file()}
        assert stored == files, job_id

    def check_rows(self, listed: set[str]) -> None:
        with self.world.engine.connect() as connection:
            rows = connection.execute(text("SELECT id, status, lease_until FROM jobs")).all()
        assert {row.id for row in rows} == listed
        assert {row.status for row in rows} == {"succeeded"}
        assert {row.lease_until for row in rows} == {None}

    def tell(self, what: str, began: float) -> None:
        attempts = [self.service.get(f"/v1/jobs/{job_id}")["attempt"] for job_id in self.jobs]
        summary = (
            f"{what}: {self.happened.total()} faults of {len(self.happened)} kinds in "
            f"{time.monotonic() - began:.0f} s; {len(self.jobs)} jobs succeeded in {sum(attempts)} "
            f"attempts, {len(self.uploads)} uploads are there; the stack had to be started again "
            f"{self.restarts} times."
        )
        lines = [f"  {count:3d}  {name}" for name, count in sorted(self.happened.items())]
        print("\n" + "\n".join([summary, *lines]))  # noqa: T201 - a report


@contextmanager
def embedded(folder: Path, dice: random.Random) -> Iterator[tuple[World, dict[str, Fault]]]:
    data_dir, faults = folder / "data", dict(EMBEDDED)
    with small_disk(data_dir / "artifacts") as refused, running(data_dir, SETTINGS) as service:
        if refused is not None:
            print(f"\nThe disk is not filled: {refused}")  # noqa: T201 - a report
            del faults["disk: full"]
        url = f"sqlite:///{data_dir / 's2convscn.db'}"
        engine = create_engine(url, connect_args={"timeout": 30}, poolclass=NullPool)
        try:
            yield World(service, dice, engine, room=data_dir / "artifacts"), faults
        finally:
            engine.dispose()


@contextmanager
def servers(folder: Path, dice: random.Random) -> Iterator[tuple[World, dict[str, Fault]]]:
    name = f"storm_{secrets.token_hex(6)}"
    root = f"postgresql://root@{POSTGRES[0]}:{POSTGRES[1]}"
    try:
        admin = psycopg.connect(f"{root}/test", connect_timeout=3, autocommit=True)
        number = _empty_database()
    except (psycopg.OperationalError, redis.ConnectionError) as error:
        pytest.skip(f"no PostgreSQL or Redis here: {error}")
    admin.execute(f"CREATE DATABASE {name}")
    proxies = {"broker": Proxy(REDIS), "database": Proxy(POSTGRES)}
    urls = {
        "S2CONVSCN_BROKER_URL": f"redis://127.0.0.1:{proxies['broker'].port}/{number}",
        "S2CONVSCN_DATABASE_URL": (
            f"postgresql+psycopg://root@127.0.0.1:{proxies['database'].port}/{name}"
        ),
    }
    url = f"{root.replace('postgresql', 'postgresql+psycopg')}/{name}"
    direct = create_engine(url, poolclass=NullPool)
    try:
        with running(folder / "data", SETTINGS | urls) as service:
            yield World(service, dice, direct, f"{root}/{name}", proxies), dict(SERVERS)
    finally:
        direct.dispose()
        for proxy in proxies.values():
            proxy.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.close()
        redis.Redis(*REDIS, db=number).flushdb()


def _empty_database() -> int:
    free = (n for n in range(1, 13) if redis.Redis(*REDIS, db=n).dbsize() == 0)
    return next(free)


PLACES = {"embedded": embedded, "servers": servers}


@pytest.mark.parametrize("place", PLACES)
def test_a_storm_leaves_everything_as_it_should_be(place: str, tmp_path: Path) -> None:
    began, dice = time.monotonic(), random.Random(f"{SEED} {place}")  # noqa: S311 - no secret
    print(f"\nS2CONVSCN_CHAOS_SEED={SEED} repeats this storm.")  # noqa: T201 - a report
    archive = write_zip(tmp_path / "set.zip", *subspaces(clusters=CLUSTERS))
    with PLACES[place](tmp_path, dice) as (world, faults):
        storm = Storm(world, archive, faults)
        storm.begin()
        try:
            storm.rage(round(FAULTS * SHARES[place]))
            storm.settle()
            storm.judge()
        except Exception as error:
            error.add_note(f"S2CONVSCN_CHAOS_SEED={SEED} S2CONVSCN_CHAOS_FAULTS={FAULTS}")
            raise
        storm.tell(place, began)
