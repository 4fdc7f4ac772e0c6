import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ingest_uploads import Read, add, colour, encode, gray, png, tarred, zipped
from PIL import Image

Take = Callable[..., Read]


def test_gray_formats_without_loss_keep_their_pixels(tmp_path: Path, taken: Take) -> None:
    image = gray(1)
    members = {
        "a.png": encode(image),
        "b.bmp": encode(image[::-1], "BMP"),
        "c.pgm": encode(image[:, ::-1], "PPM"),
        "d.tiff": encode(255 - image, "TIFF", compression="tiff_lzw"),
        "e.webp": encode(image[::-1, ::-1], "WEBP", lossless=True),
        "no-suffix": encode(image // 2),
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.ingested.channels, read.ingested.dtype) == (1, "uint8")
    assert (read.ingested.height, read.ingested.width) == (8, 9)
    assert read.index["truth"] is None
    assert read.codes == set()
    expected = [image, image[::-1], image[:, ::-1], 255 - image, image[::-1, ::-1], image // 2]
    for name, pixels in zip(members, expected, strict=True):
        np.testing.assert_array_equal(read.images[name][..., 0], pixels)


def test_colour_formats(tmp_path: Path, taken: Take) -> None:
    image = colour(1, 16, 16)
    palette = Image.fromarray(image).quantize(16)
    members = {
        "rgb.png": encode(image),
        "rgb.ppm": encode(image[::-1], "PPM"),
        "smooth.jpg": encode(np.full((16, 16, 3), (200, 100, 50), np.uint8), "JPEG", quality=95),
        "cmyk.jpg": encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95),
        "palette.png": encode(palette),
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.ingested.channels, read.ingested.dtype) == (3, "uint8")
    np.testing.assert_array_equal(read.images["rgb.png"], image)
    np.testing.assert_array_equal(read.images["rgb.ppm"], image[::-1])
    np.testing.assert_array_equal(read.images["palette.png"], np.asarray(palette.convert("RGB")))
    np.testing.assert_allclose(read.images["smooth.jpg"][0, 0], (200, 100, 50), atol=3)
    np.testing.assert_allclose(read.images["cmyk.jpg"][0, 0], (255, 0, 0), atol=8)


def test_colour_files_of_gray_pixels_are_one_channel(tmp_path: Path, taken: Take) -> None:
    members = {f"{i}.png": encode(np.repeat(gray(i)[..., None], 3, 2)) for i in range(3)}
    read = taken(zipped(tmp_path / "a.zip", members))
    assert read.ingested.channels == 1
    np.testing.assert_array_equal(read.images["2.png"][..., 0], gray(2))


def test_gray_among_colour_is_stored_as_colour_and_told(tmp_path: Path, taken: Take) -> None:
    members = {"gray.png": png(1), "rgb.png": encode(colour(2))}
    read = taken(zipped(tmp_path / "a.zip", members))
    assert read.codes == {"mixed-colours"}
    np.testing.assert_array_equal(read.images["gray.png"], np.repeat(gray(1)[..., None], 3, 2))
    np.testing.assert_array_equal(read.images["rgb.png"], colour(2))


def test_sixteen_bits_are_kept_as_float(tmp_path: Path, taken: Take) -> None:
    deep = np.arange(72, dtype=np.uint16).reshape(8, 9) * 900
    members = {
        "8.png": png(1),
        "deep.png": encode(deep),
        "deep.tif": encode(deep[::-1], "TIFF"),
        "deep.pgm": b"P5 9 8 65535\n" + deep[:, ::-1].astype(">u2").tobytes(),
        "real.tif": encode(np.linspace(0, 1, 72, dtype=np.float32).reshape(8, 9), "TIFF"),
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.ingested.channels, read.ingested.dtype) == (1, "float32")
    np.testing.assert_allclose(read.images["8.png"][..., 0], gray(1) / 255, atol=1e-7)
    np.testing.assert_allclose(read.images["deep.png"][..., 0], deep / 65535, atol=1e-7)
    np.testing.assert_allclose(read.images["deep.tif"][..., 0], deep[::-1] / 65535, atol=1e-7)
    np.testing.assert_allclose(read.images["deep.pgm"][..., 0], deep[:, ::-1] / 65535, atol=1e-7)
    assert read.images["real.tif"].max() == 1


def test_transparency_is_laid_on_white_and_told(tmp_path: Path, taken: Take) -> None:
    alpha = np.dstack([colour(1), np.zeros((8, 9), np.uint8)])
    opaque = np.dstack([colour(2), np.full((8, 9), 255, np.uint8)])
    members = {
        "clear.png": encode(alpha),
        "opaque.png": encode(opaque),
        "half.png": encode(
            Image.merge("LA", [Image.new("L", (9, 8)), Image.new("L", (9, 8), 128)])
        ),
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.images["clear.png"] == 255).all()
    np.testing.assert_array_equal(read.images["opaque.png"], colour(2))
    np.testing.assert_allclose(read.images["half.png"], 127, atol=1)
    assert "2 ('clear.png', 'half.png')" in read.notice("transparency")


def test_exif_orientation_is_applied(tmp_path: Path, taken: Take) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    members = {"turned.png": encode(gray(1), exif=exif), "plain.png": encode(gray(2, 9, 8))}
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.ingested.height, read.ingested.width) == (9, 8)
    np.testing.assert_array_equal(read.images["turned.png"][..., 0], np.rot90(gray(1), -1))


