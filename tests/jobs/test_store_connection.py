"""A connection to PostgreSQL that is gone without a word is noticed."""

import threading
import time
from collections.abc import Iterator

import pytest
from chaos.link import Link
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError
from store_rows import postgres_schema

from jobs.store.database import Database

pytestmark = pytest.mark.chaos


@pytest.fixture
def postgres() -> Iterator[str]:
    yield from postgres_schema()


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
