"""One record for each kind of measurement and each set."""

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import records
from benchmarks.machine import provenance
from benchmarks.speed import epochs, gpu, memory, pretraining, solvers, spectral
from benchmarks.speed.cases import Case, case

BY_TURNS = {
    "epochs": epochs.measure,
    "pretraining": pretraining.measure,
    "spectral": spectral.measure,
    "solvers": solvers.measure,
    gpu.KIND: gpu.measure,
}


def measure(
    kinds: Sequence[str], names: Sequence[str], data: Path | None, rounds: int, results: Path
) -> None:
    """Time each kind on each set; what was measured before is measured anew.

    Raises:
        ValueError: for a kind that there is not, or a GPU that there is not.
    """
    unknown = set(kinds) - {*BY_TURNS, "memory"}
    if unknown:
        raise ValueError(f"Nothing is timed as {', '.join(sorted(unknown))}.")
    if gpu.KIND in kinds and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device that torch can use: nothing was measured.")
    for name in names:
        chosen = case(name, data)
        for kind in kinds:
            _record(kind, name, chosen, rounds, results)
    if "memory" in kinds:
        _record("memory", memory.FEW, memory.few_features(), rounds, results)


def _record(kind: str, name: str, chosen: Case, rounds: int, results: Path) -> None:
    """Measure and write; a line says that it is done."""
    timed = BY_TURNS.get(kind)
    found = timed(chosen, rounds) if timed else memory.measure(chosen)
    path = results / records.SPEED / f"{kind}-{name}.json".replace(" ", "-")
    about = {records.SPEED: kind, "set": name, "n_images": len(chosen.images)}
    device = gpu.DEVICE if kind == gpu.KIND else "cpu"
    records.write(path, about | {"real": chosen.real} | found | provenance(device))
    print(path, flush=True)
