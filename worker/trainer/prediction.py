"""Images that a trained model assigns, as a finished fit."""

import json
from pathlib import Path

from safetensors import safe_open

from jobs.states import Phase
from models.base import Clustering, State
from models.catalogue import parse
from models.prediction import Predictor
from worker.exchange import Spec
from worker.trainer.images import load_images
from worker.trainer.results import Finished
from worker.trainer.run import JobRun

ANSWER = "head"


def predict(spec: Spec, run: JobRun) -> Finished:
    """Bring the images to the size that the model knows, and ask its head."""
    predictor = Predictor(load_model(spec.model), run.device)
    run.show(Phase.LOADING, 0, 1)
    _, height, width = predictor.image_shape
    loaded = load_images(spec.dataset, (height, width))
    run.show(Phase.LOADING, 1, 1)
    run.begin()
    found = predictor.predict(
        loaded.images, lambda done, total: run.report(Phase.PREDICTING, done, total)
    )
    seconds = run.elapsed
    clustering = Clustering(
        labels=found.labels,
        answer=ANSWER,
        confidence=found.confidence,
        sure_by="probability of its cluster, by the network's head",
        embedding=found.embedding,
    )
    n_clusters = int(spec.n_clusters or 0)
    return Finished(parse(spec.method), loaded, clustering, n_clusters, seconds)


def load_model(files: dict[str, Path]) -> State:
    """Weights and what belongs to them."""
    with safe_open(files["model.safetensors"], framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    return State(arrays, json.loads(files["model.json"].read_bytes()))
