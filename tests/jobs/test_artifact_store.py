import errno
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.stub import Stubber
from object_store import ACCESS, SECRET, ObjectStore, running

from jobs.artifacts import ArtifactStore, describe, folder, open_store, read, s3
from jobs.artifacts.folder import FolderStore
from jobs.artifacts.s3 import PART, S3Store, connect
from jobs.errors import KeyTaken, StoreRefused, StoreUnavailable
from jobs.settings import Settings

Put = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    yield from running(tmp_path_factory.mktemp("objects"))


@pytest.fixture(params=["folder", "s3", "s3 with prefix"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    server: ObjectStore = request.getfixturevalue("server")
    bucket = server.bucket(f"b{time.time_ns()}")
    return S3Store(server.client(), bucket, "a/b" if "prefix" in request.param else "")


@pytest.fixture
def put(artifacts: ArtifactStore, tmp_path: Path) -> Put:
    def put(key: str, body: bytes = b"12345", **more: Any) -> None:
        source = tmp_path / "source"
        source.write_bytes(body)
        artifacts.take(source, key, **more)

    return put


def test_a_file_is_moved_under_its_key(artifacts: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "labels.npy"
    source.write_bytes(b"abc")
    record = describe(source, "jobs/j/1/labels.npy", "labels", "application/x-npy")
    artifacts.check()
    artifacts.take(source, record.key)
    assert read(artifacts, record.key) == b"abc"
    assert not source.exists()
    assert record.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert record.bytes == 3


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "jobs/../../x", ""])
def test_a_key_cannot_leave_the_store(artifacts: ArtifactStore, put: Put, key: str) -> None:
    for act in (put, artifacts.open, artifacts.remove, artifacts.delete):
        with pytest.raises(ValueError, match="not a key"):
            act(key)


def test_a_key_is_written_once(artifacts: ArtifactStore, put: Put) -> None:
    put("jobs/j/1/a", b"first")
    put("jobs/j/1/a", b"first")
    with pytest.raises(KeyTaken, match="jobs/j/1/a"):
        put("jobs/j/1/a", b"second")
    assert read(artifacts, "jobs/j/1/a") == b"first"


def test_large_files_go_in_parts_and_are_written_once(artifacts: ArtifactStore, put: Put) -> None:
    body, beats = os.urandom(2 * PART + 17), []
    put("jobs/j/1/large", body, alive=lambda: beats.append(1))
    put("jobs/j/1/large", body)
    with pytest.raises(KeyTaken):
        put("jobs/j/1/large", os.urandom(2 * PART + 17))
    with artifacts.open("jobs/j/1/large") as file:
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(body).digest()
    assert isinstance(artifacts, FolderStore) or len(beats) >= 5


def test_any_part_can_be_read(artifacts: ArtifactStore, put: Put) -> None:
    body = os.urandom(3_000_000)
    put("jobs/j/1/a", body)
    with artifacts.open("jobs/j/1/a") as file:
        for start, size in ((0, 10), (2_999_990, 100), (1_500_000, 1_200_000), (5, 5)):
            file.seek(start)
            assert file.read(size) == body[start : start + size]
        assert file.seek(-3, io.SEEK_END) == 2_999_997
        assert file.read() == body[-3:]
        assert file.read() == b""


def test_numpy_reads_from_it(artifacts: ArtifactStore, put: Put) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(7))
    put("jobs/j/1/a.npy", buffer.getvalue())
    with artifacts.open("jobs/j/1/a.npy") as file:
        assert np.load(file, allow_pickle=False).tolist() == list(range(7))


def test_what_is_not_there_is_said_so(artifacts: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        artifacts.open("jobs/j/1/a")
    with pytest.raises(FileNotFoundError):
        artifacts.fetch("jobs/j/1/a", tmp_path / "here")
    artifacts.remove("jobs/j/1/a")
    assert artifacts.delete("jobs/j") == 0
    assert list(artifacts.listed("jobs")) == []


def test_files_can_be_had_locally(artifacts: ArtifactStore, put: Put, tmp_path: Path) -> None:
    put("datasets/d/pixels.npy", b"pixels")
    put("datasets/d/index.json", b"index")
    folder = artifacts.fetch_all("datasets/d", tmp_path / "here")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "pixels.npy": b"pixels",
        "index.json": b"index",
    }
    with pytest.raises(FileNotFoundError):
        artifacts.fetch_all("datasets/d2", tmp_path / "nowhere")
    path = artifacts.fetch("datasets/d/index.json", tmp_path / "there")
    assert path.read_bytes() == b"index"


