import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingest_uploads import Read, order_for, read_back
from PIL import Image

from app.ingest import IngestOptions, ingest
from app.ingest.reading import read
from app.ingest.sniffing import sniff
from jobs.errors import DomainError
from jobs.settings import Settings

Refuse = Callable[..., DomainError]


@pytest.fixture(autouse=True)
def pixel_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit is one per process: what these tests set in theirs is put back."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture
def small_settings(tmp_path: Path) -> Settings:
    """Limits that small uploads reach."""
    return Settings(
        data_dir=tmp_path,
        max_upload_bytes=1_000_000,
        max_dataset_bytes=1_000_000,
        max_images=50,
        max_image_pixels=10_000,
        ingest_seconds=120,
    )


@pytest.fixture
def taken(tmp_path: Path, small_settings: Settings) -> Callable[..., Read]:
    """Read an upload that must be accepted, in this process, and read back what was stored."""

    def take(source: Path, **options: Any) -> Read:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        ingested = read(order_for(source, small_settings, **options), folder)
        return read_back(folder, ingested)

    return take


@pytest.fixture
def refused(tmp_path: Path, small_settings: Settings) -> Iterator[Refuse]:
    """Ingest an upload that must be refused, and see that nothing stays behind."""
    target = tmp_path / "target"

    def refuse(source: Path, limits: dict[str, Any] | None = None, **options: Any) -> DomainError:
        settings = small_settings.model_copy(update=limits or {})
        with pytest.raises(DomainError) as caught:
            ingest(source, sniff(source), IngestOptions(**options), target, settings)
        return caught.value

    yield refuse
    assert not target.exists() or not list(target.iterdir())
