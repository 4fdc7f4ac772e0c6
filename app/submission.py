"""From a request to a resolved method, or to the problem that says what would be right."""

from typing import NamedTuple

from pydantic import ValidationError

from app import errors
from app.requests import JobRequest, Submission, method_name
from app.validation import METHOD, refusal
from app.webhooks import unreachable
from jobs.errors import Gone, NotFound, QuotaExceeded
from jobs.records import AUTO, Dataset
from jobs.settings import Settings
from jobs.store.webhooks import Endpoint
from models.automatic import FEWEST, SURVEYED, most_clusters
from models.base import Method, Shape
from models.catalogue import METHODS
from models.sizes import FLOAT, LANDMARKS_A_CLUSTER, expression_bytes, fitted_images

REFUSALS = (
    NotFound,
    Gone,
    QuotaExceeded,
    errors.MalformedBody,
    errors.RequestTooLarge,
    errors.InvalidRequest,
    errors.UnknownMethod,
    errors.UnknownHyperparameter,
    errors.InvalidHyperparameter,
    errors.UnknownPreset,
    errors.InvalidNClusters,
    errors.ImagesNeeded,
    errors.ImageSizeNeeded,
    errors.JobTooLarge,
)
"""What a request for jobs may be answered with."""
MIB = 1024**2
FEWEST_TO_COUNT = 2 * FEWEST
"""Images from which on there can be two clusters of some size."""
ENSEMBLE_SQUARES = 2
"""N x N floats: the sum of the affinities, and a checkpoint's copy."""


class Resolved(NamedTuple):
    """``needs_bytes``: the estimated peak of the trainer's memory."""

    method: Method
    needs_bytes: int


def endpoint(request: Submission, settings: Settings) -> Endpoint | None:
    """Whom to tell of the job's end.

    Raises:
        errors.InvalidRequest: for an address that webhooks may not reach.
    """
    if request.webhook is None:
        return None
    if reason := unreachable(request.webhook.url, settings.webhook_networks):
        raise errors.InvalidRequest(f"/webhook/url {reason}.")
    return Endpoint(request.webhook.url, request.webhook.secret)


def resolve(
    request: JobRequest,
    dataset: Dataset,
    max_bytes: int,
    place: tuple[str | int, ...] = METHOD,
) -> Resolved:
    """The method with every hyperparameter filled in for the data set's size, and what it needs.

    ``place``: where in the body the method was.

    Raises:
        errors.InvalidNClusters: fewer than two clusters or more than images.
        errors.ImagesNeeded: feature vectors, and a method with an auto-encoder.
        errors.ImageSizeNeeded: images of mixed sizes and no size to bring them to.
        errors.UnknownPreset: the method has no such preset.
        errors.InvalidHyperparameter: a value that does not suit the data set's size.
        errors.InvalidRequest: an ensemble or a selection that the method cannot give; feature
            vectors that shall be resized.
        errors.JobTooLarge: an estimate above ``max_bytes``.
    """
    asked = request.n_clusters
    known = None if isinstance(asked, str) else asked
    n = known or most_clusters(min(dataset.n_images, SURVEYED))
    fitted = fitted_images(dataset.n_images, known, request.landmarks)
    _check_count(n, request, dataset)
    _check_landmarks(n, fitted, request)
    if dataset.dimension is not None:
        _check_features(request, dataset.dimension)
    shape = _shape(request, dataset)
    part = shape._replace(n_images=fitted)
    try:
        method = _with_preset(request, n).resolve(part, n)
    except ValidationError as error:
        where = (*place, method_name(request.method))
        raise refusal([{**e, "loc": (*where, *e["loc"])} for e in error.errors()]) from error
    except ValueError as error:
        raise errors.InvalidHyperparameter(str(error)) from error
    _check_several(method, request)
    needed = estimate(method, shape, part, n, request.ensemble)
    _check_memory(needed, shape, request, max_bytes)
    return Resolved(method if known else request.method.resolve_but_count(part), needed)


