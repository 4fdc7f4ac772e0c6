"""Every method as a scikit-learn estimator: arrays in, ``labels_`` out, no service.

``ESTIMATORS`` has them by name; each is also a name of this module, and of ``models``.
"""

import warnings
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from models.base import COLOURS, Clustering, FloatArray, IntArray, Method, Shape, State
from models.catalogue import METHODS, parse
from models.parts import LARGEST_SEED
from models.sizes import fitted_images

IMAGES, COLOURED = 3, 4
"""Dimensions of N x H x W, and of N x H x W x channels."""
COMMON = """
Args:
    n_clusters: int or "auto": how many clusters; "auto" takes what models/counting.py suggests.
    random_state: int, RandomState or None: same seed, machine and number of threads, same labels.
    device: where torch computes; "cuda" for a GPU.
    landmarks: int, "auto" or None: fit to so many samples, drawn at random, and express the others
        by them, for more samples than N x N matrices have room for; None: fit to all."""
ATTRIBUTES = """
Attributes:
    labels_: (n_samples,) int64, the cluster of each sample.
    n_clusters_: how many there are.
    affinity_matrix_: (n_samples, n_samples), what spectral clustering was given, or None.
    coefficients_: (n_samples, n_samples), row i expresses sample i by the others, or None.
    landmarks_: (m,), the samples that were fitted; those two are then sparse. None if all were.
    embedding_: (n_samples, p), features of the encoder, or None.
    confidence_: (n_samples,), the share of a sample's affinity that lies inside its cluster.
    diagnostics_: figures that need no labels, such as the relative eigengap.
    notices_: what a person should know of the result.
"""


class Alone:
    """Implements ``models.base.Run`` for one who waits."""

    def __init__(self, device: str, seed: int) -> None:
        self.device = device
        self.seed = seed

    def report(self, *_: Any, **__: Any) -> None:
        """Tell nobody."""

    def resume(self) -> State | None:
        """There is nothing to go on from."""
        return None


class Estimator(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """What all have in common; subclasses are made from a method's hyperparameters."""

    kind: ClassVar[type[Method]]
    n_clusters: Any
    random_state: Any
    device: str
    landmarks: Any

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's way
        """Cluster.

        Args:
            X: images (N, H, W) or (N, H, W, 1 or 3), uint8 or floats in [0, 1]; methods without an
                auto-encoder also take feature vectors (N, D) of any size.
            y: ignored.

        Raises:
            ValueError: if X or a hyperparameter is not as the method takes it.
        """
        images = self._images(X)
        seed = self._seed()
        n = self._count(images, seed)
        if n == 1:
            return self._keep(_all_in_one(len(images)), n)
        from models.landmarks import fit  # noqa: PLC0415 - loads torch

        fitted = self._fitted(len(images), n)
        method = self._settings().resolve(Shape(*images.shape)._replace(n_images=fitted), n)
        run = Alone(self.device, seed)
        return self._keep(fit(lambda some: method.fit(some, n, run), images, n, run, fitted), n)

    def _settings(self) -> Method:
        given = {name: getattr(self, name) for name in self.kind.model_fields if name != "method"}
        chosen = {name: value for name, value in given.items() if value is not None}
        return parse({"method": self.kind.model_fields["method"].default, **chosen})

    def _keep(self, found: Clustering, n_clusters: int) -> Self:
        from models.scores import confidence  # noqa: PLC0415 - as the methods' own

        self.labels_ = found.labels
        self.n_clusters_ = n_clusters
        self.affinity_matrix_ = found.affinity
        self.coefficients_ = found.coefficients
        self.embedding_ = found.embedding
        self.landmarks_ = found.landmarks.indices if found.landmarks else None
        sure = found.confidence
        if sure is None and isinstance(found.affinity, np.ndarray):
            sure = confidence(found.affinity, found.labels)
        self.confidence_ = sure
        self.diagnostics_ = dict(found.diagnostics)
        self.notices_ = found.notices
        self.model_ = found.model
        for notice in found.notices:
            if notice.code == "not-converged":
                warnings.warn(notice.detail, ConvergenceWarning, stacklevel=3)
        return self

    def _images(self, X: Any) -> FloatArray:
        """As ``Method.fit`` takes them."""
        dimensions = np.ndim(X)
        if dimensions in {IMAGES, COLOURED}:
            return pictures(X)
        if self.kind.needs_images and dimensions == IMAGES - 1:
            message = (
                f"{type(self).__name__} trains an auto-encoder on images, of shape (n, height, "
                f"width) or (n, height, width, channels), and this has {dimensions} dimensions."
            )
            raise ValueError(message)
        rows = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)
        # one of fewer numbers would be taken for a pixel; zeros change no inner product
        missing = max(COLOURS + 1 - rows.shape[1], 0)
        return np.pad(rows, ((0, 0), (0, missing)))[:, :, None, None]

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(LARGEST_SEED, dtype=np.uint32))

    def _count(self, images: FloatArray, seed: int) -> int:
        if self.n_clusters == "auto":
            from models.counting import survey  # noqa: PLC0415 - as the methods' own

            return survey(images.reshape(len(images), -1), seed).suggested
        n = int(self.n_clusters)
        most = len(images)
        if not 1 <= n <= most:
            message = f"n_clusters={n}, but of {most} samples there can be 1 to {most}."
            raise ValueError(message)
        return n

    def _fitted(self, n_samples: int, n_clusters: int) -> int:
        """How many samples the method is fitted to."""
        asked = self.landmarks
        counted = isinstance(asked, int | np.integer) and asked >= n_clusters
        if not (asked is None or asked == "auto" or counted):
            message = f'landmarks={asked!r}, not "auto", None or an int of {n_clusters} or more.'
            raise ValueError(message)
        return fitted_images(n_samples, None if self.n_clusters == "auto" else n_clusters, asked)

    def _trains_head(self) -> bool:
        """Whether new images can be assigned; asked before there is a fit, too."""
        return "final_labels" in self.kind.model_fields and "gamma4" not in getattr(
            self.kind, "constants", ()
        )

    @available_if(_trains_head)  # type: ignore[untyped-decorator]
    def predict(self, X: Any) -> IntArray:
        """Assign images that were not trained on, by the head. Returns labels (M,).

        Args:
            X: images (M, H, W) or (M, H, W, channels) of the size of those trained on.
        """
        from models.prediction import Predictor  # noqa: PLC0415 - as the methods' own

        check_is_fitted(self)
        images = pictures(X, at_least=1)
        if self.model_ is None:  # one cluster was asked for
            return np.zeros(len(images), np.int64)
        predictor = Predictor(self.model_, self.device)
        if images.shape[1:] != predictor.image_shape:
            message = f"images of {images.shape[1:]}, and {predictor.image_shape} were trained on."
            raise ValueError(message)
        return predictor.predict(images).labels


