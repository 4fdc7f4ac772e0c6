"""Every kind of upload that is refused: its own problem, and no row and no file left behind."""

import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from api_service import Service, npy, png_zip

PATH = "/v1/datasets"
WHOLE = png_zip()
PICKLED = np.array([{"a": 1}], dtype=object)


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return file.getvalue()


BAD: dict[str, tuple[bytes, str, int, str]] = {
    "empty": (b"", "application/zip", 422, "empty-upload"),
    "not an archive": (b"hello, world" * 99, "application/zip", 415, "not-an-archive"),
    "truncated": (WHOLE[:-200], "application/zip", 422, "truncated-upload"),
    "no image": (zip_of(readme__txt=b"none"), "application/zip", 422, "no-images"),
    "one image": (png_zip(1), "application/zip", 422, "too-few-images"),
    "corrupt image": (
        png_zip(2, **{"b/broken.png": b"\x89PNG\r\n\x1a\nno"}),
        "application/zip",
        422,
        "corrupt-image",
    ),
    "unreadable array": (
        npy(np.zeros((3, 8, 8), complex)),
        "application/x-npy",
        422,
        "unreadable-array",
    ),
    "a wrong shape": (npy(np.zeros((2, 3, 4, 5, 6))), "application/x-npy", 422, "bad-shape"),
    "pickled array": (npy(PICKLED), "application/x-npy", 422, "pickled-array"),
    "a pickle": (pickle.dumps([1]), "application/octet-stream", 415, "unsupported-format"),
    "leaves the folder": (zip_of(**{"../x.png": b"x"}), "application/zip", 422, "unsafe-archive"),
    "labels that do not fit": (
        png_zip(2, **{"labels.csv": b"name,label\nnobody.png,1\n"}),
        "application/zip",
        422,
        "bad-labels",
    ),
    "another kind": (b"\x1f\x8b" + bytes(50), "application/zip", 415, "unsupported-format"),
    "a page": (WHOLE, "text/html", 415, "unsupported-format"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_uploads(service: Service, case: str) -> None:
    data, kind, status, slug = BAD[case]
    with service.unchanged():
        answer = service.http.post(PATH, content=data, headers={"content-type": kind})
        service.problem(answer, status, slug)


def test_a_corrupt_image_is_named(service: Service) -> None:
    data, kind, status, slug = BAD["corrupt image"]
    answer = service.http.post(PATH, content=data, headers={"content-type": kind})
    assert "b/broken.png" in service.problem(answer, status, slug)["detail"]


@pytest.mark.parametrize(
    "params",
    [{"truth": "yes"}, {"shape": "8by8"}, {"order": "Z"}, {"kind": "text"}, {"colour": "red"}],
)
def test_refused_options(service: Service, params: dict[str, Any]) -> None:
    with service.unchanged():
        headers = {"content-type": "application/zip"}
        answer = service.http.post(PATH, content=WHOLE, headers=headers, params=params)
        service.problem(answer, 422, "invalid-request")
        answer = service.http.post(PATH, data=params, files={"file": ("x.zip", WHOLE)})
        service.problem(answer, 422, "invalid-request")


def test_a_content_coding_is_refused(service: Service) -> None:
    headers = {"content-type": "application/zip", "content-encoding": "gzip"}
    with service.unchanged():
        answer = service.http.post(PATH, content=WHOLE, headers=headers)
        service.problem(answer, 415, "unsupported-format")


PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FORMS: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", b""),
    "a boundary too long": (f"multipart/form-data; boundary={'x' * 5000}", b"x"),
    "no file": ("multipart/form-data; boundary=x", PART % (b"name", b"n") + b"--x--\r\n"),
    "two files": ("multipart/form-data; boundary=x", PART % (b"file", b"a") * 2 + b"--x--\r\n"),
    "no end": ("multipart/form-data; boundary=x", PART % (b"file", b"a")),
    "a long field": ("multipart/form-data; boundary=x", PART % (b"name", b"n" * 2000)),
    "many fields": (
        "multipart/form-data; boundary=x",
        b"".join(PART % (b"f%d" % i, b"") for i in range(30)),
    ),
    "no form": ("multipart/form-data; boundary=x", b"hello"),
}


@pytest.mark.parametrize("case", FORMS)
def test_refused_forms(service: Service, case: str) -> None:
    kind, data = FORMS[case]
    with service.unchanged():
        answer = service.http.post(PATH, content=data, headers={"content-type": kind})
        service.problem(answer, 400, "malformed-body")
