import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_uploads import gray, npy_header, order_for, png, read_back, tarred, zipped
from scipy.io import savemat

from app.ingest import IngestOptions, ingest, process, sniff
from app.ingest.errors import IngestTimedOut, StorageFull
from jobs.errors import DomainError
from jobs.settings import Settings

MIB = 1024**2
IMAGES = {f"{i}.png": png(i) for i in range(4)}
STACK = np.stack([gray(i) for i in range(4)])


def make(folder: Path, kind: str) -> Path:
    path = folder / f"upload.{kind}"
    if kind == "zip":
        return zipped(path, IMAGES)
    if kind in ("tar", "tar.gz"):
        return tarred(path, IMAGES)
    if kind == "mat":
        savemat(path, {"fea": STACK.reshape(4, -1)})
    elif kind == "npz":
        np.savez(path, images=STACK)
    else:
        np.save(path, STACK)
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "npz", "npy", "mat"])
def test_every_kind_through_the_child(tmp_path: Path, small_settings: Settings, kind: str) -> None:
    source, target = make(tmp_path, kind), tmp_path / "new" / "target"
    assert sniff(source, None, source.name) == kind
    options = IngestOptions(shape="8x9", order="C") if kind == "mat" else IngestOptions()
    read = read_back(target, ingest(source, kind, options, target, small_settings))
    assert sorted(file.name for file in target.iterdir()) == ["index.json", "pixels.npy"]
    np.testing.assert_array_equal(np.stack(list(read.images.values()))[..., 0], STACK)


def test_an_upload_over_its_time_is_ended(tmp_path: Path, small_settings: Settings) -> None:
    settings = small_settings.model_copy(update={"ingest_seconds": 0.02})
    target = tmp_path / "target"
    with pytest.raises(IngestTimedOut, match=r"longer than 0\.02 seconds"):
        ingest(make(tmp_path, "zip"), "zip", IngestOptions(), target, settings)
    assert not list(target.iterdir())


def large(path: Path, *, fortran: bool) -> Path:
    """192 MiB of zeros that take no room on the disk."""
    with path.open("wb") as file:
        file.write(npy_header((192, 1024, 1024), "|u1", fortran=fortran))
        file.truncate(file.tell() + 192 * MIB)
    return path


def roomy(settings: Settings, memory: int) -> Settings:
    limits = {
        "max_dataset_bytes": 256 * MIB,
        "max_image_pixels": MIB,
        "max_images": 1000,
        "ingest_memory_bytes": memory,
    }
    return settings.model_copy(update=limits)


def base_memory() -> int:
    """The address space of a child that has read nothing yet."""
    code = (
        "import app.ingest.reading, app.ingest.__main__\n"
        "print(open('/proc/self/statm').read().split()[0])"
    )
    environment = {"OPENBLAS_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, check=True, env=environment
    )
    return int(answer.stdout) * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_limited_and_a_large_array_streams(
    tmp_path: Path, small_settings: Settings
) -> None:
    settings = roomy(small_settings, base_memory() + 150 * MIB)
    source = large(tmp_path / "c.npy", fortran=False)
    ingested = ingest(source, "npy", IngestOptions(), tmp_path / "c", settings)
    assert ingested.n_images == 192
    assert [notice.code for notice in ingested.notices] == ["black-images"]

    source = large(tmp_path / "f.npy", fortran=True)
    with pytest.raises(DomainError, match="bytes of memory") as caught:
        ingest(source, "npy", IngestOptions(), tmp_path / "f", settings)
    assert caught.value.slug() == "too-large"
    assert not list((tmp_path / "f").iterdir())


def test_a_file_over_its_size_is_refused(tmp_path: Path) -> None:
    """The kernel's limit on files, met by the child's own translation."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from app.ingest.__main__ import attempt\n"
        "from app.ingest.options import Order\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        "print(attempt(Order.model_validate_json(sys.stdin.read()), Path.cwd()).refusal.error)"
    )
    order = order_for(make(tmp_path, "npy"), Settings(data_dir=tmp_path))
    answer = subprocess.run(
        [sys.executable, "-c", code],
        input=order.model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert answer.stdout.strip() == "TooLarge"


def test_a_disk_without_room_for_the_outcome_is_full(tmp_path: Path) -> None:
    order = order_for(make(tmp_path, "npy"), Settings(data_dir=tmp_path))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / process.RESULT).symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no room"):
        process._outcome(scratch, process._run(order, scratch), order.limits)


def test_a_child_that_cannot_even_start_leaves_nothing(
    tmp_path: Path, small_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = small_settings.model_copy(update={"ingest_memory_bytes": 1000})
    with pytest.raises(DomainError) as caught:
        ingest(make(tmp_path, "zip"), "zip", IngestOptions(), tmp_path / "target", settings)
    assert caught.value.slug() in ("ingest-crashed", "too-large")
    assert not list((tmp_path / "target").iterdir())
    assert caught.value.slug() == "too-large" or "reading an upload ended" in caplog.text


@pytest.mark.parametrize(
    ("status", "slug"),
    [
        (-signal.SIGXCPU, "ingest-timed-out"),
        (-signal.SIGALRM, "ingest-timed-out"),
        (-signal.SIGKILL, "too-large"),
        (-signal.SIGSEGV, "ingest-crashed"),
        (1, "ingest-crashed"),
    ],
)
def test_every_death_has_its_error(
    tmp_path: Path, small_settings: Settings, status: int, slug: str
) -> None:
    (tmp_path / process.LOG).write_bytes(b"Traceback\xff")
    limits = process.limits_of(small_settings)
    assert process._death(tmp_path, status, limits).slug() == slug


def test_the_child_sees_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2CONVSCN_DATABASE_URL", "postgresql+psycopg://secret@host/db")
    assert set(process._environment(tmp_path)) == {
        *("LANG", "TMPDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    }


def test_importing_the_package_loads_no_image_library() -> None:
    code = "import sys, app.ingest, app.ingest.canonical; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded: set[Any] = set(answer.stdout.split())
    assert not loaded & {"PIL", "scipy", "torch", "sklearn"}
