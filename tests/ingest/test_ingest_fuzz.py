"""Damaged uploads: whatever is wrong, the answer is a data set or a refusal, never a crash."""

from pathlib import Path
from random import Random

import pytest
from ingest_damage import READERS, damaged
from ingest_uploads import order_for

from app.ingest import errors
from app.ingest.__main__ import attempt
from jobs.settings import Settings

LIMITS = Settings(
    data_dir=Path("unused"),
    max_upload_bytes=10**6,
    max_dataset_bytes=10**6,
    max_images=50,
    max_image_pixels=10_000,
)
TRIES = 60


def answered(upload: Path, folder: Path) -> str:
    """``accepted``, or the kind of the refusal."""
    folder.mkdir()
    try:
        outcome = attempt(order_for(upload, LIMITS), folder)
    except errors.UnsupportedFormat as error:
        return error.slug()
    assert bool(outcome.ingested) != bool(outcome.refusal)
    assert outcome.model_dump_json()
    if outcome.refusal is None:
        return "accepted"
    assert outcome.refusal.detail
    return getattr(errors, outcome.refusal.error).slug()


@pytest.mark.parametrize("name", READERS)
def test_what_is_sound_is_read(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    assert answered(reader.pack(tmp_path, reader.sound), tmp_path / "folder") == "accepted"


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_is_read_or_refused(tmp_path: Path, name: str) -> None:
    reader, kinds = READERS[name], set()
    for seed in range(TRIES):
        work = tmp_path / str(seed)
        work.mkdir()
        random = Random(seed)  # noqa: S311 - repeatable
        upload = reader.pack(work, damaged(reader.sound, random))
        kinds.add(answered(upload, work / "folder"))
    assert kinds & {"corrupt-image", "bad-labels", "truncated-upload", "unreadable-array"}, kinds
