"""From a wish for a prediction to a job that a worker can run, or to the problem with it."""

import json
from typing import Any, NamedTuple

from app import errors
from app.context import Context
from app.requests import PredictionRequest, method_name
from app.results import content
from app.submission import MIB
from jobs.records import JSON, Dataset, Job, Notice
from models.base import WEAK_HEAD, Shape
from models.catalogue import parse
from models.hyperparameters import Layer
from models.sizes import prediction_bytes

MODEL = "model.json"
KINDS = {1: "gray", 3: "colour"}


class Model(NamedTuple):
    """A trained model, as its description has it."""

    channels: int
    height: int
    width: int
    n_clusters: int
    encoder: tuple[Layer, ...]


def model_of(context: Context, job: Job) -> Model:
    """The model of a job that has succeeded.

    Raises:
        errors.NoTrainedHead: if it has none that could assign images.
        Gone: if the job was just deleted.
    """
    if job.predicts is not None:
        raise errors.NoTrainedHead(
            f"It is a prediction itself: predict with {job.predicts}.", predicts=job.predicts
        )
    method = parse(job.method)
    if not method.trains_head:
        raise errors.NoTrainedHead(
            f"{method_name(method)} as it was set trains no head that could assign new images: "
            "run s2convscn with gamma4 and epochs above 0."
        )
    found = json.loads(content(context, job, MODEL))
    layers = tuple(Layer(*layer) for layer in found["hyperparameters"]["encoder"])
    channels, height, width = found["image_shape"]
    return Model(channels, height, width, found["n_clusters"], layers)


def wish(context: Context, source: Job, dataset: Dataset, request: PredictionRequest) -> JSON:
    """The fields of the prediction's row.

    Raises:
        errors.NoTrainedHead: the job cannot predict.
        Gone: the job was just deleted.
        errors.IncompatibleImages: the images have other channels, or are feature vectors.
        errors.JobTooLarge: an estimate above what a job may need.
    """
    model = model_of(context, source)
    _check_channels(dataset, model)
    needed = _check_memory(context, dataset, model)
    return {
        "request": _as_asked(source, model),
        "method": source.method,
        "metadata": request.metadata,
        "notices": [notice.model_dump() for notice in _notices(source, dataset, model)],
        "priority": request.priority,
        "needs_bytes": needed,
        "device": request.device,
        "max_seconds": request.max_seconds,
        "predicts": source.id,
    }


def _as_asked(source: Job, model: Model) -> dict[str, Any]:
    """The request of the source, for the number of clusters that it came to."""
    size = [model.height, model.width]
    return source.request | {"n_clusters": model.n_clusters, "image_size": size}


def _check_channels(dataset: Dataset, model: Model) -> None:
    wanted = KINDS[model.channels]
    if dataset.dimension is not None:
        what = f"the data set holds feature vectors of {dataset.dimension} numbers"
    elif dataset.channels != model.channels:
        what = f"the data set's are {KINDS[dataset.channels]}"
    else:
        return
    raise errors.IncompatibleImages(
        f"The model was trained on {wanted} images, and {what}: upload {wanted} images.",
        channels=model.channels,
    )


def _check_memory(context: Context, dataset: Dataset, model: Model) -> int:
    """The estimate, if it is allowed."""
    shape = Shape(dataset.n_images, model.channels, model.height, model.width)
    estimate, limit = prediction_bytes(shape, model.encoder), context.settings.max_job_bytes
    if estimate > limit:
        raise errors.JobTooLarge(
            f"About {estimate / MIB:,.0f} MiB would be needed to assign {shape.n_images} images, "
            f"{limit / MIB:,.0f} MiB are allowed: upload fewer at a time, or raise "
            "S2CONVSCN_MAX_JOB_BYTES.",
            estimate_bytes=estimate,
            limit_bytes=limit,
        )
    return estimate


def _notices(source: Job, dataset: Dataset, model: Model) -> list[Notice]:
    """What is known of the images, of their size, and of the model's head."""
    found = list(dataset.notices)
    if (dataset.height, dataset.width) != (model.height, model.width):
        size = f"{model.height} x {model.width}"
        said = f"The images were resized to {size}, as trained on."
        found.append(Notice(code="resized", detail=said))
    return [*found, *(notice for notice in source.notices if notice.code == WEAK_HEAD)]