def _check_count(n: int, request: JobRequest, dataset: Dataset) -> None:
    """``n``: as asked for, or the largest that would be chosen."""
    if n > dataset.n_images:
        raise errors.InvalidNClusters(
            f"n_clusters is {n}, the data set has {dataset.n_images} images: "
            f"choose 2 to {dataset.n_images}.",
            n_images=dataset.n_images,
        )
    if request.n_clusters == AUTO and dataset.n_images < FEWEST_TO_COUNT:
        raise errors.InvalidNClusters(
            f"n_clusters is auto, and {dataset.n_images} images are too few to tell: give a "
            f"number, or {FEWEST_TO_COUNT} images or more.",
            n_images=dataset.n_images,
        )
    if request.n_clusters == AUTO and request.preset is not None:
        raise errors.InvalidNClusters(
            f"n_clusters is auto, and the constants of preset {request.preset!r} are for a number "
            "of clusters that is known: give it, or leave the preset out."
        )


def _check_landmarks(n: int, fitted: int, request: JobRequest) -> None:
    if request.landmarks is not None and n > fitted:
        raise errors.InvalidRequest(
            f"/landmarks is {request.landmarks}, too few for {n} clusters: give {n} or more, "
            f"better {LANDMARKS_A_CLUSTER * n}."
        )


def _check_features(request: JobRequest, dimension: int) -> None:
    what = f"the data set holds feature vectors of {dimension} numbers"
    if request.image_size is not None:
        raise errors.InvalidRequest(f"/image_size: {what}, which cannot be resized: leave it out.")
    if request.method.needs_images:
        others = [name for name, method in METHODS.items() if not method.needs_images]
        raise errors.ImagesNeeded(
            f"{method_name(request.method)} trains an auto-encoder on images, and {what}: choose "
            f"one of {', '.join(others)}, or upload the images themselves.",
            methods=others,
        )


def _shape(request: JobRequest, dataset: Dataset) -> Shape:
    if request.image_size is not None:
        height, width = request.image_size
    elif dataset.height is not None and dataset.width is not None:
        height, width = dataset.height, dataset.width
    else:
        raise errors.ImageSizeNeeded(
            "Its images differ in size: give image_size, such as [32, 32], to resize them all."
        )
    return Shape(dataset.n_images, dataset.channels, height, width)


def _with_preset(request: JobRequest, n_clusters: int) -> Method:
    if request.preset is None:
        return request.method
    try:
        return request.method.with_preset(request.preset, n_clusters)
    except KeyError:
        presets = ", ".join(request.method.presets) or "none"
        raise errors.UnknownPreset(
            f"{method_name(request.method)} has no preset {request.preset!r}; it has {presets}.",
            presets=list(request.method.presets),
        ) from None


def _check_several(method: Method, request: JobRequest) -> None:
    """Whether there is an affinity to average, and settings to choose between."""
    name = method_name(method)
    if request.ensemble > 1 and not method.has_affinity:
        raise errors.InvalidRequest(
            f"/ensemble needs a method with an affinity to average, {name} has none: leave it out."
        )
    if request.ensemble > 1 and getattr(method, "final_labels", None) == "head":
        raise errors.InvalidRequest(
            "/ensemble clusters an affinity, and /method/final_labels is 'head': leave "
            "out one of them."
        )
    if request.select and len(method.candidates()) == 1:
        raise errors.InvalidRequest(
            f"/select: {name} has one setting here and nothing to choose from: leave it out, or "
            "set affinity to processed."
        )


def estimate(method: Method, shape: Shape, part: Shape, n_clusters: int, ensemble: int) -> int:
    """Peak memory of a job on all images ``shape`` that is fitted to ``part`` of them."""
    needed = method.memory_bytes(part, n_clusters)
    if ensemble > 1:
        needed += ENSEMBLE_SQUARES * FLOAT * part.n_images**2
    if part != shape:
        needed += expression_bytes(shape, method.features(shape))
    return needed


def _check_memory(needed: int, shape: Shape, request: JobRequest, limit: int) -> None:
    if needed <= limit:
        return
    size, less = f"{shape.height} x {shape.width}", "give a smaller image_size"
    if shape.is_features:
        size, less = f"{shape.channels} numbers", "upload shorter vectors"
    some = "give fewer landmarks" if request.landmarks else 'set landmarks to "auto"'
    raise errors.JobTooLarge(
        f"About {needed / MIB:,.0f} MiB would be needed for {shape.n_images} images of "
        f"{size}, {limit / MIB:,.0f} MiB are allowed: {some}, {less}, upload fewer images, or "
        "raise S2CONVSCN_MAX_JOB_BYTES.",
        estimate_bytes=needed,
        limit_bytes=limit,
    )
