"""The libraries that trainers compute with, told without loading them."""

import platform
from importlib.metadata import version

LIBRARIES = ("s2convscn", "torch", "numpy", "scipy", "scikit-learn", "pillow", "safetensors")


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
