import hashlib
from pathlib import Path

import pytest

from jobs.artifacts import ArtifactStore, describe


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def test_a_file_is_moved_under_its_key(artifacts: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "labels.npy"
    source.write_bytes(b"abc")
    record = describe(source, "jobs/j/1/labels.npy", "labels", "application/x-npy")
    artifacts.take(source, record.key)
    assert artifacts.path(record.key).read_bytes() == b"abc"
    assert not source.exists()
    assert record.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert record.bytes == 3


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "jobs/../../x", ""])
def test_a_key_cannot_leave_the_store(artifacts: ArtifactStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        artifacts.path(key)


def test_delete_says_what_it_freed(artifacts: ArtifactStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"12345")
        artifacts.take(tmp_path / name, f"jobs/j/1/{name}")
    assert [folder.name for folder in artifacts.folders("jobs")] == ["j"]
    assert artifacts.delete("jobs/j") == 10
    assert artifacts.delete("jobs/j") == 0
    assert artifacts.folders("jobs") == []
