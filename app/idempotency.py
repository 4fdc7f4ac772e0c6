"""Idempotency-Key: a request that is sent again makes nothing twice.

After the IETF's draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import json
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel

from jobs.store.idempotency import Once

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Any word of yours, such as a UUID. The same request with the same key is "
        "answered with what the first one made.",
    ),
]


def once(owner: str, key: str | None, operation: str, body: BaseModel | None = None) -> Once | None:
    """What an equal request is known by; None without a key.

    Equal are requests for the same ``operation``, with bodies that say the same.
    """
    if key is None:
        return None
    said = None if body is None else body.model_dump(mode="json", exclude_unset=True)
    text = json.dumps([operation, said], sort_keys=True)
    return Once(owner, key, hashlib.sha256(text.encode()).hexdigest())