def test_delete_says_what_it_freed_and_spares_the_neighbours(
    artifacts: ArtifactStore, put: Put
) -> None:
    for key in ("jobs/j/1/a", "jobs/j/1/b", "jobs/j2/1/a"):
        put(key)
    assert artifacts.delete("jobs/j") == 10
    assert artifacts.delete("jobs/j") == 0
    assert [file.key for file in artifacts.listed("jobs")] == ["jobs/j2/1/a"]


def test_more_files_than_a_page_are_listed_and_deleted(artifacts: ArtifactStore, put: Put) -> None:
    if isinstance(artifacts, S3Store):
        where = {"Bucket": artifacts.bucket, "Body": b"1"}
        for i in range(1005):
            artifacts.client.put_object(Key=f"{artifacts.prefix}jobs/j/1/{i:04}", **where)
    else:
        for i in range(1005):
            put(f"jobs/j/1/{i:04}", b"1")
    found = list(artifacts.listed("jobs/j"))
    assert len(found) == 1005
    assert all(abs(file.modified - time.time()) < 600 for file in found)
    assert artifacts.delete("jobs/j") == 1005


def settings(server: ObjectStore, tmp_path: Path, **changed: Any) -> Settings:
    file = tmp_path / "secret"
    file.write_text(changed.pop("secret", SECRET))
    known = {
        "data_dir": tmp_path,
        "artifacts_url": "s3://first",
        "s3_endpoint": server.url,
        "s3_region": "us-east-1",
        "s3_access_key_id": ACCESS,
        "s3_secret_key_file": file,
    }
    return Settings(**(known | changed))


