import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from s2convscn import digits


def test_zip_holds_every_digit_in_its_class_folder(tmp_path: Path) -> None:
    names = digits.write_zip(tmp_path / "digits.zip")
    assert len(names) == len(set(names)) == 1797
    assert [int(name.partition("/")[0]) for name in names] == digits.truth().tolist()
    with zipfile.ZipFile(tmp_path / "digits.zip") as archive:
        assert archive.namelist() == names
        last = np.asarray(Image.open(io.BytesIO(archive.read(names[-1]))))
    assert last.dtype == np.uint8
    np.testing.assert_array_equal(last, digits.pixels()[-1])


def test_pixels_span_the_whole_range() -> None:
    assert set(np.unique(digits.pixels())) == {round(v * 255 / 16) for v in range(17)}


def test_zip_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        digits.write_zip(tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_scores_do_not_depend_on_the_clusters_numbers() -> None:
    perfect = digits.scores((digits.truth() + 3) % 10)
    assert perfect == {"accuracy": 1.0, "error": 0.0, "nmi": 1.0, "ari": 1.0}


def test_kmeans_on_the_pixels_finds_most_digits() -> None:
    scores = digits.kmeans_scores()
    assert 0.7 < scores["accuracy"] < 0.9
    assert 0.6 < scores["ari"] < scores["nmi"] < 0.85
