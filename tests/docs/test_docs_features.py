"""The recipe for feature vectors in docs/methods.md, run as it stands there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from documents import DOCS, blocks
from PIL import Image

from app.ingest import IngestOptions, ingest, sniff
from jobs.settings import Settings


def test_the_recipe_makes_an_upload(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("bark/1", "bark/2", "leaf/1", "leaf/2", "moss/1"):
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(path)
    (recipe,) = [b.text for b in blocks(DOCS / "methods.md") if b.language == "python"]
    subprocess.run([sys.executable, "-c", recipe], cwd=tmp_path, check=True)

    upload, target = tmp_path / "features.npz", tmp_path / "set"
    made = ingest(upload, sniff(upload), IngestOptions(), target, Settings(data_dir=tmp_path))
    assert (made.n_images, made.channels, made.classes) == (5, 5, ["bark", "leaf", "moss"])
    assert made.notices == []
    names = [image["name"] for image in json.loads((target / "index.json").read_bytes())["images"]]
    assert names[::4] == ["images/bark/1.png", "images/moss/1.png"]
