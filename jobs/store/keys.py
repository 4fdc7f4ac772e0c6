"""SQL of API keys. A secret is 256 bits of chance, so that its sha-256 tells nothing of it."""

import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update

from jobs import errors, ids
from jobs.records import Key, Limits, Scope
from jobs.store.database import Database
from jobs.store.tables import keys

PREFIX = "s2c_"
"""Tells people, and programs that look for secrets in the wrong places, what it is."""
NO_LIMITS = Limits()


class Keys:
    def __init__(self, database: Database) -> None:
        self.database = database

    def make(
        self, owner: str, name: str, scope: Scope, limits: Limits = NO_LIMITS
    ) -> tuple[Key, str]:
        """A new key, and its secret, which nobody can be told again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        values = {
            "id": ids.new("key"),
            "owner": owner,
            "name": name,
            "scope": scope,
            "limits": limits.model_dump(exclude_none=True),
            "digest": _digest(secret),
            "created_at": self.database.clock(),
        }
        with self.database.write() as connection:
            row = connection.execute(insert(keys).values(values).returning(keys)).mappings().one()
        return _record(row), secret

    def find(self, secret: str) -> Key | None:
        """The key with this secret, unless it was revoked.

        Looked up by its hash, of which the time that the comparison takes says nothing.
        """
        found = self._where(keys.c.digest == _digest(secret), keys.c.revoked_at.is_(None))
        return found[0] if found else None

    def all(self) -> Sequence[Key]:
        """Revoked ones, too; the oldest first."""
        return self._where()

    def exist(self, *, live: bool = False) -> bool:
        """Whether a key was ever made; with ``live``, one that was not revoked."""
        query = select(func.count()).select_from(keys)
        if live:
            query = query.where(keys.c.revoked_at.is_(None))
        with self.database.read() as connection:
            return connection.execute(query).scalar_one() > 0

    def revoke(self, key_id: str) -> Key:
        """At once and for ever; a second time changes nothing. Raises NotFound."""
        change = (
            update(keys)
            .where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
            .values(revoked_at=self.database.clock())
        )
        with self.database.write() as connection:
            connection.execute(change)
        found = self._where(keys.c.id == key_id)
        if not found:
            raise errors.NotFound(f"There is no key {key_id!r}.")
        return found[0]

    def _where(self, *conditions: ColumnElement[bool]) -> list[Key]:
        query = select(keys).where(*conditions).order_by(keys.c.id)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(row: RowMapping) -> Key:
    return Key.model_validate(dict(row))
