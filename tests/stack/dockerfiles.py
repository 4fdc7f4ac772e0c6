"""A Dockerfile's instructions, carried out in overlays of this machine's root."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Instruction(NamedTuple):
    word: str
    rest: str


def instructions(path: Path) -> list[Instruction]:
    """Without comments, continued lines joined as the shell joins them."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


class Stage:
    """A root, and what runs in it: as root while it is made, as its user afterwards."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.environment = {"PATH": PATH, "HOME": "/root"}
        self.arguments: dict[str, str] = {}
        self.directory, self.user = "/", "0"
        self.command: list[str] = []
        self.health: list[str] = []

    def inside(self, path: str) -> Path:
        return self.root / Path(self.directory, path).relative_to("/")

    def words(self, command: list[str], environment: Mapping[str, str]) -> list[str]:
        """A command line of this machine that runs one inside."""
        pairs = [f"{name}={value}" for name, value in (self.environment | {**environment}).items()]
        plain = [] if self.user == "0" else ["--no-new-privs", "--bounding-set=-all"]
        ids = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *plain]
        chosen = ["env", "-i", "-C", self.directory, *pairs, *command]
        return ["chroot", str(self.root), "setpriv", *ids, *chosen]

    def start(self, command: list[str], log: Path, **environment: str) -> "subprocess.Popen[bytes]":
        with log.open("wb") as out:
            return subprocess.Popen(self.words(command, environment), stdout=out, stderr=out)

    def succeeds(self, command: list[str], **environment: str) -> bool:
        ended = subprocess.run(
            self.words(command, environment), capture_output=True, check=False, timeout=60
        )
        return ended.returncode == 0

    def mount(self, source: Path, place: str) -> None:
        self.inside(place).mkdir(parents=True, exist_ok=True)
        call("mount", "--bind", source, self.inside(place))

    def close_for_writing(self) -> None:
        """But for what is mounted, and a new /tmp."""
        call("mount", "-t", "tmpfs", "none", self.root / "tmp")
        call("mount", "-o", "remount,ro", self.root)


@contextmanager
def image(name: str, folder: Path, **arguments: str) -> Iterator[Stage]:
    """The last stage of ``docker/NAME.Dockerfile``, made with these build arguments."""
    stages: dict[str, Stage] = {}
    with ExitStack() as opened:
        for word, rest in instructions(ROOT / "docker" / f"{name}.Dockerfile"):
            if word == "FROM":
                called = rest.partition(" AS ")[2] or "last"
                stage = stages[called] = opened.enter_context(overlay(folder / called))
            elif word == "ARG":
                argument, _, default = rest.partition("=")
                stage.arguments[argument] = arguments.get(argument, default)
            elif word == "RUN":
                run(stage, rest)
            elif word == "COPY":
                copy(stage, rest, stages)
            else:
                note(stage, word, rest)
        yield stages["last"]


@contextmanager
def overlay(folder: Path) -> Iterator[Stage]:
    """A root whose changes go into memory. Nothing of the checkout is to be seen in it."""
    folder.mkdir(parents=True)
    call("mount", "-t", "tmpfs", "none", folder)
    try:
        root = folder / "root"
        lay(Path("/"), folder, root)
        give_python(folder / "python", root)
        stage = Stage(folder, root)
        for place in ("/proc", "/dev", "/sys"):
            stage.mount(Path(place), place)
        hide = stage.inside(str(ROOT))
        hide.mkdir(parents=True, exist_ok=True)
        call("mount", "-t", "tmpfs", "none", hide)
        yield stage
    finally:
        call("umount", "--lazy", folder)  # and all that is mounted in it, hidden or not


def give_python(folder: Path, root: Path) -> None:
    """This interpreter's installation as /usr/local, where the base image has its own.

    Its library may be loaded from where it was built: anybody may read there.
    """
    local = root / "usr" / "local"
    lay(Path(sys.base_prefix), folder, local)
    if not (link := local / "bin" / "python").exists():
        link.symlink_to(f"python3.{sys.version_info.minor}")
    for parent in Path(sys.base_prefix).parents[:-1]:
        (root / parent.relative_to("/")).chmod(0o755)


def lay(lower: Path, folder: Path, place: Path) -> None:
    """Mount a folder at a place so that what is written there goes into another folder."""
    upper, work = folder / "upper", folder / "work"
    for part in (upper, work, place):
        part.mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    call("mount", "-t", "overlay", "overlay", "-o", layers, place)


def run(stage: Stage, line: str) -> None:
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    subprocess.run(stage.words(["sh", "-c", line], pip | stage.arguments), check=True)


def copy(stage: Stage, rest: str, stages: Mapping[str, Stage]) -> None:
    *sources, target = rest.split()
    origin: Path | None = None
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).removeprefix("--from=")].root
    for source in sources:
        found = ROOT / source if origin is None else origin / source.lstrip("/")
        place = stage.inside(target)
        if found.is_dir():
            shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(found, place / found.name if target.endswith("/") else place)


def note(stage: Stage, word: str, rest: str) -> None:
    if word == "ENV":
        stage.environment |= dict(pair.split("=", 1) for pair in rest.split())
        stage.environment["PATH"] = stage.environment["PATH"].replace("$PATH", PATH)
    elif word == "WORKDIR":
        stage.directory = rest
        stage.inside(rest).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        stage.user = rest
    elif word == "CMD":
        stage.command = json.loads(rest)
    elif word == "HEALTHCHECK":
        stage.health = json.loads(rest.partition("CMD ")[2])
    elif word != "VOLUME":
        message = f"{word} is not known here"
        raise NotImplementedError(message)


def call(*words: str | Path) -> None:
    subprocess.run([*map(str, words)], check=True)