def _all_in_one(n_samples: int) -> Clustering:
    labels, sure = np.zeros(n_samples, np.int64), np.ones(n_samples, np.float32)
    return Clustering(labels, confidence=sure)


def pictures(X: Any, at_least: int = 2) -> FloatArray:
    """Images (N, H, W) or (N, H, W, channels) as (N, channels, H, W) float32 in [0, 1].

    Raises:
        ValueError: for other channels, values outside, or fewer images.
    """
    array: NDArray[Any] = check_array(X, allow_nd=True, dtype=None, ensure_min_samples=at_least)
    scaled = array / np.float32(255) if array.dtype == np.uint8 else array
    images = np.array(scaled, dtype=np.float32)
    images = images[:, None] if images.ndim == IMAGES else np.moveaxis(images, 3, 1)
    if images.shape[1] not in {1, COLOURS}:
        there = images.shape[1]
        message = f"images have 1 or {COLOURS} channels, in the last place, not {there}."
        raise ValueError(message)
    if images.min() < 0 or images.max() > 1:
        message = "pixels are uint8, or floats in [0, 1]; these are from {:.3g} to {:.3g}."
        raise ValueError(message.format(images.min(), images.max()))
    return np.ascontiguousarray(images)


def _constructor(kind: type[Method]) -> Callable[..., None]:
    """An ``__init__`` with a parameter for each hyperparameter, as scikit-learn reads it."""
    fields = {name: field.default for name, field in kind.model_fields.items() if name != "method"}
    defaults: dict[str, Any] = {"n_clusters": 8, **fields, "random_state": 0, "device": "cpu"}
    defaults["landmarks"] = None

    def init(self: Estimator, *args: Any, **given: Any) -> None:
        bound = init.__signature__.bind(self, *args, **given)  # type: ignore[attr-defined]
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)

    itself = [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)]
    first, *others = defaults.items()
    itself += [Parameter(first[0], Parameter.POSITIONAL_OR_KEYWORD, default=first[1])]
    rest = [Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in others]
    init.__signature__ = Signature([*itself, *rest])  # type: ignore[attr-defined]
    return init


def _documented(kind: type[Method]) -> str:
    told = [
        f"    {name}: {field.description} Default: {field.default!r}."
        for name, field in kind.model_fields.items()
        if name != "method"
    ]
    return "\n".join([kind.__doc__ or kind.title, COMMON, *told, ATTRIBUTES, kind.citation])


def _made(kind: type[Method]) -> type[Estimator]:
    members = {
        "kind": kind,
        "__init__": _constructor(kind),
        "__doc__": _documented(kind),
        "__module__": __name__,
    }
    return type(kind.__name__, (Estimator,), members)


ESTIMATORS: dict[str, type[Estimator]] = {name: _made(kind) for name, kind in METHODS.items()}
globals().update({made.__name__: made for made in ESTIMATORS.values()})


def __getattr__(name: str) -> Any:
    """Type checkers do not see the classes above."""
    there = ", ".join(made.__name__ for made in ESTIMATORS.values())
    raise AttributeError(f"there is no estimator {name!r}; there are {there}")
