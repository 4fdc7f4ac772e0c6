"""Tables between the markers of a document."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import selection, tables
from benchmarks.load import report
from benchmarks.methods import LEAGUES
from benchmarks.records import LOAD, SPEED, Record
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
TABLES = (*OF_RUNS, *OF_SPEED, LOAD)
MARKED = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def everything(records: Sequence[Record]) -> Iterator[str]:
    """All tables, each under its name."""
    return (f"### {name}\n\n{table(name, records)}" for name in TABLES)


def table(name: str, records: Sequence[Record]) -> str:
    """One table, of the records that are its own."""
    if name in OF_SPEED:
        return OF_SPEED[name]([record for record in records if SPEED in record])
    if name == LOAD:
        return report.table([record for record in records if LOAD in record])
    return OF_RUNS[name]([r for r in records if SPEED not in r and LOAD not in r])


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
