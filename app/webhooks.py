"""What a webhook's address and secret must be. Nothing is resolved or asked here."""

from urllib.parse import urlsplit

from jobs.networks import Network, literal, permitted
from jobs.signing import PREFIX, key

SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def checked_url(text: str) -> str:
    """The text itself. Raises ValueError, saying what is wrong."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError as error:
        message = f"must be a URL: {error}"
        raise ValueError(message) from error
    if url.scheme not in ("https", "http") or not host or not text.isascii():
        message = "must be an https:// URL, in ASCII"
        raise ValueError(message)
    if not _is_name(host):
        message = "must have a host whose parts between dots have 1 to 63 characters"
        raise ValueError(message)
    if any(c.isspace() or not c.isprintable() for c in text):
        message = "must not have spaces"
        raise ValueError(message)
    if url.username is not None or url.password is not None:
        message = "must not have a user or a password: what is sent is signed"
        raise ValueError(message)
    return text


def _is_name(host: str) -> bool:
    """Whether it can be looked up at all."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def checked_secret(text: str) -> str:
    """The text itself. Raises ValueError, saying what is wrong; the text is in no message."""
    message = f"must be {PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64"
    try:
        bytes_ = len(key(text))
    except ValueError:
        raise ValueError(message) from None
    if not SHORTEST <= bytes_ <= LONGEST:
        raise ValueError(message)
    return text


def unreachable(text: str, allowed: tuple[Network, ...]) -> str | None:
    """Why the URL's address may not be reached, as far as that shows without asking for it."""
    url = urlsplit(text)
    encrypted, address = url.scheme == "https", literal(url.hostname or "")
    if not encrypted and not allowed:
        return "must begin with https://"
    if address is not None and not permitted(address, allowed, encrypted=encrypted):
        return "must lead to a public address; others are for the operator to allow"
    return None
