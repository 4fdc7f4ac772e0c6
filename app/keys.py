"""``python -m app.keys``, which ``s2convscn keys`` calls: make, list and revoke API keys."""

import argparse
import math
import re
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from jobs.errors import DomainError
from jobs.records import Key, Limits, Scope
from jobs.settings import SettingsError, load
from jobs.store import Store
from jobs.store.database import reason
from jobs.store.migrations import SchemaTooNew

FAILED, REFUSED = 1, 2
COLUMNS = ("id", "owner", "scope", "made", "revoked", "limits", "name")
LIMITS = {
    "datasets": "most data sets of its owner for it to upload one",
    "bytes": "most bytes of its owner's data sets and results for it to add to them",
    "jobs": "most unfinished jobs of its owner for it to submit one",
    "requests_per_second": "its own, on average; the others are the service's where not given",
}
OWNER = re.compile(r"[A-Za-z0-9._-]{1,64}")


def main(arguments: list[str] | None = None) -> int:
    said = _parser().parse_args(arguments)
    try:
        with closing(Store(load())) as store:
            said.run(store, said)
    except (SettingsError, SchemaTooNew, DomainError) as error:
        sys.stderr.write(f"error: {error}\n")
        return REFUSED
    except SQLAlchemyError as error:
        sys.stderr.write(f"error: {reason(error)}\n")
        return FAILED
    return 0


def create(store: Store, said: argparse.Namespace) -> None:
    given = {name: getattr(said, f"max_{name}") for name in Limits.model_fields}
    key, secret = store.keys.make(said.owner, said.name, said.scope, Limits(**given))
    sys.stderr.write(
        f"{key.id} of {key.owner}, scope {key.scope}. This is the only time that it is shown:\n"
    )
    sys.stdout.write(f"{secret}\n")


def show(store: Store, _said: argparse.Namespace) -> None:
    for line in COLUMNS, *map(_line, store.keys.all()):
        sys.stdout.write("\t".join(line) + "\n")


def revoke(store: Store, said: argparse.Namespace) -> None:
    key = store.keys.revoke(said.id)
    sys.stderr.write(f"{key.id} of {key.owner} was revoked at {_time(key.revoked_at)}.\n")


def _line(key: Key) -> tuple[str, ...]:
    return (
        *(key.id, key.owner, key.scope, _time(key.created_at), _time(key.revoked_at)),
        " ".join(f"{name}={limit}" for name, limit in key.limits if limit is not None) or "-",
        key.name,
    )


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="s2convscn keys",
        description="API keys. Once one was made, the service answers nobody without one.",
    )
    commands = parser.add_subparsers(required=True, metavar="create | list | revoke")
    making = commands.add_parser("create", help="make a key; its secret goes to standard output")
    making.add_argument(
        "--owner",
        required=True,
        type=_owner,
        help="whose data sets and jobs it opens; 'local' owns what was made without keys",
    )
    making.add_argument("--name", default="", type=_name, help="what it is for")
    making.add_argument("--scope", default=Scope.WRITE, type=Scope, choices=list(Scope))
    for name, what in LIMITS.items():
        kind = float if name == "requests_per_second" else int
        option = f"--max-{name.replace('_', '-')}"
        making.add_argument(option, type=_positive(kind), metavar="N", help=what)
    making.set_defaults(run=create)
    commands.add_parser("list", help="all keys, without their secrets").set_defaults(run=show)
    revoking = commands.add_parser("revoke", help="make a key worthless, at once and for ever")
    revoking.add_argument("id", help="key_..., as 'list' shows it")
    revoking.set_defaults(run=revoke)
    return parser


def _owner(text: str) -> str:
    if not OWNER.fullmatch(text):
        message = f"{text!r} is no owner: 1 to 64 letters, digits, dots, underscores and hyphens"
        raise argparse.ArgumentTypeError(message)
    return text


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            found = kind(text)
        except ValueError:
            found = 0
        if not 0 < found < math.inf:
            message = f"{text!r} is no {kind.__name__} above 0"
            raise argparse.ArgumentTypeError(message)
        return found

    return number


def _name(text: str) -> str:
    if not text.isprintable():
        raise argparse.ArgumentTypeError("a name is one line of printable characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
