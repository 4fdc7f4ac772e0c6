"""An upload on its way: streamed to a scratch file under a limit, then read into a data set."""

import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.ingest.errors import NO_SPACE, StorageFull, TooLarge, UnsupportedFormat
from app.multipart import Form

BLOCK = 1 << 18
FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may need beside its file."""


@dataclass(frozen=True)
class Received:
    """A whole upload in its scratch folder, and what a form said beside it."""

    folder: Path
    sha256: str
    content_type: str
    filename: str | None
    fields: dict[str, str]

    @property
    def path(self) -> Path:
        return self.folder / "upload"


class Spool:
    """The scratch file; counts against the limit and hashes what flows into it."""

    def __init__(self, path: Path, limit: int) -> None:
        with room():
            self._file = path.open("xb")
        self._limit = limit
        self._size = 0
        self._digest = hashlib.sha256()

    def write(self, block: bytes) -> None:
        """Raises TooLarge, or StorageFull."""
        self._size += len(block)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._digest.update(block)
        with room():
            self._file.write(block)

    def close(self) -> str:
        """The digest of all that was written."""
        with room():
            self._file.close()
        return self._digest.hexdigest()


@contextmanager
def room() -> Iterator[None]:
    """Raises StorageFull where the system says that there is none."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise StorageFull("The disk is full: try again later.") from error


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, whatever happens."""
    with room():
        folder = Path(tempfile.mkdtemp(prefix="upload-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def receive(request: Request, folder: Path, limit: int) -> Received:
    """Stream a request's body into the folder.

    Raises:
        TooLarge: at once if it is declared so, else as soon as it is.
        UnsupportedFormat: for a content coding.
        MalformedBody: a form that cannot be read.
        ClientDisconnect: the client left before the end.
    """
    content_type = request.headers.get("content-type", "")
    is_form = content_type.lower().startswith("multipart/form-data")
    total = limit + FORM_OVERHEAD if is_form else limit
    _check_head(request, total, limit)
    spool = Spool(folder / "upload", limit)
    try:
        form = Form(content_type, spool.write) if is_form else None
        await _pump(_blocks(request), form.feed if form else spool.write, total, limit)
        if form:
            form.finish()
    finally:
        sha256 = spool.close()
    return Received(
        folder=folder,
        sha256=sha256,
        content_type=form.content_type if form else content_type,
        filename=form.filename if form else None,
        fields=form.fields if form else {},
    )


def _check_head(request: Request, total: int, limit: int) -> None:
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise UnsupportedFormat(
            f"The upload has the Content-Encoding {coding!r}: send it without one."
        )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > total:
        raise too_large(limit)


async def _pump(
    blocks: AsyncIterator[bytes], feed: Callable[[bytes], None], total: int, limit: int
) -> None:
    received = 0
    async for block in blocks:
        received += len(block)
        if received > total:
            raise too_large(limit)
        await run_in_threadpool(feed, block)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in larger pieces than the network's, so that few thread switches are needed."""
    block = bytearray()
    async for chunk in request.stream():
        block += chunk
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"An upload may have {limit} bytes.", limit_bytes=limit)
