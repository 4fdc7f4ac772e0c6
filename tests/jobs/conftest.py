from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manual_clock import Time
from store_rows import add_dataset, postgres_schema

from jobs.records import Job
from jobs.settings import Settings
from jobs.store import Store


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


@pytest.fixture
def submit(store: Store, dataset: str) -> Callable[..., Job]:
    def submit(**more: object) -> Job:
        wish = {"owner": "local", "request": {"n_clusters": 2}, "method": {"method": "s2convscn"}}
        return store.jobs.submit(dataset_id=dataset, **(wish | more))

    return submit
