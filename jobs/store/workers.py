"""SQL of workers: who is alive."""

from typing import Any

from sqlalchemy import delete, insert, select, update

from jobs.records import Worker
from jobs.store.database import Database
from jobs.store.tables import workers


class Workers:
    def __init__(self, database: Database) -> None:
        self.database = database

    def beat(self, name: str, device: str, job_id: str | None, **about: Any) -> None:
        """``about``: kind, memory_bytes, version, versions, since."""
        now = self.database.clock()
        values = {"device": device, "seen_at": now, "job_id": job_id, **about}
        with self.database.write() as connection:
            change = update(workers).where(workers.c.name == name).values(values)
            if connection.execute(change).rowcount == 0:
                connection.execute(insert(workers).values(name=name, **values))

    def leave(self, name: str) -> None:
        with self.database.write() as connection:
            connection.execute(delete(workers).where(workers.c.name == name))

    def forget(self, silent_for: float) -> None:
        """Those that were killed never leave; one that comes back is written down again."""
        silent = workers.c.seen_at < self.database.clock() - silent_for
        with self.database.read() as connection:  # a look holds up nobody who writes
            if connection.execute(select(workers.c.name).where(silent)).first() is None:
                return
        with self.database.write() as connection:
            connection.execute(delete(workers).where(silent))

    def alive(self, within: float) -> list[Worker]:
        """Workers seen in the last ``within`` seconds."""
        since = self.database.clock() - within
        query = select(workers).where(workers.c.seen_at >= since).order_by(workers.c.name)
        with self.database.read() as connection:
            return [Worker.model_validate(dict(r)) for r in connection.execute(query).mappings()]
