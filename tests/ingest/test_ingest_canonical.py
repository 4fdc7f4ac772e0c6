import io

import numpy as np
import pytest
from ingest_uploads import colour, gray
from PIL import Image

from app.ingest.canonical import png_bytes, read_image
from app.ingest.naming import flaw, natural
from jobs.errors import NotFound


@pytest.mark.parametrize("image", [gray(1)[..., None], colour(2)], ids=["gray", "colour"])
def test_png_holds_the_pixels(image: np.ndarray) -> None:
    for pixels in (image, image.astype(np.float32) / np.float32(255)):
        with Image.open(io.BytesIO(png_bytes(pixels))) as picture:
            picture.verify()
        with Image.open(io.BytesIO(png_bytes(pixels))) as picture:
            np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)


def test_images_are_read_one_by_one() -> None:
    file = io.BytesIO()
    np.save(file, np.arange(11, dtype=np.uint8))
    images = [
        {"name": "a", "height": 2, "width": 3, "offset": 0},
        {"name": "b", "height": 5, "width": 1, "offset": 6},
    ]
    index = {"channels": 1, "images": images}
    for position, expected in ((0, [[0, 1, 2], [3, 4, 5]]), (1, [[6], [7], [8], [9], [10]])):
        file.seek(0)
        assert read_image(file, index, position)[..., 0].tolist() == expected
    for position in (-1, 2):
        with pytest.raises(NotFound, match="images 0 to 1"):
            read_image(file, index, position)


def test_natural_order() -> None:
    names = ["img10", "img2", "img1", "Img1", "img", "2", "10", "a/b2", "a/b10", "1img", "img01"]
    assert sorted(names, key=natural) == [
        *("1img", "2", "10", "Img1", "a/b2", "a/b10", "img", "img01", "img1", "img2", "img10")
    ]


@pytest.mark.parametrize("name", ["a", "a/b.png", "ü", "a..b", "...", "a b", "日本/1.png"])
def test_harmless_names(name: str) -> None:
    assert (flaw(name) is None) == (name != "...")


@pytest.mark.parametrize("name", ["", "/", "..", "a/..", "c:x", "\ud800", "a\x00b", "x" * 1025])
def test_harmful_names(name: str) -> None:
    assert flaw(name)
