import os
from pathlib import Path

import httpx
import pytest

from s2convscn import Client, SourceError
from s2convscn.sources import packed

STRANGE = os.fsdecode(b"caf\xe9")
"""As Latin-1 writes it."""


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder whose name is not UTF-8, with an image whose name is."""
    folder = tmp_path / STRANGE
    folder.mkdir()
    (folder / "a.png").write_bytes(b"image")
    return folder


def test_an_image_whose_name_is_not_utf_8_is_named(strange: Path, tmp_path: Path) -> None:
    (strange / f"{STRANGE}.png").write_bytes(b"image")
    with pytest.raises(SourceError, match=r"'caf\\udce9\.png' is not UTF-8"):
        packed(strange, tmp_path)


def test_a_folder_whose_name_is_not_utf_8_is_sent(strange: Path, tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"id": "ds_1"})

    with Client("http://127.0.0.1:9") as client:
        client._http = httpx.Client(base_url="http://x", transport=httpx.MockTransport(answer))
        client.upload(packed(strange, tmp_path))
    assert asked[0].url.params["name"] == "caf\ufffd.zip"
