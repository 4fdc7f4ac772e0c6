from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingest_hostile import BAD, Bad
from ingest_uploads import order_for

from app.ingest import errors
from app.ingest.__main__ import attempt
from jobs.errors import DomainError
from jobs.settings import Settings

FIRST_OF_ITS_KIND = {bad.slug: bad for bad in reversed(BAD.values())}
BOMBS = {name: bad for name, bad in BAD.items() if "bomb" in name or "745" in name}


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
def test_bad_upload_is_refused_in_a_sentence(
    tmp_path: Path, small_settings: Settings, bad: Bad
) -> None:
    """In this process, without its limits: the reader's own must do."""
    source = bad.make(tmp_path)
    settings = small_settings.model_copy(update=bad.limits)
    folder = tmp_path / "folder"
    folder.mkdir()
    try:
        refusal = attempt(order_for(source, settings, **bad.options), folder).refusal
        assert refusal
        slug, detail = getattr(errors, refusal.error).slug(), refusal.detail
    except DomainError as error:
        slug, detail = error.slug(), error.detail
    assert (slug, bad.says in detail) == (bad.slug, True), detail
    assert detail.endswith((".", "?"))
    assert len(detail) < 1000
    assert str(tmp_path) not in detail


@pytest.mark.parametrize(
    "bad",
    [*FIRST_OF_ITS_KIND.values(), *BOMBS.values()],
    ids=[*FIRST_OF_ITS_KIND, *BOMBS],
)
def test_bad_upload_leaves_nothing(
    tmp_path: Path, refused: Callable[..., DomainError], bad: Bad
) -> None:
    error = refused(bad.make(tmp_path), bad.limits, **bad.options)
    assert (error.slug(), bad.says in error.detail) == (bad.slug, True), error.detail


def test_figures_and_limits_are_members(
    tmp_path: Path, refused: Callable[..., DomainError]
) -> None:
    many = BAD["array: many pixels"]
    members: dict[str, Any] = refused(many.make(tmp_path)).members
    assert members == {"found": 10_201, "limit": 10_000}
