"""The connection to SQL: one engine, write transactions that take SQLite's lock at once."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from jobs.settings import SettingsError
from jobs.store.migrations import check, upgrade

Clock = Callable[[], float]
SCHEMA_LOCK = 5_251_000
"""PostgreSQL's advisory lock that is held while the schema changes."""
CONNECTION = {
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""libpq's: a server that vanished without a word is missed in seconds, not after hours."""
SESSION = {
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""The server's: so is a client, which may have left in mid-transaction with locks on rows."""


def reason(error: SQLAlchemyError) -> str:
    """Why a database cannot be used, in its driver's words."""
    return f"The database cannot be used: {getattr(error, 'orig', error)}"


class Database:
    """SQLite or PostgreSQL behind the same two verbs, ``read`` and ``write``."""

    def __init__(self, url: str, clock: Clock = time.time) -> None:
        self.clock = clock
        self.engine = _engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; IMMEDIATE on SQLite, so that two processes wait and never deadlock."""
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def create(self) -> bool:
        """Bring the schema up to this code's revision; whether it was of an earlier one.

        Raises:
            SchemaTooNew: if it is of a later one.
            SettingsError: if the database cannot hold every letter.
        """
        with self.migration() as connection:
            return upgrade(connection)

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A transaction that no other process's migration runs beside.

        Raises:
            SettingsError: if the database cannot hold every letter.
        """
        with self.write() as connection:
            if self.engine.dialect.name == "postgresql":
                _check_encoding(connection)
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
            yield connection

    def check(self) -> None:
        """Raises SchemaTooNew if a later version has taken it over."""
        with self.read() as connection:
            check(connection)

    def ping(self) -> None:
        """Raise SQLAlchemy's error if the database does not answer."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self.engine.dispose()


def _check_encoding(connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        name = connection.engine.url.database
        raise SettingsError(
            f"S2CONVSCN_DATABASE_URL: the database {name} has the encoding {encoding}. It must be "
            "UTF8, since images are called in any script: CREATE DATABASE ... TEMPLATE template0 "
            "ENCODING 'UTF8'."
        )


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True, connect_args=CONNECTION)
        event.listen(engine, "connect", _set_session)
        return engine
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _set_session(connection: Any, _record: Any) -> None:
    """By statements: what a URL may say of ``options`` stays, and poolers let them through."""
    connection.autocommit = True
    connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in SESSION.items()))
    connection.autocommit = False


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
