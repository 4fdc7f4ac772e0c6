"""Feature vectors: read as they are, by name, by dimensions or as the user says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_uploads import Read, gray, npz
from scipy.io import savemat

from app.ingest import stacks

Take = Callable[..., Read]
ROWS = np.random.default_rng(0).normal(0, 1000, (6, 5))
STACK = np.stack([gray(i) for i in range(6)])


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def check(read: Read, rows: Any) -> None:
    """The vectors as stored are the rows, each an image of one pixel."""
    found = read.ingested
    size = found.n_images, found.height, found.width, found.channels
    assert size == (len(rows), 1, 1, rows.shape[1])
    assert found.dtype == "float32"
    stored = np.stack(list(read.images.values()))[:, 0, 0]
    np.testing.assert_array_equal(stored, rows.astype(np.float32))


@pytest.mark.parametrize("dtype", ["f8", ">f8", "f4", "f2", "i8", "i2", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_type_are_kept(
    tmp_path: Path, taken: Take, monkeypatch: pytest.MonkeyPatch, dtype: str, order: Any
) -> None:
    monkeypatch.setattr(stacks, "BLOCK_BYTES", 2 * 5 * 8)
    rows = np.array(np.abs(ROWS) % 256, dtype=dtype, order=order)
    read = taken(saved(tmp_path / "a.npy", rows))
    check(read, rows)
    assert list(read.images) == ["0", "1", "2", "3", "4", "5"]
    assert read.index["truth"] is None


def test_rows_without_a_word_are_told_of(tmp_path: Path, taken: Take) -> None:
    read = taken(saved(tmp_path / "a.npy", ROWS))
    assert read.codes == {"read-as-features"}
    assert read.notice("read-as-features").startswith("The array is 6 x 5: each row")
    assert taken(saved(tmp_path / "a.npy", ROWS), kind="features").codes == set()


@pytest.mark.parametrize(
    ("key", "codes"),
    [("features", set()), ("X", {"read-as-features"}), ("embeddings", {"read-as-features"})],
)
def test_npz_with_names_and_truth(tmp_path: Path, taken: Take, key: str, codes: set[str]) -> None:
    labels, names = (
        np.array([[0], [0], [1], [1], [2], [2]]),
        np.array(["b", "a", "c", "d", "f", "e"]),
    )
    read = taken(npz(tmp_path / "a.npz", labels=labels, names=names, **{key: ROWS}))
    check(read, ROWS)
    assert read.codes == codes
    assert list(read.images) == names.tolist()
    assert read.index["truth"] == labels.ravel().tolist()


def test_images_come_before_features_unless_these_are_asked_for(
    tmp_path: Path, taken: Take
) -> None:
    path = npz(tmp_path / "a.npz", images=STACK, features=ROWS)
    assert taken(path).ingested.channels == 1
    assert taken(path, kind="images").ingested.channels == 1
    check(taken(path, kind="features"), ROWS)
    path = npz(tmp_path / "b.npz", images=ROWS)
    check(taken(path, kind="features"), ROWS)
    path = npz(tmp_path / "c.npz", features=STACK)
    assert taken(path).ingested.channels == 1, "the only array of three dimensions"


def test_mat_holds_features_if_that_is_said(tmp_path: Path, taken: Take) -> None:
    savemat(tmp_path / "a.mat", {"fea": ROWS, "gnd": np.array([[1], [1], [1], [2], [2], [2]])})
    read = taken(tmp_path / "a.mat", kind="features")
    check(read, ROWS)
    assert read.index["classes"] == ["1", "2"]
    assert read.codes == set()


def test_zeros_and_copies_are_told_of_and_constants_are_fine(tmp_path: Path, taken: Take) -> None:
    rows = np.array([[1, 2, 3, 4], [0, 0, 0, 0], [7, 7, 7, 7], [1, 2, 3, 4], [9, 2, 3, 4]])
    read = taken(npz(tmp_path / "a.npz", features=rows))
    check(read, rows)
    assert read.notice("black-images") == "All-zero vectors: 1 ('1')."
    assert read.notice("duplicate-images") == "Exact copies of earlier vectors: 1 ('3')."
    assert read.codes == {"black-images", "duplicate-images"}


@pytest.mark.parametrize("colours", [1, 3])
def test_images_of_one_pixel_stay_images(tmp_path: Path, taken: Take, colours: int) -> None:
    pixels = np.arange(1, 1 + 6 * colours, dtype=np.uint8).reshape(6, 1, 1, colours)
    read = taken(saved(tmp_path / "a.npy", pixels))
    assert (read.ingested.channels, read.ingested.dtype) == (colours, "uint8")
    assert "read-as-features" not in read.codes
