"""Empty schemas and databases of PostgreSQL, a data set's row, and a file's record."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from jobs.records import Artifact
from jobs.store import Store

POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test"


def postgres_schema() -> Iterator[str]:
    """The URL of an empty schema, dropped afterwards."""
    engine = create_engine(POSTGRES, connect_args={"connect_timeout": 3})
    schema = f"test_{secrets.token_hex(6)}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError as error:
        engine.dispose()
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432: {error.orig}")
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@contextmanager
def postgres_databases(count: int, ending: str = "") -> Iterator[list[str]]:
    """The URLs of empty databases, made with such an ending of the command, dropped afterwards."""
    names = [f"s2convscn_{secrets.token_hex(6)}" for _ in range(count)]
    server = create_engine(
        POSTGRES, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    try:
        with server.connect() as connection:
            for name in names:
                connection.execute(text(f"CREATE DATABASE {name} {ending}"))
    except OperationalError as error:
        server.dispose()
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432: {error.orig}")
    yield [make_url(POSTGRES).set(database=name).render_as_string() for name in names]
    with server.connect() as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def artifact(name: str, job_id: str = "job", attempt: int = 1, kind: str = "labels") -> Artifact:
    """The record of a file that is nowhere."""
    key = f"jobs/{job_id}/{attempt}/{name}"
    return Artifact(
        name=name, kind=kind, media_type="application/x-npy", bytes=3, sha256="0" * 64, key=key
    )


def add_dataset(store: Store, sha256: str) -> str:
    row, _ = store.datasets.add(
        owner="local",
        name="set.zip",
        sha256=sha256,
        options={},
        n_images=4,
        height=8,
        width=8,
        channels=1,
        dtype="uint8",
        classes=None,
        bytes=256,
        notices=[],
    )
    return row.id
