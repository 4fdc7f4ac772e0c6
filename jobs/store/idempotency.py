"""SQL of idempotency keys: what the first request with a key made, and whether it is this one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, delete, exists, insert, or_, select
from sqlalchemy.exc import IntegrityError

from jobs import errors
from jobs.store.database import Database
from jobs.store.tables import comparisons, idempotency_keys, jobs

Made = TypeVar("Made")


class Once(NamedTuple):
    """A request that shall be carried out once: its key, and the sha-256 of all that it says."""

    owner: str
    key: str
    digest: str


def remember(connection: Connection, now: float, once: Once, object_id: str) -> None:
    """In the transaction that makes the object, which an IntegrityError undoes."""
    values = {**once._asdict(), "object_id": object_id, "created_at": now}
    connection.execute(insert(idempotency_keys).values(values))


class IdempotencyKeys:
    def __init__(self, database: Database) -> None:
        self.database = database

    def made(
        self, once: Once | None, make: Callable[[], Made], get: Callable[[str], Made]
    ) -> tuple[Made, bool]:
        """What ``make`` makes and True, or False with what an earlier request made: ``get(id)``.

        Raises:
            IdempotencyKeyReused: if the earlier request said something else.
        """
        earlier = self._find(once)
        if earlier is None:
            try:
                return make(), True
            except (IntegrityError, errors.DomainError):  # perhaps an equal request was quicker
                earlier = self._find(once)
                if earlier is None:
                    raise
        return get(earlier), False

    def forget(self, age: float) -> None:
        """Those that came first ``age`` seconds ago, if what they made was deleted."""
        live = [
            exists().where(made.c.id == idempotency_keys.c.object_id, made.c.deleted_at.is_(None))
            for made in (jobs, comparisons)
        ]
        old = idempotency_keys.c.created_at < self.database.clock() - age
        with self.database.write() as connection:
            connection.execute(delete(idempotency_keys).where(old, ~or_(*live)))

    def _find(self, once: Once | None) -> str | None:
        if once is None:
            return None
        query = select(idempotency_keys.c.object_id, idempotency_keys.c.digest).where(
            idempotency_keys.c.owner == once.owner, idempotency_keys.c.key == once.key
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.digest != once.digest:
            raise errors.IdempotencyKeyReused(
                f"The key {once.key!r} came with another request before, which made "
                f"{row.object_id}: take a new key for a new request.",
                made=row.object_id,
            )
        return str(row.object_id)
