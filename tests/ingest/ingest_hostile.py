"""Uploads that must be refused, by the slug of the refusal: name -> (slug, path, what it says)."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ingest_uploads import (
    add,
    encode,
    gray,
    gzipped,
    npy_header,
    npz,
    png,
    tarred,
    zipped,
)
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_array

STACK = np.stack([gray(i) for i in range(4)])
PAIR = {"a.png": png(1), "b.png": png(2)}
FEA = STACK.reshape(4, -1)


class Bad(NamedTuple):
    """``says`` is in the sentence that the user gets."""

    slug: str
    says: str
    make: Callable[[Path], Path]
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    limits: dict[str, Any] = {}  # noqa: RUF012 - never changed


def file(data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "upload").write_bytes(data)
        return folder / "upload"

    return make


def with_zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Any:
    return lambda folder: zipped(folder / "a.zip", members, method)


def edited(change: Callable[[bytes], bytes], members: dict[str, bytes] = PAIR) -> Any:
    """A zip whose bytes were changed afterwards."""

    def make(folder: Path) -> Path:
        path = zipped(folder / "a.zip", members, zipfile.ZIP_STORED)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def special_zip(mode: int, name: str = "c.png") -> Any:
    def make(folder: Path) -> Path:
        path = zipped(folder / "a.zip", PAIR)
        with zipfile.ZipFile(path, "a") as archive:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"/etc/passwd")
        return path

    return make


def special_tar(name: str, data: bytes = b"", **fields: Any) -> Any:
    def make(folder: Path) -> Path:
        path = tarred(folder / "a.tar", PAIR)
        with tarfile.open(path, "a") as archive:
            add(archive, name, data, **fields)
        return path

    return make


def cut_tar(at: int) -> Any:
    def make(folder: Path) -> Path:
        path = tarred(folder / "a.tar", PAIR)
        path.write_bytes(path.read_bytes()[:at])
        return path

    return make


def cut_gzip(folder: Path) -> Path:
    path = tarred(folder / "a.tar.gz", {"a.png": png(1), "b.png": gray(2, 90, 90).tobytes()})
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def wrong_gzip(folder: Path) -> Path:
    path = tarred(folder / "a.tar.gz", PAIR)
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    return path


def resized(delta: int) -> Callable[[bytes], bytes]:
    """Let the zip's directory and the member's own header lie about its unpacked size."""

    def change(data: bytes) -> bytes:
        true = struct.pack("<I", len(PAIR["a.png"]))
        lie = struct.pack("<I", len(PAIR["a.png"]) + delta)
        local = data[:30].replace(true * 2, true + lie)
        directory = data.index(b"PK\x01\x02")
        return local + data[30:directory] + data[directory:].replace(true * 2, true + lie, 1)

    return change


def pgm(padding: int) -> bytes:
    """A small image followed by as many zeros."""
    return b"P5 4 4 255\n" + bytes(range(16)) + bytes(padding)


def npy(array: Any) -> Callable[[Path], Path]:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return file(stream.getvalue())


def spoiled(row: int, column: int, value: float) -> Any:
    """Feature vectors of which one number is not as it should be."""
    rows = ROWS.copy()
    rows[row, column] = value
    return rows


def raw_npz(**members: bytes) -> Any:
    return with_zip({f"{name}.npy": data for name, data in members.items()})


def arrays(**values: Any) -> Callable[[Path], Path]:
    return lambda folder: npz(folder / "a.npz", **values)


def mat(cut: int | None = None, **values: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        savemat(folder / "a.mat", values)
        data = (folder / "a.mat").read_bytes()
        (folder / "a.mat").write_bytes(data[:cut])
        return folder / "a.mat"

    return make


def image(name: str, data: bytes) -> Any:
    """A zip with one bad image among good ones."""
    return with_zip({**PAIR, name: data})


def labels(text: str, more: dict[str, bytes] | None = None) -> Any:
    return with_zip({**PAIR, **(more or {}), "labels.csv": text.encode("latin-1")})


IMAGES_NPY = {"images": npy_header((4, 8, 9), "|u1") + STACK.tobytes()}
NAN = STACK.astype(float)
NAN[2, 3, 4] = np.nan
FLIPPED = png(1)[:-20] + bytes([png(1)[-20] ^ 255]) + png(1)[-19:]
ROWS = np.arange(30.0).reshape(5, 6)
MAT73 = b"MATLAB 7.3 MAT-file, Platform: x".ljust(124) + b"\x00\x02IM" + bytes(384)

WHOLE: dict[str, Bad] = {
    "zero bytes": Bad("empty-upload", "0 bytes", file(b"")),
    "text": Bad("not-an-archive", "zip, tar or tar.gz", file(b"hello" * 300)),
    "one png": Bad("unsupported-format", "single PNG", file(png(1))),
    "png with a zip behind": Bad(
        "unsupported-format", "single PNG", edited(lambda data: png(1) + data)
    ),
    "rar": Bad("unsupported-format", "RAR", file(b"Rar!\x1a\x07" + bytes(600))),
    "pickle": Bad("unsupported-format", "pickle", file(b"\x80\x04\x95" + bytes(600))),
    "hdf5": Bad("unsupported-format", "-v7", file(b"\x89HDF\r\n\x1a\n" + bytes(600))),
    "mat of version 7.3": Bad("unsupported-format", "-v7", file(MAT73)),
    "gzip of no tar": Bad(
        "unsupported-format", "not a tar", lambda f: gzipped(f / "a.gz", b"text" * 999)
    ),
    "cut zip": Bad("truncated-upload", "cut short", edited(lambda data: data[:-30])),
    "zip header alone": Bad("truncated-upload", "cut short", file(b"PK\x03\x04" + bytes(40))),
    "damaged directory": Bad(
        "truncated-upload", "damaged", edited(lambda d: d.replace(b"PK\x01\x02", b"PK\x01\x03", 1))
    ),
    "tar cut in a member": Bad("truncated-upload", "cut short", cut_tar(512 + 100)),
    "tar cut between members": Bad("truncated-upload", "cut short", cut_tar(1024)),
    "tar cut in a header": Bad("truncated-upload", "cut short", cut_tar(1024 + 100)),
    "cut gzip": Bad("truncated-upload", "cut short", cut_gzip),
    "gzip with a wrong checksum": Bad("truncated-upload", "damaged", wrong_gzip),
    "empty zip": Bad("no-images", "no file", with_zip({})),
    "zip of text": Bad("no-images", "'a.txt'", with_zip({"a.txt": b"x", "b.bin": b"y"})),
    "one image": Bad("too-few-images", "at least two", with_zip({"a.png": png(1)})),
    "encrypted": Bad(
        "unsupported-format",
        "password",
        edited(
            lambda d: d.replace(
                b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
            )
        ),
    ),
    "lzma members": Bad("unsupported-format", "deflate", with_zip(PAIR, zipfile.ZIP_LZMA)),
}

UNSAFE: dict[str, Bad] = {
    f"zip with {name!r}": Bad("unsafe-archive", says, with_zip({**PAIR, name: png(3)}))
    for name, says in {
        "../c.png": "'..'",
        "x/../../c.png": "'..'",
        "..\\c.png": "'..'",
        "/etc/c.png": "absolute",
        "C:\\c.png": "absolute",
        "\\\\host\\c.png": "absolute",
        "new\nline.png": "control character",
    }.items()
} | {
    "huge name": Bad("unsafe-archive", "60004", with_zip({**PAIR, "n" * 60000 + ".png": png(3)})),
    "the same name twice": Bad(
        "unsafe-archive", "'a.png' twice", edited(lambda d: d.replace(b"b.png", b"a.png"))
    ),
    "the same name by another way": Bad(
        "unsafe-archive", "'a.png' twice", with_zip({**PAIR, "./a.png": png(3)})
    ),
    "zip with a symbolic link": Bad("unsafe-archive", "'c.png' is a link", special_zip(0o120777)),
    "zip with a device": Bad("unsafe-archive", "device", special_zip(0o020666)),
    "tar with a symbolic link": Bad(
        "unsafe-archive",
        "'c.png' is a link",
        special_tar("c.png", type=tarfile.SYMTYPE, linkname="/etc"),
    ),
    "tar with a hard link": Bad(
        "unsafe-archive", "link", special_tar("c.png", type=tarfile.LNKTYPE, linkname="a.png")
    ),
    "tar with a device": Bad("unsafe-archive", "device", special_tar("c", type=tarfile.CHRTYPE)),
    "tar with a pipe": Bad("unsafe-archive", "device", special_tar("c", type=tarfile.FIFOTYPE)),
    "tar with a sparse file": Bad(
        "unsafe-archive", "sparse", special_tar("c.png", type=tarfile.GNUTYPE_SPARSE)
    ),
    "tar that climbs": Bad("unsafe-archive", "'..'", special_tar("../../c.png", png(3))),
    "tar with an absolute path": Bad("unsafe-archive", "absolute", special_tar("/c.png", png(3))),
    "tar with a name twice": Bad("unsafe-archive", "twice", special_tar("a.png", png(3))),
}

IMAGES: dict[str, Bad] = {
    "zero-byte image": Bad(
        "corrupt-image", "'c.png' cannot be decoded: it has 0", image("c.png", b"")
    ),
    "cut png": Bad("corrupt-image", "'d/c.png'", image("d/c.png", png(3)[:-30])),
    "flipped bit in a png": Bad("corrupt-image", "'c.png'", image("c.png", FLIPPED)),
    "cut jpeg": Bad("corrupt-image", "'c.jpg'", image("c.jpg", encode(gray(3), "JPEG")[:-60])),
    "cut pgm": Bad("corrupt-image", "'c.pgm'", image("c.pgm", b"P5 9 8 255\n" + bytes(60))),
    "text as png": Bad("corrupt-image", "none of PNG", image("c.png", b"hello")),
    "wrong checksum in the zip": Bad(
        "corrupt-image", "'a.png'", edited(lambda d: d.replace(b"IDAT", b"IDAX", 1))
    ),
    "size too small in the zip": Bad("corrupt-image", "'a.png'", edited(resized(-10))),
    "size too large in the zip": Bad("corrupt-image", "'a.png'", edited(resized(10))),
    "gif": Bad("unsupported-format", "'c.gif'", image("c.gif", encode(gray(3), "GIF"))),
    "gif called png": Bad("unsupported-format", "GIF", image("c.png", encode(gray(3), "GIF"))),
    "icon called png": Bad(
        "corrupt-image", "none of PNG", image("c.png", encode(Image.new("L", (16, 16)), "ICO"))
    ),
    "reals beyond 1": Bad(
        "unsupported-format",
        "0 to 1",
        image("c.tif", encode(gray(3).astype(np.float32), "TIFF")),
    ),
    "many pixels": Bad(
        "too-large",
        "'c.png' has more than 10000",
        image("c.png", encode(Image.new("1", (101, 100)))),
    ),
    "very many pixels": Bad(
        "too-large",
        "'c.png' has more than 10000",
        image("c.png", encode(Image.new("1", (9000, 9000)))),
    ),
    "zip bomb": Bad("too-large", "'c.pgm' is larger", image("c.pgm", pgm(50_000_000))),
    "many small zip bombs": Bad(
        "too-large", "larger than 2000000", with_zip({f"{i}.pgm": pgm(900_000) for i in range(9)})
    ),
    "tar bomb": Bad(
        "too-large",
        "larger than 2000000",
        lambda f: tarred(f / "a.tgz", {**PAIR, "z": bytes(10**8)}),
    ),
    "many images": Bad("too-large", "51 images", with_zip({f"{i}.png": png(1) for i in range(51)})),
    "many entries": Bad(
        "too-large", "1100 entries", with_zip({f"{i}.txt": b"" for i in range(1101)})
    ),
    "many pixels together": Bad(
        "too-large",
        "bytes, and a set may have 100",
        with_zip(PAIR),
        limits={"max_dataset_bytes": 100},
    ),
}

LABELS: dict[str, Bad] = {
    "missing row": Bad("bad-labels", "'b.png'", labels("a.png,1\n")),
    "unknown name": Bad("bad-labels", "line 3", labels("a.png,1\nb.png,2\nc.png,3\n")),
    "doubled row": Bad("bad-labels", "line 2", labels("a.png,1\na.png,2\nb.png,1\n")),
    "three columns": Bad("bad-labels", "name,label", labels("a.png,1,2\nb.png,1,2\n")),
    "empty label": Bad("bad-labels", "line 1", labels("a.png,\nb.png,1\n")),
    "latin-1": Bad("bad-labels", "UTF-8", labels("a.png,\xe9\nb.png,1\n")),
    "open quote": Bad("bad-labels", "CSV", labels('a.png,"1\nb.png,1\n')),
    "control character": Bad("bad-labels", "control", labels("a.png,x\x07\nb.png,1\n")),
    "ambiguous basename": Bad(
        "bad-labels", "line 1", labels("c.png,1\n", {"x/c.png": png(3), "y/c.png": png(4)})
    ),
    "two files": Bad("bad-labels", "Give one", labels("", {"x/labels.csv": b""})),
    "file and folders": Bad(
        "bad-labels", "truth=folders", labels("a.png,1\nb.png,1\n"), {"truth": "folders"}
    ),
    "no class folders": Bad("bad-labels", "'a.png'", with_zip(PAIR), {"truth": "folders"}),
    "one class folder": Bad(
        "bad-labels",
        "'d/a.png'",
        with_zip({"d/a.png": png(1), "d/b.png": png(2)}),
        {"truth": "folders"},
    ),
    "folders of an array": Bad("bad-labels", "npy", npy(STACK), {"truth": "folders"}),
    "too few labels": Bad("bad-labels", "(3,)", arrays(images=STACK, labels=np.arange(3))),
    "labels by two": Bad("bad-labels", "(4, 2)", arrays(images=STACK, y=np.zeros((4, 2)))),
    "broken labels": Bad("bad-labels", "0.5", arrays(images=STACK, y=np.array([1, 0.5, 0, 0]))),
    "nan label": Bad("bad-labels", "nan", arrays(images=STACK, y=np.array([1, np.nan, 0, 0]))),
    "complex labels": Bad("bad-labels", "complex", arrays(images=STACK, y=np.zeros(4, complex))),
    "empty text": Bad("bad-labels", "empty", arrays(images=STACK, y=np.array(["a", "", "b", "c"]))),
    "texts of no length": Bad(
        "bad-labels", "1 to 1024", raw_npz(**IMAGES_NPY, y=npy_header((4,), "<U0"))
    ),
    "texts too long": Bad(
        "bad-labels", "1 to 1024", raw_npz(**IMAGES_NPY, y=npy_header((4,), "<U1025"))
    ),
    "no text": Bad(
        "bad-labels", "no text", raw_npz(**IMAGES_NPY, y=npy_header((4,), "<U1") + b"\xff" * 16)
    ),
    "gnd too short": Bad(
        "bad-labels", "(3, 1)", mat(fea=FEA, gnd=np.zeros((3, 1))), {"shape": "8x9"}
    ),
    "name twice": Bad(
        "bad-names", "twice", arrays(images=STACK, names=np.array(["a", "b", "a", "c"]))
    ),
    "name that climbs": Bad(
        "bad-names", "'..'", arrays(images=STACK, names=np.array(["a", "../b", "d", "c"]))
    ),
    "names too few": Bad("bad-names", "(2,)", arrays(images=STACK, names=np.array(["a", "b"]))),
    "names of reals": Bad("bad-names", "strings", arrays(images=STACK, names=np.zeros(4))),
}

ARRAYS: dict[str, Bad] = {
    "745 GiB in a few bytes": Bad(
        "too-large", "pixels", raw_npz(images=npy_header((10, 100_000, 100_000)))
    ),
    "745 GiB in an npy": Bad("too-large", "pixels", file(npy_header((10, 100_000, 100_000)))),
    "many values": Bad(
        "too-large",
        "500000 values",
        file(npy_header((50, 100, 100))),
        limits={"max_dataset_bytes": 9999},
    ),
    "overflowing shape": Bad("too-large", "pixels", file(npy_header((4, 2**40, 2**40)))),
    "negative shape": Bad("unreadable-array", "negative", file(npy_header((4, -8, 9)))),
    "zeros beyond the header": Bad(
        "unreadable-array",
        "more bytes",
        raw_npz(images=npy_header((4, 8, 9), "|u1") + bytes(10**7)),
    ),
    "npy longer than its header": Bad(
        "unreadable-array", "more bytes", file(npy_header((4, 8, 9), "|u1") + bytes(289))
    ),
    "cut npy": Bad(
        "truncated-upload", "ends after", file(npy_header((4, 8, 9), "|u1") + bytes(99))
    ),
    "npy cut in its header": Bad("truncated-upload", "header", file(npy_header((4, 8, 9))[:40])),
    "cut array in an npz": Bad(
        "truncated-upload", "'images'", raw_npz(images=npy_header((4, 8, 9), "|u1") + bytes(99))
    ),
    "code in the header": Bad(
        "unreadable-array",
        "header",
        file(npy_header((4, 8, 9)).replace(b"False", b"0/0  ")),
    ),
    "unknown version": Bad("unreadable-array", "header", file(b"\x93NUMPY\x09\x00" + bytes(600))),
    "no stack": Bad("unreadable-array", "'c' of shape (4,)", arrays(c=np.zeros(4))),
    "two stacks": Bad("unreadable-array", "'b' of shape", arrays(a=STACK, b=STACK)),
    "objects": Bad("pickled-array", "objects", npy(np.array([[[{}]]] * 4))),
    "objects in an npz": Bad("pickled-array", "'images'", arrays(images=np.array([[[{}]]] * 4))),
    "labels of objects": Bad(
        "pickled-array", "astype", arrays(images=STACK, y=np.array(["a", "b", "a", "b"], object))
    ),
    "complex": Bad("unreadable-array", "complex", npy(STACK.astype(complex))),
    "texts": Bad("unreadable-array", "<U1", npy(np.full((4, 8, 9), "a"))),
    "records": Bad("unreadable-array", "type", npy(np.zeros((4, 8, 9), "u1,u1"))),
    "long doubles": Bad("unreadable-array", "64 bits", npy(STACK.astype(np.longdouble))),
    "nan": Bad("unreadable-array", "Image 2 ('2') holds a NaN", npy(NAN)),
    "infinite": Bad("unreadable-array", "Image 0", npy(np.full((4, 8, 9), np.inf))),
    "flat images": Bad("bad-shape", "4 x 72: it must be N x H x W", arrays(images=FEA)),
    "flat rows as images": Bad("bad-shape", "kind=features", npy(FEA), {"kind": "images"}),
    "two channels": Bad("bad-shape", "2 channels", npy(np.zeros((4, 8, 9, 2)))),
    "channels first": Bad("bad-shape", "9 channels", npy(np.zeros((4, 3, 8, 9)))),
    "no pixels": Bad("bad-shape", "no pixels", npy(np.zeros((4, 0, 9)))),
    "a number": Bad("bad-shape", "single number", npy(np.float64(1))),
    "shape for an npy": Bad("bad-shape", ".mat", npy(STACK), {"shape": "8x9"}),
    "no images": Bad("no-images", "two", npy(np.zeros((0, 8, 9)))),
    "one image": Bad("too-few-images", "two", npy(STACK[:1])),
    "many images": Bad("too-large", "51 images", npy(np.zeros((51, 2, 2), np.uint8))),
    "many pixels": Bad("too-large", "10201 pixels", npy(np.zeros((2, 101, 101), np.uint8))),
}

MAT: dict[str, Bad] = {
    "mat without fea": Bad("unreadable-array", "'X'", mat(X=FEA)),
    "no square": Bad("bad-shape", "shape=112x92", mat(fea=FEA)),
    "no square, perhaps features": Bad("bad-shape", "kind=features", mat(fea=FEA)),
    "another shape": Bad("bad-shape", "80", mat(fea=FEA), {"shape": "8x10"}),
    "fea of three dimensions": Bad("bad-shape", "(4, 8, 9)", mat(fea=STACK)),
    "fea is a struct": Bad("pickled-array", "struct", mat(fea={"a": 1})),
    "fea is a cell": Bad("pickled-array", "cell", mat(fea=np.array([1, "a"], object))),
    "gnd is a cell": Bad(
        "pickled-array", "cell", mat(fea=FEA, gnd=np.array([1, "a"], object)), {"shape": "8x9"}
    ),
    "fea is text": Bad("unreadable-array", "char", mat(fea="text")),
    "fea is sparse": Bad("unreadable-array", "sparse", mat(fea=csc_array(FEA * 1.0))),
    "fea is complex": Bad("unreadable-array", "complex", mat(fea=FEA * 1j), {"shape": "8x9"}),
    "fea has a nan": Bad(
        "unreadable-array", "Image 2", mat(fea=NAN.reshape(4, -1)), {"shape": "8x9"}
    ),
    "cut mat": Bad("truncated-upload", "by its own word", mat(-40, fea=FEA)),
    "mat of a header": Bad("truncated-upload", "128 bytes", mat(128, fea=FEA)),
    "one row": Bad("too-few-images", "two", mat(fea=FEA[:1]), {"shape": "8x9"}),
    "large fea": Bad("too-large", "pixels", mat(fea=np.zeros((2, 10_201), np.uint8))),
}

FEATURES: dict[str, Bad] = {
    "a row alone": Bad("bad-shape", "6: it must be N x H x W", npy(ROWS[0])),
    "a row alone, as said": Bad("bad-shape", "N x D", npy(ROWS[0]), {"kind": "features"}),
    "gray images": Bad("bad-shape", "4 x 8 x 9", npy(STACK), {"kind": "features"}),
    "colour images": Bad(
        "bad-shape", "N x D", arrays(images=np.zeros((4, 8, 9, 3))), {"kind": "features"}
    ),
    "three numbers": Bad("bad-shape", "5 x 3: a feature vector has at least 4", npy(ROWS[:, :3])),
    "no numbers": Bad("bad-shape", "5 x 0", npy(ROWS[:, :0])),
    "no vectors": Bad("no-images", "no image", npy(ROWS[:0])),
    "one vector": Bad("too-few-images", "at least two", npy(ROWS[:1])),
    "nan": Bad("unreadable-array", "Row 3 ('3'), column 1 is nan", npy(spoiled(3, 1, np.nan))),
    "infinite": Bad(
        "unreadable-array",
        "Row 4 ('e'), column 5 is -inf: features must be finite",
        arrays(features=spoiled(4, 5, -np.inf), names=np.array(list("abcde"))),
    ),
    "beyond float32": Bad(
        "unreadable-array",
        "column 0 is 1e+300: features must be at most",
        npy(spoiled(1, 0, 1e300)),
    ),
    "a square beyond float32": Bad("unreadable-array", "is -1e+20", npy(spoiled(0, 2, -1e20))),
    "huge whole numbers": Bad(
        "unreadable-array", "scale them", npy(np.full((5, 6), np.iinfo(np.int64).min))
    ),
    "objects": Bad("pickled-array", "objects", npy(ROWS.astype(object))),
    "texts": Bad("unreadable-array", "<U4", npy(ROWS.astype("U4"))),
    "complex": Bad("unreadable-array", "complex", npy(ROWS.astype(complex))),
    "names too few": Bad("bad-names", "(3,)", arrays(features=ROWS, names=np.array(list("abc")))),
    "name twice": Bad("bad-names", "twice", arrays(features=ROWS, names=np.array(list("abcda")))),
    "too few labels": Bad("bad-labels", "(4,)", arrays(features=ROWS, y=np.zeros(4))),
    "two arrays of rows": Bad("unreadable-array", "'features'", arrays(a=ROWS, b=ROWS)),
    "cut": Bad("truncated-upload", "ends after", file(npy_header((4, 6)) + bytes(99))),
    "zeros beyond the header": Bad(
        "unreadable-array", "more bytes", raw_npz(features=npy_header((4, 6)) + bytes(10**7))
    ),
    "long": Bad("too-large", "10001 values a vector", file(npy_header((4, 10_001), "|u1"))),
    "745 GiB in a few bytes": Bad(
        "too-large", "values a vector", raw_npz(features=npy_header((10, 10**10)))
    ),
    "many": Bad("too-large", "51 images", npy(np.zeros((51, 6)))),
    "many values": Bad(
        "too-large", "5000 values", npy(np.zeros((50, 100))), limits={"max_dataset_bytes": 4999}
    ),
    "bytes that become reals": Bad(
        "too-large",
        "bytes, and a set may have 9999",
        npy(np.zeros((50, 100), np.uint8)),
        limits={"max_dataset_bytes": 9999},
    ),
    "in an archive": Bad("bad-shape", "zip", with_zip(PAIR), {"kind": "features"}),
    "with a shape": Bad(
        "bad-shape", "without shape", mat(fea=FEA), {"kind": "features", "shape": "8x9"}
    ),
    "a cube": Bad("bad-shape", "N x (height", mat(fea=np.zeros((4, 5, 6))), {"kind": "features"}),
}

BAD = {
    f"{group}: {name}": bad
    for group, cases in {
        "whole": WHOLE,
        "unsafe": UNSAFE,
        "image": IMAGES,
        "labels": LABELS,
        "array": ARRAYS,
        "features": FEATURES,
        "mat": MAT,
    }.items()
    for name, bad in cases.items()
}
