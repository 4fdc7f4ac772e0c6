"""Tells as JSON what trainers of this machine have: ``gpus``, or whether one ``works``."""

import json
import sys

import torch


def gpus() -> list[dict[str, str | int]]:
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [
        {"id": f"GPU-{gpu.uuid}", "name": gpu.name, "memory_bytes": gpu.total_memory}
        for gpu in found
    ]


def works() -> bool:
    """Whether the GPU answers; one that others have filled does."""
    try:
        return bool(torch.ones((), device="cuda").item())
    except RuntimeError as error:
        return "out of memory" in str(error)


if __name__ == "__main__":
    asked = {"gpus": gpus, "works": works}[sys.argv[1]]
    sys.stdout.write(json.dumps(asked()))
