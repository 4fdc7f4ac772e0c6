from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_uploads import Read, colour, gray, npz
from scipy.io import savemat

from app.ingest import stacks

Take = Callable[..., Read]
STACK = np.stack([gray(i) for i in range(6)])
COLOURS = np.stack([colour(i) for i in range(6)])


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def pixels(read: Read) -> np.ndarray:
    return np.stack(list(read.images.values()))


@pytest.mark.parametrize(
    "array",
    [STACK, STACK[..., None], np.asfortranarray(STACK), STACK.astype(np.int64), STACK * 1.0],
    ids=["gray", "one channel", "by columns", "integers", "whole reals"],
)
def test_bytes_in_whatever_type_are_kept(tmp_path: Path, taken: Take, array: Any) -> None:
    read = taken(saved(tmp_path / "a.npy", array))
    assert (read.ingested.channels, read.ingested.dtype) == (1, "uint8")
    assert list(read.images) == ["0", "1", "2", "3", "4", "5"]
    assert read.codes == set()
    np.testing.assert_array_equal(pixels(read)[..., 0], STACK)


@pytest.mark.parametrize("array", [COLOURS, np.asfortranarray(COLOURS)])
def test_colour_stack(tmp_path: Path, taken: Take, array: Any) -> None:
    read = taken(saved(tmp_path / "a.npy", array))
    assert read.ingested.channels == 3
    np.testing.assert_array_equal(pixels(read), COLOURS)


