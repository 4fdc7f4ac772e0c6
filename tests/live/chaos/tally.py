"""What was done and how it went, as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from statistics import median

ROW = "{:<32} {:>5} {:>9} {:>9} {:>9}"


class Tally:
    """``recoveries`` are seconds until the service was ready again, where that was waited for."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)
        self.skipped: dict[str, str] = {}
        self.notes: list[str] = []

    def lines(self) -> Iterable[str]:
        yield ROW.format("fault", "times", "waited", "median s", "slowest s")
        for name in sorted(self.times):
            seconds = self.recoveries[name]
            figures = ("-", "-")
            if seconds:
                figures = (f"{median(seconds):.1f}", f"{max(seconds):.1f}")
            yield ROW.format(name, self.times[name], len(seconds), *figures)
        yield ROW.format("all", self.times.total(), sum(map(len, self.recoveries.values())), "", "")
        for name, reason in sorted(self.skipped.items()):
            yield f"{name}: not done, {reason}"
        yield from self.notes
