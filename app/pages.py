"""Lists in pages: an opaque cursor, and a limit that is lowered to the maximum."""

import base64
import binascii
from functools import partial
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from app.errors import InvalidCursor

MAX_LIMIT, MAX_IMAGES = 100, 1000
SAID = "Most items in a page; more than {} counts as that."

Limit = Annotated[
    int,
    Query(ge=1, description=SAID.format(MAX_LIMIT)),
    AfterValidator(partial(min, MAX_LIMIT)),
]
ImageLimit = Annotated[
    int,
    Query(ge=1, description=SAID.format(MAX_IMAGES)),
    AfterValidator(partial(min, MAX_IMAGES)),
]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="next_cursor of the page before; none for the first page."),
]


def encode(position: str | int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def decode(cursor: str | None) -> str | None:
    """The position in a cursor. Raises InvalidCursor."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text or not text.isascii() or not text.isprintable():
        raise InvalidCursor("Take the cursor from next_cursor of the page before.")
    return text


def decode_number(cursor: str | None) -> int:
    """The offset in a cursor, 0 without one. Raises InvalidCursor."""
    text = decode(cursor) or "0"
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - digits of a 64-bit number
        raise InvalidCursor("Take the cursor from next_cursor of the page before.")
    return int(text)
