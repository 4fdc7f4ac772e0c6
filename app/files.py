"""Stored files that may be deleted between the reading of their row and their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import Gone


@contextmanager
def still_there(what: str) -> Iterator[None]:
    """Raises Gone if a file that is read is not there any more."""
    try:
        yield
    except FileNotFoundError:
        raise Gone(f"{what} has been deleted.") from None
