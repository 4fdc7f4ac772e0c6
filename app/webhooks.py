"""What a webhook's address and secret must be. Nothing is resolved or asked here."""

import binascii
from base64 import b64decode
from urllib.parse import urlsplit

from jobs.networks import Network, literal, permitted

SECRET = "whsec_"  # noqa: S105 - what secrets begin with
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def check_url(text: str) -> None:
    """Raises ValueError, saying what is wrong."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError as error:
        message = f"must be a URL: {error}"
        raise ValueError(message) from error
    if url.scheme not in ("https", "http") or not host or not text.isascii():
        message = "must be an https:// URL, in ASCII"
        raise ValueError(message)
    if any(c.isspace() or not c.isprintable() for c in text):
        message = "must not have spaces"
        raise ValueError(message)
    if url.username is not None or url.password is not None:
        message = "must not have a user or a password: what is sent is signed"
        raise ValueError(message)


def check_secret(text: str) -> None:
    """Raises ValueError, saying what is wrong; the text is in no message."""
    try:
        bytes_ = len(b64decode(text.removeprefix(SECRET), validate=True))
    except binascii.Error:
        bytes_ = 0
    if not text.startswith(SECRET) or not SHORTEST <= bytes_ <= LONGEST:
        message = f"must be {SECRET} and {SHORTEST} to {LONGEST} random bytes in base64"
        raise ValueError(message)


def unreachable(text: str, allowed: tuple[Network, ...]) -> str | None:
    """Why the URL's address may not be reached, as far as that shows without asking for it."""
    url = urlsplit(text)
    encrypted, address = url.scheme == "https", literal(url.hostname or "")
    if not encrypted and not allowed:
        return "must begin with https://"
    if address is not None and not permitted(address, allowed, encrypted=encrypted):
        return "must lead to a public address; others are for the operator to allow"
    return None
