"""``python -m app.keys``, which ``s2convscn keys`` calls: make, list and revoke API keys."""

import argparse
import re
import sys
from contextlib import closing
from datetime import UTC, datetime

from jobs.errors import DomainError
from jobs.records import Key, Scope
from jobs.settings import SettingsError, load
from jobs.store import Store
from jobs.store.migrations import SchemaTooNew

REFUSED = 2
OWNER = re.compile(r"[A-Za-z0-9._-]{1,64}")


def main(arguments: list[str] | None = None) -> int:
    said = _parser().parse_args(arguments)
    try:
        with closing(Store(load())) as store:
            said.run(store, said)
    except (SettingsError, SchemaTooNew, DomainError) as error:
        sys.stderr.write(f"error: {error}\n")
        return REFUSED
    return 0


def create(store: Store, said: argparse.Namespace) -> None:
    key, secret = store.keys.make(said.owner, said.name, said.scope)
    sys.stderr.write(
        f"{key.id} of {key.owner}, scope {key.scope}. This is the only time that it is shown:\n"
    )
    sys.stdout.write(f"{secret}\n")


def show(store: Store, _said: argparse.Namespace) -> None:
    for line in ("id", "owner", "scope", "made", "revoked", "name"), *map(_line, store.keys.all()):
        sys.stdout.write("\t".join(line) + "\n")


def revoke(store: Store, said: argparse.Namespace) -> None:
    key = store.keys.revoke(said.id)
    sys.stderr.write(f"{key.id} of {key.owner} was revoked at {_time(key.revoked_at)}.\n")


def _line(key: Key) -> tuple[str, ...]:
    return (
        *(key.id, key.owner, key.scope, _time(key.created_at), _time(key.revoked_at)),
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


def _name(text: str) -> str:
    if not text.isprintable():
        raise argparse.ArgumentTypeError("a name is one line of printable characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
