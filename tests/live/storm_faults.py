"""What can go wrong with a live stack, each as a function that makes it go wrong for a while."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import redis
from live_service import ROLES, Service, processes, wait_until
from sqlalchemy import Engine, text
from storm_proxy import Proxy

from s2convscn import broker

HOUR = 3600.0
ROOM = "24m"
"""Of the artifact store, where the disk can be filled."""


@dataclass
class World:
    """A stack, its servers, and the dice."""

    service: Service
    dice: random.Random
    engine: Engine
    postgres: str | None = None
    proxies: dict[str, Proxy] = field(default_factory=dict)
    room: Path | None = None

    def for_a_while(self) -> None:
        time.sleep(self.dice.uniform(0.5, 3))

    def pid(self, role: str) -> int:
        """Of a process that runs, or is about to."""
        found: list[int] = []

        def runs() -> bool:
            everybody = processes(self.service.data_dir).items()
            found[:] = [pid for pid, words in everybody if ROLES[role](words)]
            return bool(found)

        wait_until(runs)
        return found[0]


Fault = Callable[[World], None]


def killed(world: World, *, role: str, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.kill(world.pid(role), number)


def frozen(world: World, *, role: str) -> None:
    pid = world.pid(role)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        world.for_a_while()
        os.kill(pid, signal.SIGCONT)


def broker_full(world: World) -> None:
    """It takes no message more; what it has it keeps."""
    path = str(broker.socket_path(world.service.data_dir))
    with redis.Redis(unix_socket_path=path) as client, suppress(redis.ConnectionError):
        client.config_set("maxmemory", 1)
        world.for_a_while()
        client.config_set("maxmemory", 0)


def database_locked(world: World) -> None:
    """Somebody else writes for long."""
    connection = sqlite3.connect(world.service.data_dir / "s2convscn.db", timeout=30)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        world.for_a_while()
    connection.close()


def clock_jumps(world: World, *, by: float) -> None:
    """Leases are as they would be if the clock had been set forward, or back."""
    change = text("UPDATE jobs SET lease_until = lease_until - :by WHERE lease_until IS NOT NULL")
    with world.engine.begin() as connection:
        connection.execute(change, {"by": by})


def disk_full(world: World) -> None:
    """Of the artifact store."""
    assert world.room is not None
    filler = world.room / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    world.for_a_while()
    filler.unlink()


def cut(world: World, *, of: str) -> None:
    world.proxies[of].cut()


def moody(world: World, *, of: str, mood: str) -> None:
    proxy = world.proxies[of]
    proxy.mood = mood
    if mood == "away":
        proxy.cut()
    world.for_a_while()
    proxy.mood = "well"


def database_restarted(world: World) -> None:
    """As a restart looks from outside: all connections end at once, and none is let in for long."""
    assert world.postgres is not None
    name = world.postgres.rpartition("/")[2]
    server = f"{world.postgres.rpartition('/')[0]}/test"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        world.for_a_while()
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _ended(roles: tuple[str, ...]) -> dict[str, Fault]:
    return {
        f"{role}: {number.name}": partial(killed, role=role, number=number)
        for role in roles
        for number in (signal.SIGKILL, signal.SIGTERM)
    }


ANYWHERE: dict[str, Fault] = {
    **_ended(("trainer", "worker", "api")),
    "trainer: frozen": partial(frozen, role="trainer"),
    "api: frozen": partial(frozen, role="api"),
    "clock: an hour ahead": partial(clock_jumps, by=HOUR),
    "clock: an hour back": partial(clock_jumps, by=-HOUR),
}
EMBEDDED: dict[str, Fault] = {
    **ANYWHERE,
    **_ended(("broker",)),
    "broker: frozen": partial(frozen, role="broker"),
    "broker: full": broker_full,
    "database: locked": database_locked,
    "disk: full": disk_full,
}
SERVERS: dict[str, Fault] = {
    **ANYWHERE,
    **{f"{of}: connections cut": partial(cut, of=of) for of in ("broker", "database")},
    **{
        f"{of}: {mood}": partial(moody, of=of, mood=mood)
        for of in ("broker", "database")
        for mood in ("slow", "deaf", "away")
    },
    "database: restarted": database_restarted,
}


@contextmanager
def small_disk(folder: Path) -> Iterator[str | None]:
    """A file system of its own at a folder; yields why there is none, if there is none."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        refused = done.stderr.strip() if done.returncode else None
    except OSError as error:
        refused = str(error)
    try:
        yield refused
    finally:
        if refused is None:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - the system's
