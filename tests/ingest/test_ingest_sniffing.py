from pathlib import Path

import numpy as np
import pytest
from ingest_uploads import png, tarred, zipped
from pydantic import ValidationError

from app.ingest import IngestOptions, sniff
from app.ingest.errors import UnsupportedFormat

PAIR = {"a.png": png(1), "b.png": png(2)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return zipped(tmp_path / "upload", PAIR)


@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", "application/octet-stream", "application/zip", "Application/ZIP; x=y"),
        "application/x-www-form-urlencoded",
    ],
)
@pytest.mark.parametrize("filename", [None, "images.zip", "IMAGES.ZIP", "images", "a.b.c"])
def test_first_bytes_decide_where_nothing_else_is_claimed(
    archive: Path, content_type: str | None, filename: str | None
) -> None:
    assert sniff(archive, content_type, filename) == "zip"


@pytest.mark.parametrize(
    ("content_type", "filename", "says"),
    [
        ("application/x-tar", None, "'application/x-tar' the upload should be tar or tar.gz"),
        ("application/x-npz", None, "should be npz"),
        ("image/png", None, "'image/png' is not of a kind that is read"),
        ("text/html", "a.zip", "'text/html'"),
        ("application/zip", "a.tar.gz", "should be tar.gz"),
        (None, "x.mat", "should be mat"),
    ],
)
def test_what_does_not_fit_the_claim_is_refused(
    archive: Path, content_type: str | None, filename: str | None, says: str
) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        sniff(archive, content_type, filename)
    assert says in caught.value.detail


def test_npz_is_also_a_zip(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 2, 2)))
    assert sniff(tmp_path / "a.npz", "application/zip") == "npz"
    assert sniff(tmp_path / "a.npz", "application/x-npz", "a.npz") == "npz"


@pytest.mark.parametrize("content_type", ["application/gzip", "application/x-tar"])
def test_gzip(tmp_path: Path, content_type: str) -> None:
    assert sniff(tarred(tmp_path / "a.tgz", PAIR), content_type, "a.tgz") == "tar.gz"


def test_a_tar_of_before_ustar_is_known_by_its_checksum(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", PAIR)
    data = bytearray(path.read_bytes())
    data[257:265] = bytes(8)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    assert sniff(path) == "tar"


@pytest.mark.parametrize("shape", ["32", "32x", "0x3", "3x3x2", "-1x4", "axb", "1x1x1x1"])
def test_a_shape_is_height_x_width(shape: str) -> None:
    with pytest.raises(ValidationError):
        IngestOptions(shape=shape)
