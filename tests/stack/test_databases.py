"""What cannot be worked with is said by all that open the database, in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_rows import postgres_databases

COMMANDS = ["app", "worker", "app.keys list", "jobs.store.migrations show"]


def ended(command: str, url: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    settings = {"S2CONVSCN_DATABASE_URL": url, "S2CONVSCN_DATA_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-P", "-m", *command.split()],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_does_not_answer(command: str, tmp_path: Path) -> None:
    url = "postgresql+psycopg://somebody:secret@127.0.0.1:1/nothing"
    found = ended(command, url, tmp_path)
    assert found.returncode == 1
    assert found.stderr.removeprefix("error: ").startswith("The database cannot be used: ")
    assert "Traceback" not in found.stderr
    assert "secret" not in found.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_cannot_hold_every_letter(command: str, tmp_path: Path) -> None:
    latin = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    with postgres_databases(1, latin) as (url,):
        found = ended(command, url, tmp_path)
    assert found.returncode == 2
    said = found.stderr.removeprefix("error: ")
    assert said.startswith("S2CONVSCN_DATABASE_URL: the database s2convscn_")
    assert "encoding SQL_ASCII. It must be UTF8" in said
