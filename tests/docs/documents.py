"""The documents as tests see them: fenced blocks, tables, headings, links."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w*) ?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, what stands behind that, its text."""

    language: str
    name: str
    text: str


def blocks(path: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(path.read_text())]


def prose(path: Path) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", path.read_text())


def table(path: Path, *header: str) -> list[list[str]]:
    """The cells of the table with this header, without code marks."""
    lines = prose(path).replace("`", "").splitlines()
    start = lines.index(f"| {' | '.join(header)} |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == len(header), line
        rows.append(cells)
    return rows


def anchors(path: Path) -> set[str]:
    """The headings as GitHub names them in links."""
    kept = (re.sub(r"[^\w\- ]", "", found.lower()) for found in HEADING.findall(prose(path)))
    return {found.replace(" ", "-") for found in kept}


def links(path: Path) -> list[str]:
    """The targets of links inside the repository."""
    return [target for target in LINK.findall(prose(path)) if "://" not in target]
