"""Where and with what a figure was made."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")
CODE = ("models", "benchmarks/*.py")
SERVICE = ("app", "jobs", "worker", "s2convscn", "models", "benchmarks/load")


def provenance(device: str, code: tuple[str, ...] = CODE) -> dict[str, Any]:
    """Versions, machine, commit of the code and time, as JSON can hold them."""
    return {
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": {
            "system": platform.system(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else device,
        },
        "commit": commit(code),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def forget_peak() -> None:
    """Begin to measure the peak memory anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int | None:
    """Of this process since then; None where the system does not tell."""
    return status_bytes("VmHWM")


def status_bytes(name: str, process: str = "self") -> int | None:
    """A figure of a process's memory by Linux's name; None where the system does not tell."""
    status = Path("/proc") / process / "status"
    lines = status.read_text().splitlines() if status.is_file() else []
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) * 1024 if found else None


def processor() -> str:
    """The CPU as its maker calls it, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


@cache
def commit(code: tuple[str, ...] = CODE) -> str | None:
    """The commit of the code, with ``+`` if the code differs from it; None outside git."""
    head = _git("rev-parse", "HEAD")
    return head and head + ("+" if _git("status", "--porcelain", "--", *code) else "")


def _git(*arguments: str) -> str | None:
    git = which("git")
    if git is None:
        return None
    found = subprocess.run(  # noqa: S603 - fixed arguments
        [git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() if found.returncode == 0 else None