def test_of_several_frames_the_first_is_used_and_told(tmp_path: Path, taken: Take) -> None:
    frames = [Image.fromarray(gray(i)) for i in range(3)]
    more = {"save_all": True, "append_images": frames[1:]}
    members = {
        "film.png": encode(frames[0], **more),
        "film.tif": encode(frames[0], "TIFF", **more),
        "film.webp": encode(frames[0], "WEBP", lossless=True, **more),
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert read.notice("first-frame").endswith("used: 3 ('film.png', 'film.tif', 'film.webp').")
    for image in read.images.values():
        np.testing.assert_array_equal(image[..., 0], gray(0))
    assert "2 ('film.tif', 'film.webp')" in read.notice("duplicate-images")


def test_names_are_paths_sorted_as_people_sort(tmp_path: Path, taken: Take) -> None:
    names = ["b/img10.png", "b/img2.png", "./a/very/deep/x.PNG", "b/img1.png", "c\\w.png"]
    read = taken(zipped(tmp_path / "a.zip", {name: png(i) for i, name in enumerate(names)}))
    assert list(read.images) == [
        *("a/very/deep/x.PNG", "b/img1.png", "b/img2.png", "b/img10.png", "c/w.png")
    ]
    assert [image["offset"] for image in read.index["images"]] == [0, 72, 144, 216, 288]
    np.testing.assert_array_equal(read.images["b/img10.png"][..., 0], gray(0))


def test_junk_is_passed_over_and_other_files_are_counted(tmp_path: Path, taken: Take) -> None:
    members = {
        "a/1.png": png(1),
        "a/2.png": png(2),
        "__MACOSX/a/._1.png": b"junk",
        "a/.DS_Store": b"junk",
        "a/Thumbs.db": b"junk",
        ".hidden/3.png": b"junk",
        "a/readme.txt": b"BM is how a bitmap begins",
        "a/empty/": b"",
    }
    read = taken(zipped(tmp_path / "a.zip", members))
    assert list(read.images) == ["a/1.png", "a/2.png"]
    assert read.codes == {"ignored-files"}
    assert "1 ('a/readme.txt')" in read.notice("ignored-files")


def test_images_of_several_sizes(tmp_path: Path, taken: Take) -> None:
    members = {"a.png": encode(gray(1, 4, 5)), "b.png": encode(colour(2, 6, 3))}
    read = taken(zipped(tmp_path / "a.zip", members))
    assert (read.ingested.height, read.ingested.width) == (None, None)
    assert read.images["a.png"].shape == (4, 5, 3)
    np.testing.assert_array_equal(read.images["b.png"], colour(2, 6, 3))
    assert "from 4 x 5 to 6 x 3" in read.notice("mixed-sizes")


def test_black_images_and_copies_are_told(tmp_path: Path, taken: Take) -> None:
    black = encode(np.zeros((8, 9), np.uint8))
    members = {"a.png": png(1), "b.png": png(1), "c.png": black, "d.png": black}
    read = taken(zipped(tmp_path / "a.zip", members))
    assert read.notice("black-images") == "All-black images: 2 ('c.png', 'd.png')."
    assert read.notice("duplicate-images") == "Exact copies of earlier images: 1 ('b.png')."


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
def test_tar(tmp_path: Path, taken: Take, name: str) -> None:
    members = {f"./dir/{i}.png": png(i) for i in range(12)}
    read = taken(tarred(tmp_path / name, members))
    assert list(read.images) == [f"dir/{i}.png" for i in range(12)]
    np.testing.assert_array_equal(read.images["dir/10.png"][..., 0], gray(10))


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_dialects_and_long_names(tmp_path: Path, taken: Take, dialect: int) -> None:
    folder = "/".join(["folder"] * 20)
    members = {f"{folder}/{i}.png": png(i) for i in range(2)}
    read = taken(tarred(tmp_path / "a.tar", members, format=dialect))
    assert list(read.images) == list(members)


def test_names_that_are_not_utf8(tmp_path: Path, taken: Take) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        add(archive, "gr\xfcn.png", png(1))
        add(archive, "plain.png", png(2))
    assert list(taken(path).images) == ["gr\xfcn.png", "plain.png"]


def test_zip_names_in_unmarked_utf8_and_in_cp437(tmp_path: Path, taken: Take) -> None:
    path = zipped(tmp_path / "a.zip", {"dos-.png": png(1), "mac--.png": png(2)})
    data = path.read_bytes().replace(b"dos-", b"dos\x81").replace(b"mac--", b"mac\xc3\xbc")
    path.write_bytes(data)
    assert list(taken(path).images) == ["dos\xfc.png", "mac\xfc.png"]


def test_stored_members(tmp_path: Path, taken: Take) -> None:
    members = {f"{i}.png": png(i) for i in range(2)}
    assert len(taken(zipped(tmp_path / "a.zip", members, zipfile.ZIP_STORED)).images) == 2


CLASSES = {f"set/{c}/{i}.png": png(10 * j + i) for j, c in enumerate(["10", "2"]) for i in range(2)}


def test_class_folders_count_only_when_said(tmp_path: Path, taken: Take) -> None:
    path = zipped(tmp_path / "a.zip", CLASSES)
    assert taken(path).index["truth"] is None
    read = taken(path, truth="folders")
    assert read.index["classes"] == ["2", "10"]
    assert list(read.images) == ["set/2/0.png", "set/2/1.png", "set/10/0.png", "set/10/1.png"]
    assert read.index["truth"] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "rows",
    [
        "name,label\nset/2/0.png,a\nset/2/1.png,b\nset/10/0.png,a\nset/10/1.png,c\n",
        "\ufeffset/10/1.png,c\r\n2/0.png,a\r\n10/0.png,a\r\n\r\nset/2/1.png, b\r\n",
        'Name,Label\n"./2/0.png","a"\n2\\1.png,b\n10/0.png,a\n10/1.png,c',
    ],
)
def test_labels_file(tmp_path: Path, taken: Take, rows: str) -> None:
    read = taken(zipped(tmp_path / "a.zip", {**CLASSES, "set/labels.csv": rows.encode()}))
    assert read.index["classes"] == ["a", "b", "c"]
    assert read.index["truth"] == [0, 1, 0, 2]
    assert read.codes == set()


def test_labels_file_by_basenames(tmp_path: Path, taken: Take) -> None:
    members = {"x/a.png": png(1), "y/b.png": png(2), "labels.csv": b"b.png,1\na.png,0\n"}
    assert taken(zipped(tmp_path / "a.zip", members)).index["truth"] == [0, 1]


def test_truth_none_stores_no_labels(tmp_path: Path, taken: Take) -> None:
    members = {"a.png": png(1), "b.png": png(2), "labels.csv": b"not, even, read"}
    read = taken(zipped(tmp_path / "a.zip", members), truth="none")
    assert read.index["truth"] is None
    assert read.codes == {"truth-ignored"}