def test_settings_name_the_bucket(server: ObjectStore, tmp_path: Path) -> None:
    store = open_store(settings(server, tmp_path, artifacts_url="s3://first/some/where"))
    assert isinstance(store, S3Store)
    store.check()
    (tmp_path / "x").write_bytes(b"y")
    store.take(tmp_path / "x", "jobs/j/1/x")
    body = server.client().get_object(Bucket="first", Key="some/where/jobs/j/1/x")["Body"]
    assert body.read() == b"y"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"artifacts_url": "s3://nowhere"}, "no bucket 'nowhere'.*S2CONVSCN_ARTIFACTS_URL"),
        ({"secret": "wrong"}, "S2CONVSCN_S3_SECRET_KEY_FILE"),
        ({"s3_access_key_id": "nobody"}, "S2CONVSCN_S3_ACCESS_KEY_ID"),
    ],
)
def test_a_store_that_refuses_says_what_to_correct(
    server: ObjectStore, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(StoreRefused, match=said):
        open_store(settings(server, tmp_path, **changed)).check()


def test_without_credentials_it_says_so(
    server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    asked = settings(server, tmp_path, s3_access_key_id=None, s3_secret_key_file=None)
    with pytest.raises(StoreRefused, match="credentials"):
        S3Store(connect(asked), "first").check()


def test_a_store_that_is_away_is_asked_again_and_then_said_to_be(
    server: ObjectStore, tmp_path: Path
) -> None:
    beats: list[int] = []
    away = open_store(settings(server, tmp_path, s3_endpoint="http://127.0.0.1:9"))
    with pytest.raises(StoreUnavailable, match="does not answer"):
        away.check()
    (tmp_path / "x").write_bytes(b"y")
    with pytest.raises(StoreUnavailable):
        away.take(tmp_path / "x", "jobs/j/1/x", lambda: beats.append(1))
    assert len(beats) == 4
    assert (tmp_path / "x").exists()


def test_an_upload_that_fails_leaves_no_parts(server: ObjectStore, tmp_path: Path) -> None:
    store = S3Store(server.client(), server.bucket("halves"))
    (tmp_path / "x").write_bytes(bytes(PART + 1))

    class Full(Exception):
        pass

    def break_off() -> None:
        if store.client.list_multipart_uploads(Bucket="halves").get("Uploads"):
            raise Full

    with pytest.raises(Full):
        store.take(tmp_path / "x", "jobs/j/1/x", break_off)
    assert not store.client.list_multipart_uploads(Bucket="halves").get("Uploads")
    assert list(store.listed("jobs")) == []


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """What a bucket answers, in order, to a client that neither waits nor asks anybody."""
    monkeypatch.setattr(s3, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(s3, "PART", 4)
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET}
    with Stubber(boto3.client("s3", region_name="us-east-1", **keys)) as script:
        yield script
        script.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ConditionalRequestConflict", 409),
        ("OperationAborted", 409),
        ("RequestTimeout", 400),
        ("TooManyRequests", 429),
        ("SlowDown", 503),
    ],
)
def test_a_store_that_is_busy_is_asked_again(
    script: Stubber, tmp_path: Path, code: str, status: int
) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"y")
    for _ in range(s3.TRIES):
        script.add_client_error("put_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailable):
        S3Store(script.client, "b").take(source, "jobs/j/1/x")
    script.add_client_error("put_object", code, http_status_code=status)
    script.add_response("put_object", {})
    S3Store(script.client, "b").take(source, "jobs/j/1/x")
    assert not source.exists()


@pytest.mark.parametrize(
    ("there", "outcome"),
    [(b"12345", None), (b"other", KeyTaken), (None, StoreUnavailable)],
)
def test_an_upload_that_is_over_when_it_is_completed_again(
    script: Stubber, tmp_path: Path, there: bytes | None, outcome: type[Exception] | None
) -> None:
    """The first answer was lost; or the upload was broken off, and has to begin anew."""
    source = tmp_path / "x"
    source.write_bytes(b"12345")
    script.add_response("create_multipart_upload", {"UploadId": "u"})
    script.add_response("upload_part", {"ETag": "1"})
    script.add_response("upload_part", {"ETag": "2"})
    script.add_client_error("complete_multipart_upload", "InternalError", http_status_code=500)
    script.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
    script.add_client_error("abort_multipart_upload", "NoSuchUpload", http_status_code=404)
    if there is None:
        script.add_client_error("head_object", "404", http_status_code=404)
    else:
        script.add_response("head_object", {"ContentLength": len(there)})
        script.add_response("get_object", {"Body": io.BytesIO(there)})
    with pytest.raises(outcome) if outcome else nullcontext():
        S3Store(script.client, "b").take(source, "jobs/j/1/x")
    assert source.exists() is (outcome is not None)


@pytest.mark.parametrize(
    ("code", "outcome"), [("AccessDenied", StoreRefused), ("InternalError", StoreUnavailable)]
)
def test_what_a_bucket_does_not_delete_is_not_counted_as_freed(
    script: Stubber, code: str, outcome: type[Exception]
) -> None:
    found = {"Key": "jobs/j/1/a", "Size": 5, "LastModified": datetime.now(UTC)}
    script.add_response("list_objects_v2", {"IsTruncated": False, "Contents": [found]})
    script.add_response("delete_objects", {"Errors": [{"Key": "jobs/j/1/a", "Code": code}]})
    with pytest.raises(outcome):
        S3Store(script.client, "b").delete("jobs/j")


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")  # noqa: S108 - a file of one name, removed again
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system at /dev/shm")
    store, source = FolderStore(tmp_path), elsewhere / f"s2convscn-{os.getpid()}"
    for body in (b"first", b"first"):
        source.write_bytes(body)
        store.take(source, "jobs/j/1/a")
        assert not source.exists()
    source.write_bytes(b"second")
    try:
        with pytest.raises(KeyTaken):
            store.take(source, "jobs/j/1/a")
    finally:
        source.unlink(missing_ok=True)
    assert [file.key for file in store.listed("jobs")] == ["jobs/j/1/a"]
    assert read(store, "jobs/j/1/a") == b"first"


def test_while_a_file_is_copied_somebody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cross_device(*_: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    store, source, beats = FolderStore(tmp_path / "store"), tmp_path / "x", []
    monkeypatch.setattr(os, "link", cross_device)
    monkeypatch.setattr(folder, "PIECE", 4)
    source.write_bytes(b"0123456789")
    store.take(source, "jobs/j/1/a", lambda: beats.append(1))
    assert read(store, "jobs/j/1/a") == b"0123456789"
    assert len(beats) == 3
