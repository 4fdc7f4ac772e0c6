"""Schemathesis against a running service: all its phases, all its checks but one."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "fuzzing"


def fuzz(url: str, examples: int, work: Path) -> None:
    """So many examples for each operation; fails with what does not hold, and how to repeat it."""
    options = ["--max-examples", str(examples), "--seed", "1", "--no-shrink", "--warnings", "off"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(FOLDER / "schemathesis.toml")),
        *("run", f"{url}/v1/openapi.json", *options),
    ]
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=work,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(FOLDER / "hooks.py")},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
