"""The schema up, down and up again, on both engines; databases of other times."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from manual_clock import Time
from sqlalchemy import Connection, inspect, text
from store_rows import add_dataset

from jobs.records import Scope
from jobs.settings import Settings
from jobs.store import Store
from jobs.store.database import Database
from jobs.store.migrations import FOLDER, HEAD, SchemaTooNew, __main__, downgrade, revision, upgrade
from jobs.store.tables import metadata


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def test_the_head_is_that_of_the_files() -> None:
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


def test_up_is_what_the_code_needs(empty: Database) -> None:
    with empty.migration() as connection:
        upgrade(connection)
        assert revision(connection) == HEAD
        assert differences(connection) == []
        assert tables(connection) == set(metadata.tables)


def test_down_to_each_and_up_again(empty: Database) -> None:
    script = ScriptDirectory(str(FOLDER))
    with empty.migration() as connection:
        upgrade(connection)
    for step in script.walk_revisions():
        with empty.migration() as connection:
            downgrade(connection, step.down_revision or "base")
            assert revision(connection) == step.down_revision
    with empty.migration() as connection:
        assert tables(connection) == set()
        upgrade(connection)
        assert differences(connection) == []


def test_rows_outlive_the_way_down_and_up(store: Store, clock: Time) -> None:
    dataset = add_dataset(store, "a" * 64)
    _, secret = store.keys.make("alice", "", Scope.WRITE)
    with store.database.migration() as connection:
        downgrade(connection, "0001")
        assert "api_keys" not in tables(connection)
        upgrade(connection)
    assert store.datasets.get(dataset, "local").id == dataset
    assert store.keys.find(secret) is None


def test_a_database_from_before_migrations_is_taken_over(url: str, tmp_path: Path) -> None:
    with closing(Database(url)) as database, database.migration() as connection:
        upgrade(connection, "0001")
        connection.execute(text("DROP TABLE alembic_version"))
        assert revision(connection) is None
    settings = Settings(database_url=url, data_dir=tmp_path)
    with closing(Store(settings)) as store:
        add_dataset(store, "a" * 64)
        store.keys.make("alice", "", Scope.WRITE)
    with closing(Database(url)) as database, database.migration() as connection:
        assert revision(connection) == HEAD
        assert differences(connection) == []


def test_a_migration_that_breaks_off_leaves_nothing(empty: Database) -> None:
    with suppress(ZeroDivisionError), empty.migration() as connection:
        upgrade(connection)
        assert tables(connection) == set(metadata.tables)
        1 / 0  # noqa: B018 - what breaks it off
    with empty.migration() as connection:
        assert inspect(connection).get_table_names() == []


@pytest.mark.parametrize("module", ["app", "worker"])
def test_a_later_schema_ends_a_process_with_a_sentence(tmp_path: Path, module: str) -> None:
    with closing(Store(Settings(data_dir=tmp_path))) as store, store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    environment = os.environ | {"S2CONVSCN_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", module]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert ended.returncode == 2
    assert "revision 9999" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_of_a_later_version_is_refused(url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=url, data_dir=tmp_path)
    with closing(Store(settings)) as store, store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="9999"):
        Store(settings)


def test_the_command_shows_and_moves(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "load", lambda: Settings(database_url=url, data_dir=tmp_path))

    def says(*arguments: str) -> str:
        assert __main__.main(list(arguments)) == 0
        return capsys.readouterr().out.strip()

    assert says("show") == "none"
    assert says("up") == HEAD
    assert says("down", "0001") == "0001"
    assert says("up") == HEAD
    with pytest.raises(SystemExit):
        __main__.main(["down"])
