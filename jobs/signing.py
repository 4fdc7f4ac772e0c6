"""The secret that signs a webhook's messages, as Standard Webhooks writes it."""

import binascii
from base64 import b64decode

PREFIX = "whsec_"


def key(secret: str) -> bytes:
    """The bytes of ``whsec_`` and base64. Raises ValueError, without the secret."""
    try:
        found = b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if not secret.startswith(PREFIX) or not found:
        message = f"must be {PREFIX} and base64"
        raise ValueError(message)
    return found
