"""Many runs of one method as one line of figures."""

from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median, stdev
from typing import NamedTuple

from benchmarks.records import Record

Centre = Callable[[list[float]], float]
NOT_RUN = "not run"


class Summary(NamedTuple):
    """Errors of the runs that ended, at the last epoch unless named otherwise.

    Attributes:
        runs: all of them, the failed ones too.
        errors: of the method's own answer.
    """

    runs: list[Record]
    ended: list[Record]
    errors: list[float]

    @property
    def blocks(self) -> int:
        return len({run["protocol"] for run in self.runs})

    def seeds(self) -> str:
        failed = len(self.runs) - len(self.ended)
        count = str(len({run["seed"] for run in self.runs}))
        return f"{count}, {failed} of {len(self.runs)} runs failed" if failed else count

    def spread(self) -> list[str]:
        """Median, mean and standard deviation (of a sample)."""
        sd = percent(stdev(self.errors)) if len(self.errors) > 1 else "-"
        return [percent(median(self.errors)), percent(mean(self.errors)), sd]

    def answers(self, centre: Centre) -> list[str]:
        """Processed affinity, plain affinity, head, and the best round as an oracle would pick."""
        named = [
            [run["scores"][name]["error"] for run in self.ended if name in run["scores"]]
            for name in ("processed", "plain", "head")
        ]
        oracle = [run["oracle"]["error"] for run in self.ended if run["oracle"]]
        return [percent(centre(errors)) if errors else "-" for errors in (*named, oracle)]

    def seconds(self) -> str:
        """Medians of stage I, where there is one, and of the rest."""
        rest = f"{median(sum(run['seconds'].values()) for run in self.ended):.0f}"
        shared = [r["stage_one"]["seconds"] for r in self.ended if "stage_one" in r]
        return f"{median(shared):.0f} + {rest}" if shared else rest

    def memory(self) -> str:
        """The largest peak of a process, in MB; that of its libraries is in it."""
        peaks = [run["peak_bytes"] for run in self.ended if run.get("peak_bytes")]
        return f"{max(peaks) / 1e6:.0f}" if peaks else "-"


def summarise(runs: Iterable[Record]) -> Summary:
    found = list(runs)
    ended = [run for run in found if "failure" not in run]
    return Summary(found, ended, [run["scores"][run["answer"]]["error"] for run in ended])


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def origin(runs: Sequence[Record]) -> str:
    """With what code and where the runs of a table were made, in a sentence; empty without runs."""
    if not runs:
        return ""
    commits = sorted({_code(run["commit"]) for run in runs})
    places = sorted({_place(run) for run in runs})
    return f"Code {', '.join(commits)}; {'; '.join(places)}."


def _code(commit: str | None) -> str:
    """A short commit; ``+`` says that the code differed from it."""
    if commit is None:
        return "unknown"
    return commit[:7] + ("+" if commit.endswith("+") else "")


def _place(run: Record) -> str:
    machine = run["machine"]
    where = machine["device"] if machine["device"] != "cpu" else machine["processor"]
    threads = f"{machine['threads']} thread{'s' if machine['threads'] > 1 else ''}"
    return f"torch {run['versions']['torch']} on {where}, {threads}"
