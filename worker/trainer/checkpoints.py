"""Resume checkpoints: one safetensors file each, arrays beside a string of JSON."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from models.base import State

logger = logging.getLogger(__name__)
Row = dict[str, Any]
UNREADABLE = (SafetensorError, OSError, KeyError, TypeError, ValueError)
"""Damaged, or with other contents than this version writes."""


@dataclass(frozen=True)
class Journal:
    """What surrounds a method's state: all that the job's attempts have recorded so far.

    Attributes:
        rows: the metrics of every epoch before the checkpoint.
        fraction: how far the job was.
        threads: CPU threads of the first attempt; a resumed run must use as many.
        elapsed: seconds of the fit by all attempts.
        versions: of the libraries that wrote the checkpoint.
        count: how many clusters the first attempt chose, and why; None if that was asked for.
    """

    rows: list[Row]
    fraction: float
    threads: int
    elapsed: float
    versions: dict[str, str]
    count: dict[str, Any] | None = None


@dataclass(frozen=True)
class Checkpoint:
    state: State
    journal: Journal


def file_name(number: int) -> str:
    return f"checkpoint-{number:06d}.safetensors"


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write under another name, flush to disk, rename: a visible checkpoint is whole."""
    body = {"meta": checkpoint.state.meta, "journal": asdict(checkpoint.journal)}
    partial = path.with_name(f".{path.name}.partial")
    save_arrays(partial, checkpoint.state.arrays, {"state": json.dumps(body)})
    partial.replace(path)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """A safetensors file, flushed to disk. Raises OSError, where safetensors has its own, too."""
    dense = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    try:
        save_file(dense, path, metadata=metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    with path.open("rb") as file:
        os.fsync(file.fileno())


def load(path: Path) -> Checkpoint:
    """Raises SafetensorError for a damaged file, FileNotFoundError for a missing one."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        body = json.loads(file.metadata()["state"])
    return Checkpoint(State(arrays, body["meta"]), Journal(**body["journal"]))


def newest(paths: list[Path]) -> Checkpoint | None:
    """The first readable one of ``paths``; None for a fresh start."""
    for path in paths:
        try:
            return load(path)
        except UNREADABLE as error:
            logger.warning("%s cannot be read and is passed over: %s", path.name, error)
    return None
