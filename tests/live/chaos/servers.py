"""A PostgreSQL and a Redis of the test's own, which it may kill."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import redis
from live_service import wait_until

from s2convscn import broker
from s2convscn.stack import free_port


class Postgres:
    """A cluster in a folder of its own; as root, it belongs to and runs as ``postgres``."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="s2convscn-postgres-"))
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._do("initdb", "--username=chaos", "--auth=trust", "--no-sync", "--pgdata", self.data)
        self._control("start")
        self.url = f"postgresql+psycopg://chaos@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def restart(self) -> None:
        """Every server process is killed at once; the new server replays its log."""
        self._control("restart")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._control("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _control(self, verb: str) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        how = () if verb == "start" else ("-m", "immediate")
        log = self.folder / "log"
        self._do("pg_ctl", "-D", self.data, "-o", options, "-l", log, "-w", *how, verb)

    def _do(self, program: str, *arguments: str | Path) -> None:
        folder = binaries()
        assert folder is not None, missing()
        subprocess.run(
            [str(folder / program), *map(str, arguments)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            user=self.user,
            start_new_session=True,
        )


def binaries() -> Path | None:
    """The folder of PostgreSQL's server programs; Debian keeps it off the PATH."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    found += [Path(path)] if (path := shutil.which("initdb")) else []
    return found[-1].parent if found else None


def missing() -> str | None:
    """Why no PostgreSQL can be started here; None if one can."""
    if binaries() is None:
        return "no PostgreSQL server is installed"
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return None


class Redis:
    """On a TCP port, with an append-only file: what it has taken it has again after a kill."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="s2convscn-redis-"))
        self.start()

    def start(self) -> None:
        command = [str(broker.binary()), "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self._answers, seconds=20)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        with redis.Redis(port=self.port) as client, suppress(redis.ConnectionError):
            return bool(client.ping())
        return False
