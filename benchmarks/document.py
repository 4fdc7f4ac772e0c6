"""Tables between the markers of a document."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import tables
from benchmarks.methods import LEAGUES
from benchmarks.records import Record

Maker = Callable[[Sequence[Record]], str]
TABLES: dict[str, Maker] = {
    f"{make.__name__} {league}": partial(make, league)
    for make in (tables.table5, tables.table2, tables.table3, tables.development)
    for league in LEAGUES
}
MARKED = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def everything(records: Sequence[Record]) -> Iterator[str]:
    """All tables, each under its name."""
    return (f"### {name}\n\n{make(records)}" for name, make in TABLES.items())


def renewed(text: str, records: Sequence[Record]) -> str:
    """A document with new tables between ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: for the name of a table that there is not.
    """

    def table(found: re.Match[str]) -> str:
        opening, name, closing = found.groups()
        if name not in TABLES:
            raise ValueError(f"There is no table {name}; there are {', '.join(TABLES)}.")
        return f"{opening}\n{TABLES[name](records)}\n\n{closing}"

    return MARKED.sub(table, text)
