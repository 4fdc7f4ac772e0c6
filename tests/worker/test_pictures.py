from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.base import Clustering
from models.means import clustered
from worker import pictures
from worker.pictures import affinity_map, curves
from worker.trainer import files

contact_sheet = partial(pictures.contact_sheet, sure_by="how sure")


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def blocks(labels: NDArray[np.int64], seed: int = 0) -> NDArray[np.float32]:
    """An affinity that is strong inside clusters and weak outside."""
    rng = np.random.default_rng(seed)
    noise = rng.random((len(labels), len(labels)), dtype=np.float32)
    A = np.where(labels[:, None] == labels, 0.5 + noise / 2, noise / 20).astype(np.float32)
    return (A + A.T) / 2


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 256, 256), (1, 48, 42), (1, 8, 200)])
def test_contact_sheet_draws_images_of_any_shape(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    images = np.random.default_rng(0).random((60, *shape), dtype=np.float32)
    contact_sheet(images, np.arange(60) % 3, np.linspace(0, 1, 60), tmp_path / "sheet.png")
    drawn = pixels(tmp_path / "sheet.png")
    assert drawn.shape[1] <= 1440
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50


def test_contact_sheet_stays_bounded_for_many_clusters_and_images(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((7200, 1, 32, 32), dtype=np.float32)
    labels = np.repeat(np.arange(100), 72)
    contact_sheet(images, labels, np.full(7200, 0.5), tmp_path / "sheet.png")
    height, width, _ = pixels(tmp_path / "sheet.png").shape
    assert width <= 1440
    assert height <= 8700


def test_contact_sheet_draws_the_largest_of_too_many_clusters(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((500, 1, 8, 8), dtype=np.float32)
    contact_sheet(images, np.arange(500) // 2, np.ones(500), tmp_path / "sheet.png")
    assert pixels(tmp_path / "sheet.png").shape[0] <= 8700


def test_contact_sheet_draws_one_cluster_of_one_image(tmp_path: Path) -> None:
    images = np.full((1, 1, 8, 8), 0.25, dtype=np.float32)
    contact_sheet(images, np.zeros(1, int), np.ones(1), tmp_path / "sheet.png")
    assert (pixels(tmp_path / "sheet.png") == 64).all(axis=2).sum() >= 48 * 48


def test_contact_sheet_draws_black_images_as_black(tmp_path: Path) -> None:
    images = np.zeros((20, 1, 16, 16), dtype=np.float32)
    contact_sheet(images, np.zeros(20, int), np.zeros(20), tmp_path / "sheet.png")
    drawn = pixels(tmp_path / "sheet.png")
    assert (drawn == 0).all(axis=2).any()
    assert (drawn == 255).all(axis=2).any()


def test_contact_sheet_puts_the_surest_image_first_and_frames_the_least_sure(
    tmp_path: Path,
) -> None:
    shades = np.arange(20, 230, 7)
    images = np.tile((shades / 255).astype(np.float32)[:, None, None, None], (1, 1, 8, 8))
    contact_sheet(images, np.zeros(30, int), 1 - shades / 255, tmp_path / "sheet.png")
    drawn = pixels(tmp_path / "sheet.png")
    first, last = (np.argwhere((drawn == s).all(axis=2))[:, 1] for s in shades[[0, -1]])
    assert first.mean() < last.mean()
    assert (drawn == (240, 138, 36)).all(axis=2).any()


Box = tuple[float, float, float, float]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Box]]:
    """Texts that are drawn, each with its left, top, right and bottom; lines are texts of none."""
    found: list[tuple[str, Box]] = []
    text, line = ImageDraw.ImageDraw.text, ImageDraw.ImageDraw.line

    def write(
        pen: ImageDraw.ImageDraw, at: Any, words: str, fill: str, font: Any, **how: Any
    ) -> None:
        found.append((words, pen.textbbox(at, words, font, **how)))
        text(pen, at, words, fill, font, **how)

    def rule(pen: ImageDraw.ImageDraw, at: Box, fill: str) -> None:
        found.append(("", at))
        line(pen, at, fill)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", write)
    monkeypatch.setattr(ImageDraw.ImageDraw, "line", rule)
    return found


def test_no_words_of_a_contact_sheet_lie_on_others(
    tmp_path: Path, written: list[tuple[str, Box]]
) -> None:
    images = np.zeros((400, 1, 8, 200), dtype=np.float32)
    labels = np.repeat([7, 12, 345, 1234, *range(12300, 12340)], 10)[:400]
    contact_sheet(images, labels, np.ones(400), tmp_path / "sheet.png")
    assert {"1234", "12300"} <= {words for words, _ in written}
    for (one, a), (other, b) in combinations(written, 2):
        apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
        assert apart, (one, other)


def test_contact_sheet_says_what_its_bars_are(
    tmp_path: Path, written: list[tuple[str, Box]]
) -> None:
    images = np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32)
    by_means = clustered(images.reshape(20, -1), 2, seed=0, restarts=1, max_iterations=9)
    for found in (Clustering(by_means.labels), by_means):
        files._sheet(images, found, np.ones(20, np.float32))["clusters.png"](tmp_path / "a.png")
    bars = [words for words, _ in written if words.startswith("bar: ")]
    assert bars == [
        "bar: share of an image's affinity inside its cluster",
        "bar: how much nearer its cluster's mean is than the next",
    ]


@pytest.mark.parametrize("N", [2, 37, 1799, 2500])
def test_affinity_map_is_bounded(tmp_path: Path, N: int) -> None:
    labels = np.arange(N) % 5
    affinity_map(blocks(labels), labels, tmp_path / "map.png")
    drawn = pixels(tmp_path / "map.png")
    assert 600 <= drawn.shape[0] <= 1500
    assert 600 <= drawn.shape[1] <= 1500


def test_affinity_map_shows_clusters_as_bright_squares_on_the_diagonal(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 2, 400)
    affinity_map(blocks(labels), labels, tmp_path / "map.png")
    drawn = pixels(tmp_path / "map.png").astype(int).sum(axis=2)
    inside, outside = drawn[150:250, 150:250], drawn[150:250, 650:750]
    assert inside.mean() > 3 * outside.mean()


def test_affinity_map_leaves_its_input_untouched(tmp_path: Path) -> None:
    labels = np.arange(50) % 2
    affinity = blocks(labels)
    before = affinity.copy()
    affinity_map(affinity, labels, tmp_path / "map.png")
    np.testing.assert_array_equal(affinity, before)


@pytest.mark.parametrize("clusters", [1, 100])
def test_affinity_map_takes_one_and_a_hundred_clusters(tmp_path: Path, clusters: int) -> None:
    labels = np.arange(300) % clusters
    affinity_map(blocks(labels), labels, tmp_path / "map.png")
    assert pixels(tmp_path / "map.png").std() > 1


def test_affinity_map_of_nothing_is_drawn(tmp_path: Path) -> None:
    affinity_map(np.zeros((10, 10), np.float32), np.zeros(10, int), tmp_path / "map.png")
    assert (pixels(tmp_path / "map.png")[300:400, 300:400] < 10).all()


def test_curves_draw_a_panel_for_every_number_of_every_phase(tmp_path: Path) -> None:
    pretraining = [{"phase": "pretraining", "epoch": e, "L0": 1 / e} for e in range(1, 40)]
    training = [
        {"phase": "training", "epoch": e, "loss": 9.0 / e, "L3": 5 - e, "C_Q_share": 0.1}
        for e in range(1, 5)
    ]
    curves(pretraining, tmp_path / "one.png")
    curves(pretraining + training, tmp_path / "two.png")
    one, two = pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png")
    assert two.shape[0] > one.shape[0]
    assert two.shape[1] == one.shape[1] <= 1600
    assert (two == (61, 90, 152)).all(axis=2).sum() > (one == (61, 90, 152)).all(axis=2).sum()


def test_curves_leave_out_what_is_no_finite_number(tmp_path: Path) -> None:
    rows = [
        {"phase": "training", "epoch": 1, "loss": float("nan"), "note": "text", "done": True},
        {"phase": "training", "epoch": 2, "loss": float("inf"), "L0": 0.0},
    ]
    curves(rows, tmp_path / "curves.png")
    assert pixels(tmp_path / "curves.png").std() > 1


def test_curves_of_no_epochs_say_so(tmp_path: Path) -> None:
    curves([], tmp_path / "curves.png")
    assert pixels(tmp_path / "curves.png").min() < 200
