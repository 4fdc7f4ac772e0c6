"""What the network is shown, and by what rule."""

from typing import Any

import numpy as np
import pytest

from models.base import FloatArray
from models.distinctness import Distinctness, most_distinct
from models.hyperparameters import PostProcessing
from models.methods.s2convscn import S2ConvSCN
from models.views import VIEWS, contrast, mirror, prepare

N_CLUSTERS, EACH, SIDE = 4, 25, 12
CLEAN = PostProcessing(dimension=3, power=2, spectrum="positive", neighbours=6)
UNDECIDED = S2ConvSCN(view="eigengap", postprocessing=CLEAN)


def turning() -> FloatArray:
    """Objects of one symmetric pattern each, lit from the left or the right by strong light."""
    rng = np.random.default_rng(0)
    half = rng.random((N_CLUSTERS, 3, SIDE, SIDE // 2))
    patterns = np.concatenate([half, half[..., ::-1]], axis=-1)
    weights = rng.random((N_CLUSTERS, EACH, 3))
    objects = np.einsum("cek,ckhw->cehw", weights, patterns)
    light = rng.standard_normal((N_CLUSTERS, EACH, SIDE, SIDE // 2))
    uneven = np.concatenate([light, -light[..., ::-1]], axis=-1)
    X = (objects + 2 * uneven).reshape(-1, 1, SIDE, SIDE)
    return np.asarray((X - X.min()) / (X.max() - X.min()), dtype=np.float32)


def handed() -> FloatArray:
    """Clusters of which two are the mirror images of the other two."""
    rng = np.random.default_rng(0)
    patterns = rng.random((2, 3, SIDE, SIDE))
    patterns = np.concatenate([patterns, patterns[..., ::-1]])
    X = np.einsum("cek,ckhw->cehw", rng.random((N_CLUSTERS, EACH, 3)), patterns)
    X = X + 0.01 * rng.random(X.shape)
    return np.asarray(X.reshape(-1, 1, SIDE, SIDE) / X.max(), dtype=np.float32)


def test_the_average_is_its_own_mirror_image() -> None:
    images = turning()
    found = mirror(images)
    np.testing.assert_allclose(found, found[..., ::-1])
    np.testing.assert_allclose(found.mean(), images.mean(), rtol=1e-5)


def test_images_whose_sides_hide_the_clusters_are_averaged() -> None:
    images = turning()
    settings, seen = prepare(UNDECIDED, images, N_CLUSTERS, "cpu")
    assert settings.view == "mirror"
    np.testing.assert_array_equal(seen, mirror(images))


def test_clusters_that_are_mirror_images_of_each_other_are_kept_apart() -> None:
    images = handed()
    settings, seen = prepare(UNDECIDED, images, N_CLUSTERS, "cpu")
    assert settings.view == "plain"
    assert seen is images


def lit() -> FloatArray:
    """Two fine patterns and their mirror images, each image under light from its own side."""
    rng = np.random.default_rng(0)
    patterns = rng.random((2, 1, 24, 24))
    patterns = np.concatenate([patterns, patterns[..., ::-1]])
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    angles = rng.random((N_CLUSTERS, EACH, 1, 1)) * 2 * np.pi
    light = np.exp(4 * (np.cos(angles) * x + np.sin(angles) * y))
    X = patterns * light
    lit = (X / X.max(axis=(2, 3), keepdims=True)).reshape(-1, 1, 24, 24)
    return np.asarray(lit, dtype=np.float32)


def test_contrast_takes_out_what_light_falls_on_an_image() -> None:
    images = lit()
    seen = contrast(images)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert seen.max() <= 1
    alike = [np.corrcoef(x[:EACH].reshape(EACH, -1)).mean() for x in (images, seen)]
    assert alike[0] < 0.3
    assert alike[1] > 0.6


def test_contrast_does_not_depend_on_brightness_and_exposure() -> None:
    images = lit()
    np.testing.assert_allclose(contrast(0.5 * images + 0.25), contrast(images), atol=0.06)


def test_images_under_changing_light_are_seen_by_their_contrast() -> None:
    images = lit()
    settings, seen = prepare(UNDECIDED, images, N_CLUSTERS, "cpu")
    assert settings.view == "contrast"
    np.testing.assert_array_equal(seen, contrast(images))


@pytest.mark.parametrize("chosen", VIEWS)
def test_a_choice_of_the_users_is_followed(chosen: Any) -> None:
    images = handed()
    settings, seen = prepare(S2ConvSCN(view=chosen), images, N_CLUSTERS, "cpu")
    assert settings.view == chosen
    np.testing.assert_array_equal(seen, VIEWS[chosen](images))


@pytest.mark.parametrize("asked", ["eigengap", "mirror"])
def test_model_and_notices_say_what_was_decided(asked: Any, recorder: Any) -> None:
    fit = S2ConvSCN(
        view=asked, pretrain_max_steps=20, epochs=2, postprocessing=CLEAN, encoder=((3, 4),)
    )
    found = fit.fit(turning(), N_CLUSTERS, recorder())
    assert found.model is not None
    assert found.model.meta["hyperparameters"]["view"] == "mirror"
    assert ("view" in {notice.code for notice in found.notices}) is (asked == "eigengap")


PHASES = ("preparing", "initialising")


def test_candidates_are_told_as_they_are_tried(recorder: Any) -> None:
    told: list[tuple[str, int, int]] = []

    class Listener(recorder):  # type: ignore[misc]
        def report(self, phase: str, step: int, total: int, **values: Any) -> None:
            told.append((phase, step, total))

    S2ConvSCN(pretrain_max_steps=2, epochs=0, encoder=((3, 4),)).fit(turning(), 4, Listener())
    views, starts = ([t[1:] for t in told if t[0] == phase] for phase in PHASES)
    assert list(dict.fromkeys(views)) == [(k, 4) for k in range(5)]
    assert list(dict.fromkeys(starts)) == [(k, 7) for k in range(1, 8)]


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        ({"plain": (4, 1), "mirror": (4.3, 1), "contrast": (2, 1)}, "plain"),
        ({"plain": (4, 1), "mirror": (4.5, 1), "contrast": (2, 1)}, "mirror"),
        ({"plain": (4, 0.6), "mirror": (4.1, 0.9), "contrast": (4.2, 0.8)}, "mirror"),
        ({"plain": (4, 0.6), "mirror": (3.9, 0.9), "contrast": (4.2, 0.8)}, "contrast"),
        ({"plain": (4, 0.6), "mirror": (3.9, 0.9), "contrast": (3.9, 0.9)}, "plain"),
        ({"plain": (4, 1), "mirror": (5, 1), "contrast_mirror": (5.3, 1)}, "mirror"),
        ({"plain": (4, 1), "mirror": (5, 1), "contrast_mirror": (5.6, 1)}, "contrast_mirror"),
        ({"plain": (1e5, 1), "mirror": (1e6, 1), "contrast": (1e7, 1)}, "plain"),
        ({"plain": (3, 0), "mirror": (3, -0.1)}, "plain"),
    ],
)
def test_a_view_needs_a_wide_gap_and_stable_clusters(found: Any, taken: str) -> None:
    looks = dict.fromkeys(VIEWS, Distinctness(0, 0))
    looks |= {name: Distinctness(*look) for name, look in found.items()}
    assert most_distinct(looks) == taken
