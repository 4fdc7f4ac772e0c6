import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manual_clock import Time
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from jobs.records import Job
from jobs.settings import Settings
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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'jobs.db'}"
    else:
        yield from postgres_schema()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(url: str, clock: Time, tmp_path: Path) -> Iterator[Store]:
    settings = Settings(
        database_url=url, data_dir=tmp_path, lease_seconds=20, max_failures=3, broker_url=None
    )
    store = Store(settings, clock)
    yield store
    store.close()


@pytest.fixture
def dataset(store: Store) -> str:
    return add_dataset(store, "a" * 64)


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


@pytest.fixture
def submit(store: Store, dataset: str) -> Callable[..., Job]:
    def submit(**more: object) -> Job:
        return store.jobs.submit(
            owner="local",
            dataset_id=dataset,
            request={"n_clusters": 2},
            method={"method": "s2convscn"},
            **more,
        )

    return submit
