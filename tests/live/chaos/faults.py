"""The faults as a table: what each is called, what it does, and why it cannot be done here."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import NamedTuple

import psycopg
from chaos.site import Site
from live_service import wait_until

from s2convscn import warden

HOUR = 3600.0
DEATH_SECONDS = 45.0
"""Within which what was asked to end has ended."""
TABLES = "jobs, datasets, events, workers, artifacts"

Act = Callable[[Site, Random], None]


class Fault(NamedTuple):
    name: str
    act: Act
    missing: Callable[[Site], str | None] = lambda _: None


def kill(role: str, number: signal.Signals) -> Fault:
    def act(site: Site, rng: Random) -> None:
        pid = site.signal(role, number, rng)
        wait_until(lambda: not warden.exists(pid), DEATH_SECONDS)
        if role == "broker":
            site.revive_broker()

    return Fault(f"{role}: {number.name}", act)


def freeze(role: str, least: float, most: float) -> Fault:
    def act(site: Site, rng: Random) -> None:
        pid = site.signal(role, signal.SIGSTOP, rng)
        time.sleep(rng.uniform(least, most))
        with suppress(ProcessLookupError):  # the stack has its own reasons to end it
            os.kill(pid, signal.SIGCONT)

    return Fault(f"{role}: frozen", act)


def fill_broker(site: Site, rng: Random) -> None:
    with site.broker() as client:
        client.config_set("maxmemory", "1")
        time.sleep(rng.uniform(2, 5))
        client.config_set("maxmemory", "0")


def fill_disk(site: Site, rng: Random) -> None:
    with site.volume.full():
        time.sleep(rng.uniform(2, 5))


@contextmanager
def psql(site: Site) -> Iterator[psycopg.Connection]:
    url = site.database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        yield connection


def lock_database(site: Site, rng: Random) -> None:
    seconds = rng.uniform(2, 8)
    if site.postgres:
        with psql(site) as connection:
            connection.execute(f"LOCK TABLE {TABLES} IN ACCESS EXCLUSIVE MODE")
            time.sleep(seconds)
        return
    path = site.service.data_dir / "s2convscn.db"
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()


def end_sessions(site: Site, _rng: Random) -> None:
    with psql(site) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def restart_database(site: Site, _rng: Random) -> None:
    assert site.postgres
    site.postgres.restart()


def restart_stack(site: Site, _rng: Random) -> None:
    site.service.stack.stop()
    site.service.start_again()


def clock_ahead(site: Site, _rng: Random) -> None:
    """A reaper whose clock is an hour ahead takes every lease for expired."""
    with site.rows(HOUR) as (attempts, _):
        attempts.expire()


def clock_back(site: Site, _rng: Random) -> None:
    """What was written before the clocks went back an hour: leases and messages of the future."""
    with site.rows(HOUR) as (attempts, jobs):
        for job_id, attempt in attempts.active():
            attempts.heartbeat(job_id, attempt, None)
        for job_id in attempts.unsent(0):
            jobs.sending(job_id)


def without_server(site: Site) -> str | None:
    return None if site.postgres else "SQLite has no server"


def without_volume(site: Site) -> str | None:
    return site.volume.missing


def on_link(name: str, what: str, act: Callable[[Site, Random], None]) -> Fault:
    def missing(site: Site) -> str | None:
        return None if name in site.links else "the embedded stack has no such connection"

    return Fault(f"{name} connections: {what}", act, missing)


def links(name: str) -> list[Fault]:
    def cut(site: Site, _rng: Random) -> None:
        site.links[name].cut()

    def lose(site: Site, _rng: Random) -> None:
        site.links[name].lose()

    def slow(site: Site, rng: Random) -> None:
        with site.links[name].slowed(rng.uniform(0.05, 0.3)):
            time.sleep(rng.uniform(3, 6))

    def refuse(site: Site, rng: Random) -> None:
        with site.links[name].refused():
            time.sleep(rng.uniform(1, 4))

    acts = {"cut": cut, "half-open": lose, "slow": slow, "refused": refuse}
    return [on_link(name, what, act) for what, act in acts.items()]


FAULTS = [
    *(
        kill(role, number)
        for role in ("trainer", "worker", "api", "broker")
        for number in (signal.SIGKILL, signal.SIGTERM)
    ),
    freeze("worker", 6, 8),
    freeze("broker", 1, 6),
    Fault("broker: full", fill_broker),
    Fault("disk: full", fill_disk, without_volume),
    Fault("database: locked", lock_database),
    Fault("database: restarted", restart_database, without_server),
    Fault("database: sessions ended", end_sessions, without_server),
    Fault("stack: stopped and started", restart_stack),
    Fault("clock: an hour ahead", clock_ahead),
    Fault("clock: an hour back", clock_back),
    *links("client"),
    *links("database"),
    *links("broker"),
]