@pytest.mark.parametrize("order", ["C", "F"])
def test_many_blocks_are_one_stack(
    tmp_path: Path, taken: Take, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    monkeypatch.setattr(stacks, "BLOCK_BYTES", 72 * 8 * 4)
    read = taken(saved(tmp_path / "a.npy", np.array(STACK / 255, order=order)))
    np.testing.assert_allclose(pixels(read)[..., 0], STACK / 255, atol=1e-7)


@pytest.mark.parametrize(
    ("array", "expected", "told"),
    [
        (STACK > 100, np.where(STACK > 100, 1.0, 0.0), False),
        (STACK / 255, STACK / 255, False),
        ((STACK / 255).astype(">f4"), STACK / 255, False),
        ((STACK / 255).astype(np.float16), STACK / 255, False),
        (STACK * 0.5, STACK * 0.5 / 255, True),
        (STACK.astype(np.uint16) * 257, STACK / 255, False),
        (STACK.astype(">u2") * 257, STACK / 255, False),
        (STACK.astype(np.uint16), STACK / 255, False),
        (STACK.astype(int) - 300, (STACK - STACK.min()) / float(np.ptp(STACK)), True),
        ((STACK > 100).astype(int), STACK > 100, True),
        (np.where(STACK > 100, 1.7e308, -1.7e308), STACK > 100, True),
        (np.full((3, 4, 5), -7), np.zeros((3, 4, 5)), True),
    ],
    ids=[
        *("bool", "unit", "big-endian", "half", "0..255 real", "uint16", "big uint16"),
        *("uint16 of bytes", "signed", "0 and 1", "huge", "constant"),
    ],
)
def test_scaling(tmp_path: Path, taken: Take, array: Any, expected: Any, told: Any) -> None:
    read = taken(saved(tmp_path / "a.npy", array))
    stored = pixels(read)[..., 0]
    stored = stored / 255 if read.ingested.dtype == "uint8" else stored
    np.testing.assert_allclose(stored, expected, atol=1e-3 if array.dtype == "f2" else 1e-6)
    assert ("scaled-values" in read.codes) == told


@pytest.mark.parametrize("key", ["images", "x", "X", "data", "faces"])
def test_npz_finds_its_images(tmp_path: Path, taken: Take, key: str) -> None:
    read = taken(npz(tmp_path / "a.npz", other=np.zeros(3), **{key: STACK}))
    np.testing.assert_array_equal(pixels(read)[..., 0], STACK)
    assert read.index["truth"] is None


@pytest.mark.parametrize(
    ("key", "labels", "classes"),
    [
        ("labels", np.array([10, 2, 2, 10, 2, -1]), ["-1", "2", "10"]),
        ("y", np.array([[1.0], [0], [0], [1], [0], [2]]), ["0", "1", "2"]),
        ("gnd", np.array(["b", "a", "a", "b", "a", "é"]), ["a", "b", "é"]),
        ("labels", np.array([b"b", b"a", b"a", b"b", b"a", b"z"]), ["a", "b", "z"]),
        ("labels", np.array([[True, False, False, True, False, True]]), ["0", "1"]),
    ],
)
def test_npz_labels(tmp_path: Path, taken: Take, key: str, labels: Any, classes: list[str]) -> None:
    read = taken(npz(tmp_path / "a.npz", images=STACK, **{key: labels}))
    assert read.index["classes"] == classes
    truth = [classes[i] for i in read.index["truth"]]
    values = labels.ravel().tolist()
    assert truth == [v.decode() if isinstance(v, bytes) else str(plain(v)) for v in values]


def plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


def test_npz_truth_none(tmp_path: Path, taken: Take) -> None:
    read = taken(npz(tmp_path / "a.npz", images=STACK, y=np.zeros(2)), truth="none")
    assert read.codes == {"truth-ignored"}
    assert read.index["truth"] is None


def test_npz_names_keep_the_order_of_the_array(tmp_path: Path, taken: Take) -> None:
    names = np.array(["z/2.png", "a", "ü", "b c", "10", "9"])
    assert list(taken(npz(tmp_path / "a.npz", images=STACK, names=names)).images) == names.tolist()


def test_npz_that_is_not_compressed(tmp_path: Path, taken: Take) -> None:
    np.savez(tmp_path / "a.npz", images=np.asfortranarray(STACK / 255))
    np.testing.assert_allclose(pixels(taken(tmp_path / "a.npz"))[..., 0], STACK / 255, atol=1e-7)


def rows(stack: np.ndarray, order: Any) -> np.ndarray:
    return np.stack([image.ravel(order) for image in stack])


@pytest.mark.parametrize("order", [None, "F", "C"])
@pytest.mark.parametrize("stack", [STACK, COLOURS], ids=["gray", "colour"])
@pytest.mark.parametrize("packed", [True, False])
def test_mat(tmp_path: Path, taken: Take, order: Any, stack: Any, packed: Any) -> None:
    fea = rows(stack, order or "F")
    gnd = np.array([[3], [3], [1], [1], [2], [2]])
    savemat(tmp_path / "a.mat", {"fea": fea, "gnd": gnd}, do_compression=packed)
    shape = "x".join(map(str, stack.shape[1:]))
    read = taken(tmp_path / "a.mat", shape=shape, order=order)
    np.testing.assert_array_equal(pixels(read).reshape(stack.shape), stack)
    assert read.index["classes"] == ["1", "2", "3"]
    assert read.index["truth"] == [2, 2, 0, 0, 1, 1]
    assert read.codes == set()


def test_mat_guesses_a_square(tmp_path: Path, taken: Take) -> None:
    square = STACK[:, :, :8] / 255
    savemat(tmp_path / "a.mat", {"fea": rows(square, "F"), "other": {"a": 1}})
    read = taken(tmp_path / "a.mat")
    assert (read.ingested.height, read.ingested.width) == (8, 8)
    assert read.codes == {"guessed-shape"}
    assert read.index["truth"] is None
    np.testing.assert_allclose(pixels(read)[..., 0], square, atol=1e-7)


def test_mat_of_logicals_and_of_doubles_stored_small(tmp_path: Path, taken: Take) -> None:
    fea = rows(STACK > 100, "F")
    savemat(tmp_path / "a.mat", {"fea": fea})
    read = taken(tmp_path / "a.mat", shape="8x9")
    np.testing.assert_array_equal(pixels(read)[..., 0], np.where(STACK > 100, 255, 0))
    savemat(tmp_path / "b.mat", {"fea": fea.astype(float)})
    read = taken(tmp_path / "b.mat", shape="8x9")
    np.testing.assert_array_equal(pixels(read)[..., 0], np.where(STACK > 100, 1.0, 0.0))
