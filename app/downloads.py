"""Files over HTTP: strong ETags, 304, one range, If-Range, HEAD; streamed, never held whole."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from app import problems
from app.errors import RangeNotSatisfiable
from app.files import still_there
from jobs.artifacts import ArtifactStore
from jobs.records import Artifact

CHUNK = 256 * 1024
RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


@dataclass(frozen=True)
class Body:
    """What is delivered: an open file of known length and digest."""

    file: BinaryIO
    size: int
    sha256: str
    media_type: str
    filename: str
    inline: bool = False
    """Whether a browser shows it; what users sent is only ever saved."""

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": self.etag,
            "Accept-Ranges": "bytes",
            "Content-Disposition": disposition(self.filename, inline=self.inline),
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept",
        }


def of_artifact(store: ArtifactStore, artifact: Artifact) -> Body:
    """Raises Gone if the file was deleted since its record was read."""
    with still_there(f"The file {artifact.name!r}"):
        file = store.open(artifact.key)
    return Body(file, artifact.bytes, artifact.sha256, artifact.media_type, artifact.name)


def of_bytes(data: bytes, media_type: str, filename: str, *, inline: bool = False) -> Body:
    digest = hashlib.sha256(data).hexdigest()
    return Body(io.BytesIO(data), len(data), digest, media_type, filename, inline)


def deliver(request: Request, body: Body) -> Response:
    """200, 206, 304 or 416, as the request's conditions have it."""
    if matches(request.headers.get("if-none-match"), body.etag):
        body.file.close()
        return Response(status_code=304, headers=body.headers)
    wanted = _range(request, body)
    if wanted is None:
        return _stream(request, body, 0, body.size, 200)
    start, end = wanted
    if start >= end:
        body.file.close()
        error = RangeNotSatisfiable(f"The file has {body.size} bytes.", size=body.size)
        return problems.response(request.scope, error, {"Content-Range": f"bytes */{body.size}"})
    return _stream(request, body, start, end, 206)


def matches(condition: str | None, etag: str) -> bool:
    """If-None-Match: weak comparison, a list of tags or ``*``."""
    if condition is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in tags


def _range(request: Request, body: Body) -> tuple[int, int] | None:
    """The bytes asked for as [start, end), empty if outside the file; None for the whole.

    A header with several ranges or in another unit is ignored, as RFC 9110 allows.
    """
    found = RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or found.group(1) == found.group(2) == "":
        return None
    if request.headers.get("if-range", body.etag) != body.etag:
        return None
    first, last = found.groups()
    if not first:
        return max(body.size - int(last), 0), body.size if int(last) else 0
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, body.size) if last else body.size


def _stream(request: Request, body: Body, start: int, end: int, status: int) -> Response:
    headers = body.headers | {"Content-Length": str(end - start)}
    if status == 206:  # noqa: PLR2004 - Partial Content
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{body.size}"
    if request.method == "HEAD":
        body.file.close()
        return Response(status_code=status, headers=headers, media_type=body.media_type)
    chunks = _chunks(body.file, start, end)
    return StreamingResponse(chunks, status, headers, body.media_type)


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK, end - start))):
            start += len(chunk)
            yield chunk


def disposition(filename: str, *, inline: bool = False) -> str:
    """To be saved, or shown, under a name that no header or file system can misread."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", filename) or "file"
    extended = f"; filename*=UTF-8''{quote(filename, safe='')}" if plain != filename else ""
    return f'{"inline" if inline else "attachment"}; filename="{plain}"{extended}'
