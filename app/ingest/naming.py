"""Names of members and images: which are safe, how people sort them, how they are listed."""

import re
from collections.abc import Sequence

LONGEST = 1024
SHOWN = 3
SHOWN_LENGTH = 120
UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
DIGITS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key under which img2 comes before img10."""
    parts = [part for part in DIGITS.split(name) if part]
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], name


def unfit(text: str) -> str | None:
    """What makes a text unfit to be stored and shown, or None."""
    if len(text) > LONGEST:
        return f"has {len(text)} characters, and at most {LONGEST} are accepted"
    if UNFIT.search(text):
        return "holds a control character or a broken one"
    return None


def flaw(name: str) -> str | None:
    """What makes a name unsafe to store or to unpack, or None. Backslashes count as slashes."""
    path = name.replace("\\", "/")
    if not path.strip("/. "):
        return "is empty"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is an absolute path"
    if ".." in path.split("/"):
        return "leaves the archive's folder with '..'"
    return unfit(name)


def quoted(name: str) -> str:
    """A name for a sentence: shortened, control characters escaped."""
    short = name if len(name) <= SHOWN_LENGTH else f"{name[:SHOWN_LENGTH]}..."
    return repr(short)


def counted(names: Sequence[str]) -> str:
    """How many names there are, and the first few, for a sentence."""
    rest = ["..."] if len(names) > SHOWN else []
    return f"{len(names)} ({', '.join([*map(quoted, names[:SHOWN]), *rest])})"
