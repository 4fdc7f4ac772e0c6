"""A ranking as a picture: one bar per method, from least error or most agreement down."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from app.comparing.schemas import Ranking, RankingRow, Spread
from app.comparing.svg import Element, encoded, line, picture, rectangle, shortened, write

WIDTH, MARGIN = 860.0, 28.0
LEFT, RIGHT = 226.0, 590.0
"""The bars' axis; left of it the methods' names, right of it the other figures."""
COLUMNS = (734.0, WIDTH - MARGIN)
TOP, ROW, BAR, CAP = 112.0, 46.0, 20.0, 4.0
BELOW = 82.0
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
TICKS = 5
WORDS = {"title": 70, "name": 24, "details": 34}
"""Characters for which there is room."""


class Measure(NamedTuple):
    """What the bars show, and what stands beside them."""

    title: str
    figure: Callable[[RankingRow], Spread | None]
    shown: Callable[[float], str]
    tick: Callable[[float], str]
    beside: str
    other: Callable[[RankingRow], float | None]


class Axis(NamedTuple):
    least: float
    most: float
    step: float

    def x(self, value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - self.least) / (self.most - self.least)

    def ticks(self) -> Iterator[float]:
        count = round((self.most - self.least) / self.step)
        return (self.least + self.step * i for i in range(count + 1))


ERROR = Measure(
    "Error against the ground truth",
    lambda row: row.error,
    lambda value: f"{100 * value:.1f} %",
    lambda tick: f"{100 * tick:.3g} %",
    "agreement",
    lambda row: row.agreement.median if row.agreement else None,
)
AGREEMENT = Measure(
    "Agreement with the other methods, without labels",
    lambda row: row.agreement,
    lambda value: f"{value:.2f}",
    lambda tick: f"{round(tick, 9):g}",
    "stability",
    lambda row: row.stability,
)


def draw(ranking: Ranking) -> bytes:
    """The ranking as SVG in UTF-8, in the colours that the reader prefers, light or dark."""
    measure = ERROR if ranking.ordered_by == "error" else AGREEMENT
    height = TOP + ROW * len(ranking.rows) + BELOW
    svg = picture(WIDTH, height, ranking.name, _description(ranking, measure))
    axis = _axis([figure for row in ranking.rows if (figure := measure.figure(row))])
    _head(svg, ranking, measure)
    _grid(svg, axis, measure, TOP + ROW * len(ranking.rows))
    for number, row in enumerate(ranking.rows):
        _row(svg, axis, measure, row, TOP + ROW * number)
        if measure.figure(row) is None:
            reason = _absence(row, over=ranking.complete)
            write(svg, axis.x(0) + 9, TOP + ROW * (number + 0.5) + 5, reason, "faint")
    _foot(svg, ranking, height)
    return encoded(svg)


def _description(ranking: Ranking, measure: Measure) -> str:
    said = [f"{measure.title}, by method:"]
    for row in ranking.rows:
        figure = measure.figure(row)
        said.append(f"{row.method} {measure.shown(figure.median) if figure else 'none'};")
    return " ".join(said)


def _axis(figures: list[Spread]) -> Axis:
    """From 0, or from below if a figure is, to the first tick that no figure exceeds."""
    most = max((figure.max for figure in figures), default=0)
    least = min((figure.min for figure in figures), default=0)
    span = max(most, 0) - min(least, 0)
    step = next((step for step in STEPS if step * TICKS >= span), STEPS[-1])
    start = step * math.floor(min(least, 0) / step)
    return Axis(start, max(step * math.ceil(max(most, 0) / step - 1e-9), start + step), step)


def _head(svg: Element, ranking: Ranking, measure: Measure) -> None:
    better = "lower is better" if measure is ERROR else "higher is better"
    write(svg, MARGIN, 44, shortened(ranking.name, WORDS["title"]), "ink title")
    write(svg, MARGIN, 68, f"{measure.title}, {better}", "faint")
    for x, words in zip(COLUMNS, (measure.beside, "seconds"), strict=True):
        write(svg, x, TOP - 12, words, "faint small", "end")


def _grid(svg: Element, axis: Axis, measure: Measure, bottom: float) -> None:
    for tick in axis.ticks():
        x = axis.x(tick)
        line(svg, x, TOP - 4, x, bottom + 4, "axis" if abs(tick) < axis.step / 2 else "grid")
        write(svg, x, bottom + 20, measure.tick(tick), "faint small", "middle")


def _row(svg: Element, axis: Axis, measure: Measure, row: RankingRow, top: float) -> None:
    middle = top + ROW / 2
    details = _details(row)
    write(svg, MARGIN, middle - 2 if details else middle + 4, _name(row), "ink name")
    write(svg, MARGIN, middle + 14, shortened(details, WORDS["details"]), "faint small")
    if figure := measure.figure(row):
        _bar(svg, axis, figure, middle, "best" if row.rank == 1 else "bar")
        end = max(axis.x(figure.max), axis.x(0))
        write(svg, end + 9, middle + 5, measure.shown(figure.median), "ink name")
    other, seconds = measure.other(row), row.seconds
    said = (
        "" if other is None else f"{other:.2f}",
        "" if seconds is None else f"{seconds.median:,.1f}",
    )
    for x, words in zip(COLUMNS, said, strict=True):
        write(svg, x, middle + 5, words, "ink", "end")


def _bar(svg: Element, axis: Axis, figure: Spread, middle: float, kind: str) -> None:
    """The median as a bar from 0; the range as a line over it, if it can be seen."""
    start, end = sorted((axis.x(0), axis.x(figure.median)))
    rectangle(svg, (start, middle - BAR / 2, max(end - start, 1.5), BAR), kind)
    low, high = axis.x(figure.min), axis.x(figure.max)
    if high - low > CAP:
        line(svg, low, middle, high, middle, "whisker")
        for x in (low, high):
            line(svg, x, middle - CAP, x, middle + CAP, "whisker")


def _name(row: RankingRow) -> str:
    place = f"{row.rank}. " if row.rank else ""
    return shortened(f"{place}{row.method}", WORDS["name"])


def _details(row: RankingRow) -> str:
    """The hyperparameters asked for, and what is missing of the seeds."""
    said = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.changes.items()
    ]
    if row.failed:
        said.insert(0, f"{row.failed} of {row.jobs} failed")
    return ", ".join(said)


def _absence(row: RankingRow, *, over: bool) -> str:
    if row.failed == row.jobs:
        return "failed"
    what = "nothing to compare with" if row.succeeded else "no result"
    return what if over else f"{what} yet"


def _foot(svg: Element, ranking: Ranking, height: float) -> None:
    jobs, done = (sum(getattr(row, name) for row in ranking.rows) for name in ("jobs", "succeeded"))
    said = "Median over the seeds; the line is their range. "
    said += f"{done} of {jobs} jobs have a result"
    said += "." if ranking.complete else "; others are not over."
    write(svg, MARGIN, height - 24, said, "faint small")
