"""Tables between the markers of a document."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import heldout, landmarks, numbers, selection, starts, tables, viewing
from benchmarks.load import report
from benchmarks.methods import LEAGUES
from benchmarks.records import (
    FAMILIES,
    HELD_OUT,
    LANDMARKS,
    LOAD,
    NUMBERS,
    SPEED,
    STARTS,
    VIEWS,
    Record,
)
from benchmarks.speed import tables as speed

Maker = Callable[[Sequence[Record]], str]
OF_RUNS: dict[str, Maker] = {
    f"{make.__name__} {league}": partial(make, league)
    for make in (
        tables.overview,
        tables.table5,
        tables.table2,
        tables.table3,
        tables.development,
    )
    for league in LEAGUES
}
OF_RUNS["selection"] = selection.regrets
OF_RUNS["candidates"] = selection.candidates
OF_SPEED: dict[str, Maker] = {f"{SPEED} {kind}": make for kind, make in speed.TABLES.items()}
OF_FAMILY: dict[str, dict[str, Maker]] = {
    SPEED: OF_SPEED,
    LOAD: {LOAD: report.table},
    HELD_OUT: {HELD_OUT: heldout.table},
    NUMBERS: {NUMBERS: numbers.table},
    STARTS: {STARTS: starts.table},
    VIEWS: {f"{VIEWS} powers": viewing.powers, f"{VIEWS} changes": viewing.changes},
    LANDMARKS: {
        f"{LANDMARKS} growth": landmarks.growth_table,
        f"{LANDMARKS} overlap": landmarks.overlap_table,
    },
}
TABLES = (*OF_RUNS, *(name for makers in OF_FAMILY.values() for name in makers))
MARKED = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def everything(records: Sequence[Record]) -> Iterator[str]:
    """All tables, each under its name."""
    return (f"### {name}\n\n{table(name, records)}" for name in TABLES)


def table(name: str, records: Sequence[Record]) -> str:
    """One table, of the records that are its own."""
    for family, makers in OF_FAMILY.items():
        if name in makers:
            return makers[name]([record for record in records if family in record])
    return OF_RUNS[name]([record for record in records if not record.keys() & set(FAMILIES)])


def renewed(text: str, records: Sequence[Record]) -> str:
    """A document with new tables between ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: for the name of a table that there is not.
    """

    def marked(found: re.Match[str]) -> str:
        opening, name, closing = found.groups()
        if name not in TABLES:
            raise ValueError(f"There is no table {name}; there are {', '.join(TABLES)}.")
        return f"{opening}\n{table(name, records)}\n\n{closing}"

    return MARKED.sub(marked, text)
