"""Passwords from files: any characters, into the URLs of database and broker."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from jobs.queue import Queue, celery_app
from jobs.settings import Settings, SettingsError
from s2convscn import broker
from s2convscn.stack import free_port

ODD = "a:b@c/d%e ?#\u00e9"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{ODD}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+psycopg://me@db:5432/x", "me:{}@db:5432/x"),
        ("postgresql+psycopg://me:old@db:5432/x", "me:{}@db:5432/x"),
    ],
)
def test_a_databases_password_comes_from_a_file(url: str, place: str, file: Path) -> None:
    settings = Settings(database_url=url, database_password_file=file)
    assert settings.database == f"postgresql+psycopg://{place.format(quote(ODD, safe=''))}"
    parsed = make_url(settings.database)
    assert (parsed.username, parsed.password, parsed.host) == ("me", ODD, "db")


def test_without_a_file_urls_are_as_they_are() -> None:
    settings = Settings(database_url="postgresql+psycopg://me:x@db/x", broker_url="redis://:y@b/0")
    assert settings.database == "postgresql+psycopg://me:x@db/x"
    assert settings.broker == "redis://:y@b/0"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = Settings(broker_url="redis://b/0", broker_password_file=tmp_path / "none")
    with pytest.raises(SettingsError, match="none cannot be read"):
        _ = settings.broker


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[int]:
    """A broker on a port that wants the password."""
    port = free_port()
    server = broker.command(tmp_path)[0]
    words = ["--port", str(port), "--requirepass", ODD, "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([server, *words], stdout=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait()


def test_a_broker_takes_it(guarded: int, file: Path) -> None:
    url = f"redis://127.0.0.1:{guarded}/0"
    settings = Settings(broker_url=url, broker_password_file=file)
    queue = Queue(celery_app(settings))
    for _ in range(100):
        try:
            queue.ping()
            break
        except Exception as error:  # noqa: BLE001 - the server is about to start
            last = error
    else:
        raise last
    queue.send(f"job_{secrets.token_hex(4)}")
    queue.celery.close()
