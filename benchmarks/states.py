"""States on disk, written whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.base import State

META = "meta.json"


def write(path: Path, state: State) -> None:
    """Arrays and meta of a state as one .npz file."""
    meta = np.frombuffer(json.dumps(state.meta).encode(), dtype=np.uint8)

    def save(partial: Path) -> None:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **{**state.arrays, META: meta})

    atomically(path, save)


def read(path: Path) -> State | None:
    """None if there is no such file."""
    if not path.is_file():
        return None
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop(META).tobytes())
    return State(arrays, meta)


def atomically(path: Path, save: Callable[[Path], object]) -> None:
    """Save under another name, then rename: what is visible is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
