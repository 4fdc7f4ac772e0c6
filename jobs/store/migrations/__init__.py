"""The schema and its revisions, by Alembic; each is a file in ``versions``."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0008"
"""The revision that this code works with."""
FOLDER = Path(__file__).parent
NONE = "base"


class SchemaTooNew(Exception):
    """The database is of a revision that this version of the service does not know."""


def revision(connection: Connection) -> str | None:
    """Which one the database is of; None for an empty one, and one from before migrations."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def upgrade(connection: Connection, target: str = HEAD) -> bool:
    """Bring the schema to a revision, in the caller's transaction; whether it was of another one.

    Raises:
        SchemaTooNew: if it is of a later one than this code knows.
    """
    current = check(connection)
    if current == target:
        return False
    _run(connection, "upgrade", target)
    return True


def check(connection: Connection) -> str | None:
    """The database's revision. Raises SchemaTooNew if this code does not know it."""
    current = revision(connection)
    if current is not None and current > HEAD:
        raise SchemaTooNew(
            f"The database is of revision {current}, and this version of the service knows those "
            f"up to {HEAD}: install the version that made it, or restore a backup."
        )
    return current


def downgrade(connection: Connection, target: str) -> None:
    """Go back to an earlier revision, or to ``base``; what later ones added is lost."""
    _run(connection, "downgrade", target)


def _run(connection: Connection, verb: str, target: str) -> None:
    from alembic import command  # noqa: PLC0415 - a start that migrates nothing does without
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    getattr(command, verb)(config, target)
