"""Signatures of Standard Webhooks (standardwebhooks.com), by a shared secret."""

import hmac
from base64 import b64encode
from hashlib import sha256

from jobs.signing import key


def headers(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows sender, message and time."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{sign(secret, message_id, at, body)}",
    }


def sign(secret: str, message_id: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 of ``id.timestamp.body`` in base64; the secret is ``whsec_`` and base64."""
    signed = b".".join((message_id.encode(), str(at).encode(), body))
    return b64encode(hmac.digest(key(secret), signed, sha256)).decode()
