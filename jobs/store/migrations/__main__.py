"""``python -m jobs.store.migrations``: show the revision, go up, go back."""

import argparse
import sys
from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from jobs.settings import SettingsError, load
from jobs.store.database import Database, reason
from jobs.store.migrations import HEAD, SchemaTooNew, downgrade, revision, upgrade

FAILED, REFUSED = 1, 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.store.migrations",
        description="The schema of the database. A service that starts brings it up by itself.",
    )
    parser.add_argument("verb", choices=["show", "up", "down"])
    parser.add_argument("target", nargs="?", help="a revision, such as 0001; needed by down")
    said = parser.parse_args(arguments)
    if said.verb == "down" and said.target is None:
        parser.error("down needs the revision to go back to")
    try:
        with closing(Database(load().database)) as database, database.migration() as connection:
            if said.verb == "up":
                upgrade(connection, said.target or HEAD)
            elif said.verb == "down":
                downgrade(connection, said.target)
            sys.stdout.write(f"{revision(connection) or 'none'}\n")
    except (SettingsError, SchemaTooNew) as error:
        sys.stderr.write(f"error: {error}\n")
        return REFUSED
    except SQLAlchemyError as error:
        sys.stderr.write(f"error: {reason(error)}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
