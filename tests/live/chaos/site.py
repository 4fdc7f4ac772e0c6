"""What is attacked: a live stack with two workers, and a way to each of its parts."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random

import httpx
import redis
from chaos.link import Link
from chaos.servers import Postgres, Redis
from chaos.volume import Volume
from live_service import ROLES, Service, processes, running, wait_until

from jobs.settings import Settings
from jobs.store.attempts import Attempts
from jobs.store.database import Database
from jobs.store.jobs import Jobs
from s2convscn import broker
from s2convscn.stack import LocalStack, _python
from s2convscn.supervisor import Stage

SETTINGS = {
    "S2CONVSCN_MAX_FAILURES": "1000",
    "S2CONVSCN_REAP_SECONDS": "0.5",
    "S2CONVSCN_GRACE_SECONDS": "5",
}
"""So many failures no job can meet here: each has to succeed."""
LEASE_SECONDS = 5.0
PROCESSES = {"api": 1, "worker": 2, "broker": 1}


class TwoWorkers(LocalStack):
    def _stages(self) -> list[Stage]:
        *earlier, (children, ready) = super()._stages()
        return [*earlier, ([*children, self._child("worker-2", _python("worker"))], ready)]


class CrowdedService(Service):
    stack_class = TwoWorkers


class Site:
    def __init__(
        self,
        service: Service,
        volume: Volume,
        postgres: Postgres | None = None,
        own_redis: Redis | None = None,
        links: dict[str, Link] | None = None,
    ) -> None:
        self.service = service
        self.volume = volume
        self.postgres = postgres
        self.own_redis = own_redis
        self.links = {"client": Link(service.stack.port)} | (links or {})

    @property
    def database_url(self) -> str:
        """Of the database itself, past the proxy."""
        if self.postgres:
            return self.postgres.url
        return f"sqlite:///{self.service.data_dir / 's2convscn.db'}"

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.service.data_dir, database_url=self.database_url)

    @contextmanager
    def rows(self, clock_ahead: float = 0.0) -> Iterator[tuple[Attempts, Jobs]]:
        """The store as a process has it whose clock is so many seconds ahead."""
        database = Database(self.database_url, lambda: time.time() + clock_ahead)
        with closing(database):
            attempts = Attempts(database, lease_seconds=LEASE_SECONDS, max_failures=1000)
            yield attempts, Jobs(database)

    def broker(self) -> redis.Redis:
        if self.own_redis:
            return redis.Redis(port=self.own_redis.port)
        path = broker.socket_path(self.service.data_dir)
        return redis.Redis(unix_socket_path=str(path))

    def pids(self, role: str) -> list[int]:
        if role == "broker" and self.own_redis:
            return [self.own_redis.process.pid]
        running = processes(self.service.data_dir)
        return sorted(pid for pid, words in running.items() if ROLES[role](words))

    def signal(self, role: str, number: signal.Signals, rng: Random) -> int:
        """Send a signal to one process of a role, as soon as there is one; its pid."""
        hit: list[int] = []

        def strike() -> bool:
            self.service.stack.check()
            pids = self.pids(role)
            if not pids:
                return False
            pid = rng.choice(pids)
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return False
            hit.append(pid)
            return True

        wait_until(strike)
        return hit[0]

    def revive_broker(self) -> None:
        """The embedded one is started again by the stack, the test's own by the test."""
        if self.own_redis:
            self.own_redis.process.wait()
            self.own_redis.start()

    def ready(self) -> bool:
        """Whether database, broker and store answer, and every process runs."""
        self.service.stack.check()
        if any(len(self.pids(role)) != number for role, number in PROCESSES.items()):
            return False
        try:
            answer = self.service.http.get("/readyz")
        except httpx.TransportError:
            return False
        return answer.is_success and bool(answer.json()["workers"])

    def close(self) -> None:
        for link in self.links.values():
            link.close()


@contextmanager
def embedded(data_dir: Path) -> Iterator[Site]:
    """SQLite and the embedded broker; the artifact store is a file system of its own."""
    with (
        closing(Volume(data_dir / "artifacts")) as volume,
        running(data_dir, SETTINGS, CrowdedService) as service,
        closing(Site(service, volume)) as site,
    ):
        yield site


@contextmanager
def with_servers(data_dir: Path) -> Iterator[Site]:
    """PostgreSQL and Redis behind proxies; the whole data folder is a file system of its own."""
    with ExitStack() as stack:
        postgres, own_redis = (stack.enter_context(closing(kind())) for kind in (Postgres, Redis))
        links = {
            name: stack.enter_context(closing(Link(server.port)))
            for name, server in (("database", postgres), ("broker", own_redis))
        }
        volume = stack.enter_context(closing(Volume(data_dir)))
        near = f":{postgres.port}/", f":{links['database'].port}/"
        urls = {
            "S2CONVSCN_DATABASE_URL": postgres.url.replace(*near),
            "S2CONVSCN_BROKER_URL": f"redis://127.0.0.1:{links['broker'].port}/0",
        }
        service = stack.enter_context(running(data_dir, SETTINGS | urls, CrowdedService))
        site = Site(service, volume, postgres, own_redis, links)
        yield stack.enter_context(closing(site))
