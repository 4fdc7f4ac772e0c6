"""A connection to PostgreSQL that is gone without a word is noticed, at both of its ends."""

import threading
import time
from collections.abc import Iterator

import pytest
from chaos.link import Link
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError
from store_rows import postgres_schema

from app.problems import ABSENCES
from jobs.store.database import SESSION, Database


@pytest.fixture
def postgres() -> Iterator[str]:
    yield from postgres_schema()


@pytest.mark.chaos
def test_a_server_that_vanished_in_mid_query_is_missed_soon(postgres: str) -> None:
    url = make_url(postgres)
    link = Link(url.port or 5432)
    database = Database(url.set(port=link.port).render_as_string(hide_password=False))
    began = time.monotonic()
    timer = threading.Timer(0.5, link.lose)
    with database.read() as connection:
        timer.start()
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT pg_sleep(60)"))
    assert time.monotonic() - began < 30
    database.close()
    link.close()


@pytest.mark.chaos
def test_the_locks_of_a_client_that_stands_still_are_free_soon(postgres: str) -> None:
    still, others = Database(postgres), Database(postgres)
    change = text("UPDATE things SET changes = changes + 1")
    with others.write() as connection:
        connection.execute(text("CREATE TABLE things AS SELECT 0 AS changes"))
    lasting = still.write()
    lasting.__enter__().execute(change)
    began = time.monotonic()
    with others.write() as connection:
        connection.execute(change)
    assert time.monotonic() - began < 30
    with pytest.raises(ABSENCES):
        lasting.__exit__(None, None, None)
    with still.read() as connection:
        assert connection.execute(text("SELECT changes FROM things")).scalar_one() == 1
    still.close()
    others.close()


def test_what_is_asked_of_a_session_outlives_its_transactions(postgres: str) -> None:
    database = Database(postgres)
    for _ in range(2):
        with database.read() as connection:
            for name, value in SESSION.items():
                shown = connection.execute(text(f"SHOW {name}")).scalar_one()
                assert shown in {str(value), f"{value}s", f"{value}ms", "10s"}
    database.close()
