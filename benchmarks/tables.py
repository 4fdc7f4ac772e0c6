"""Markdown tables of the records beside the figures that the paper prints."""

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from math import isnan
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.methods import SHALLOW, TABLE3, TABLE5, TITLES, League, constant
from benchmarks.records import Record
from benchmarks.sets import SETS
from benchmarks.summary import NOT_RUN, Summary, origin, percent, summarise

ANSWERS = ("processed", "plain", "head", "oracle best", "seconds", "peak MB")
SHALLOW_BLOCKS = (10, 38)
"""Numbers of subjects at which the methods without a network are run."""
TUNED = ", chosen with labels"
YALEB = "yaleb"

Row = list[str]


@cache
def paper() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("paper.toml").read_text(encoding="utf-8"))


def table5(league: League, records: Sequence[Record]) -> str:
    """ORL, COIL20 and COIL100; medians over seeds."""
    printed = paper()["table5"]
    runs = [
        r
        for r in records
        if r["league"] == league and r["protocol"] == "whole" and r["set"] != YALEB
    ]
    present = {(r["set"], r["method"], r["label"]) for r in runs}
    deep = constant(TABLE5, league)
    expected = deep if league == "printed" else (*SHALLOW, *deep)
    wanted = {(name, method, "") for name in printed for method in expected}
    rows = []
    for key in _ordered(present if league == "tuned" else wanted | present):
        name, method, label = key
        found = summarise(r for r in runs if (r["set"], r["method"], r["label"]) == key)
        told = _figure(printed.get(name, {}).get(method))
        rows.append([SETS[name].title, _title(method, label), told, *_whole(found)])
    centre = f"median{TUNED if league == 'tuned' else ''}"
    return _markdown(
        ("set", "method", "paper", centre, "mean", "sd", "seeds", *ANSWERS), rows, runs
    )


def table2(league: League, records: Sequence[Record]) -> str:
    """Extended Yale B by its protocol."""
    return _blocks("table2", (*SHALLOW, *constant(TABLE5, league)), league, records)


def table3(league: League, records: Sequence[Record]) -> str:
    """The ablation, on Extended Yale B by its protocol."""
    return _blocks("table3", TABLE3, league, records)


def overview(league: League, records: Sequence[Record]) -> str:
    """Every method on every set: its error, the paper's in brackets, and its seconds on COIL20."""
    figures = paper()
    columns = [(name, SETS[name].title, figures["table5"][name]) for name in figures["table5"]]
    last = len(figures["table2"]["n"]) - 1
    means = {m: values[last] for m, values in figures["table2"]["mean"].items()}
    columns.append((YALEB, f"{SETS[YALEB].title}, 38 subjects", means))
    runs = [r for r in records if (r["league"], r["protocol"], r["label"]) == (league, "whole", "")]
    rows = []
    for method in (*SHALLOW, *TABLE5):
        found = {
            name: summarise(r for r in runs if (r["set"], r["method"]) == (name, method))
            for name, _, _ in columns
        }
        cells = [_beside(found[name], told.get(method)) for name, _, told in columns]
        timed = found["coil20"]
        rows.append([TITLES[method], *cells, timed.seconds() if timed.ended else NOT_RUN])
    header = ("method", *(title for _, title, _ in columns), "seconds, COIL20")
    return _markdown(header, rows, runs)


def _beside(found: Summary, told: float | None) -> str:
    own = percent(median(found.errors)) if found.ended else NOT_RUN
    return f"{own} ({_figure(told)})" if told is not None else own


def development(league: League, records: Sequence[Record]) -> str:
    """Runs on development classes alone: what choices were made on, never a result."""
    runs = [r for r in records if r["league"] == league and r["protocol"].startswith("classes-")]
    rows = []
    for key in _ordered({(r["set"], r["protocol"], r["method"], r["label"]) for r in runs}):
        name, protocol, method, label = key
        found = summarise(
            r for r in runs if (r["set"], r["protocol"], r["method"], r["label"]) == key
        )
        rows.append([problem(name, protocol), _title(method, label), *_whole(found)])
    return _markdown(("set", "method", "median", "mean", "sd", "seeds", *ANSWERS), rows, runs)


def problem(name: str, protocol: str) -> str:
    """A set's title, with its classes where these are not all."""
    title = SETS[name].title
    return title if protocol == "whole" else f"{title}, {protocol.replace('-', ' ', 1)}"


def _blocks(table: str, methods: Sequence[str], league: League, records: Sequence[Record]) -> str:
    """Rows are numbers of subjects and methods; figures are means over blocks and seeds."""
    printed = paper()[table]
    rows, used = [], []
    for place, n in enumerate(printed["n"]):
        runs = [
            r
            for r in records
            if (r["set"], r["league"], r["n_clusters"]) == (YALEB, league, n)
            and not r["protocol"].startswith("classes-")
            and r["method"] in methods
        ]
        used += runs
        present = {(r["method"], r["label"]) for r in runs}
        sparing = league == "printed" or n not in SHALLOW_BLOCKS
        wanted = {(method, "") for method in methods if not (sparing and method in SHALLOW)}
        for key in _ordered(present if league == "tuned" else wanted | present):
            told = [_figure(_at(printed[kind].get(key[0]), place)) for kind in ("mean", "median")]
            found = summarise(r for r in runs if (r["method"], r["label"]) == key)
            rows.append([str(n), _title(*key), *told, *_of_blocks(found, printed["n"][-1] - n + 1)])
    centre = f"mean{TUNED if league == 'tuned' else ''}"
    header = ("n", "method", "paper: mean", "median", centre, "median", "sd", "blocks", "seeds")
    return _markdown((*header, *ANSWERS), rows, used)


def _whole(found: Summary) -> Row:
    if not found.runs:
        return [NOT_RUN]
    if not found.ended:
        return ["failed", "", "", found.seeds()]
    cost = (found.seconds(), found.memory())
    return [*found.spread(), found.seeds(), *found.answers(median), *cost]


def _of_blocks(found: Summary, blocks: int) -> Row:
    if not found.runs:
        return [NOT_RUN]
    counted = [f"{found.blocks} of {blocks}", found.seeds()]
    if not found.ended:
        return ["failed", "", "", *counted]
    middle, average, sd = found.spread()
    cost = (found.seconds(), found.memory())
    return [average, middle, sd, *counted, *found.answers(mean), *cost]


def _ordered(keys: Iterable[tuple[str, ...]]) -> list[Any]:
    """By the order of sets and methods in their lists, then by name."""
    ranks = {name: rank for rank, name in enumerate((*SETS, *TITLES))}
    return sorted(keys, key=lambda key: [(ranks.get(part, len(ranks)), part) for part in key])


def _title(method: str, label: str) -> str:
    return f"{TITLES[method]}, {label}" if label else TITLES[method]


def _at(values: list[float] | None, place: int) -> float | None:
    return values[place] if values else None


def _figure(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.2f}"


def _markdown(header: Sequence[str], rows: list[Row], runs: list[Record]) -> str:
    if not rows:
        return "Nothing was run in this league."
    return "\n\n".join(filter(None, (grid(header, rows), origin(runs))))


def grid(header: Sequence[str], rows: Iterable[Row]) -> str:
    """A Markdown table; short rows are filled with empty cells."""
    lines = [list(header), ["---"] * len(header)]
    lines += [row + [""] * (len(header) - len(row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
