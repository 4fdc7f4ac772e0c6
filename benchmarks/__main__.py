"""``python -m benchmarks VERB``; ``make bench`` and its kin call it."""

import json
import os
import re
import sys
from argparse import ArgumentParser, Namespace
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import document, figure, methods, records, sets, starts, trials
from benchmarks.methods import Choice
from benchmarks.records import Case
from benchmarks.speed.tables import KINDS
from benchmarks.trials import Trial

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
PICTURES = HERE.parent / "docs" / "images"


def main(arguments: list[str] | None = None) -> None:
    """Parse a command and do it; what a person did wrong ends with a sentence, not a traceback."""
    options = parser().parse_args(arguments)
    try:
        options.command(options)
    except (sets.Missing, ValueError) as refusal:
        sys.exit(str(refusal))


def parser() -> ArgumentParser:
    found = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    found.add_argument("--results", type=Path, default=HERE / "results", help="the records")
    commands = found.add_subparsers(required=True)
    for name, add in (
        ("run", _run_options),
        ("tables", _table_options),
        ("speed", _speed_options),
        ("load", _load_options),
        ("held-out", _held_out_options),
        ("number", _number_options),
        ("start", _start_options),
        ("views", _view_options),
        ("landmarks", _landmarks_options),
        ("figure", _figure_options),
    ):
        add(commands.add_parser(name))
    return found


def run(options: Namespace) -> None:
    """Run methods on a set, one record a run; known runs are skipped."""
    from benchmarks.bench import Bench  # noqa: PLC0415 - tables need no torch
    from benchmarks.compute import computing  # noqa: PLC0415 - as above
    from benchmarks.display import Display  # noqa: PLC0415 - as above

    choice = chosen(options)
    names = methods.expand(options.method, options.league)
    images = sets.load(options.set, options.data)
    tried = chosen_trials(options, images.n_classes)
    cases = [
        Case(options.set, trial, name, choice, seed)
        for seed, trial, name in product(range(options.seeds), tried, names)
    ]
    with computing(options.threads, options.device) as device, Display() as display:
        bench = Bench(images, options.results, options.cache, display, device=device)
        bench.run(cases, again=options.again)


def tables(options: Namespace) -> None:
    """Print the tables of all records; with ``--into``, renew those of a document, too."""
    found = records.everything(options.results)
    for page in options.into:
        page.write_text(document.renewed(page.read_text(), found))
    print("\n\n".join(document.everything(found)))


def speed(options: Namespace) -> None:
    """Time the parts against the yardstick, one record each; print the tables."""
    from benchmarks.compute import computing  # noqa: PLC0415 - tables need no torch
    from benchmarks.speed.measure import measure  # noqa: PLC0415 - as above

    chosen = list(dict.fromkeys([*options.sets.split(","), *["coil100"] * options.large]))
    with computing(options.threads, "cpu"):
        measure(options.kinds.split(","), chosen, options.data, options.rounds, options.results)
    found = records.of_family(options.results, records.SPEED)
    print("\n\n".join(document.table(name, found) for name in document.OF_SPEED))


def held_out(options: Namespace) -> None:
    """Cluster four fifths of each set and let the head assign the rest, one record a set."""
    from benchmarks import heldout  # noqa: PLC0415 - tables need no torch
    from benchmarks.compute import computing  # noqa: PLC0415 - as above

    with computing(options.threads, options.device) as device:
        for name in options.sets.split(","):
            images = sets.load(name, options.data)
            record = heldout.measure(images, options.seeds, device, options.cache)
            records.write(options.results / records.HELD_OUT / f"{name}.json", record)
    print(heldout.table(records.of_family(options.results, records.HELD_OUT)))


def number(options: Namespace) -> None:
    """Ask how many clusters there are, where it is known."""
    from benchmarks import numbers  # noqa: PLC0415 - tables need no torch
    from benchmarks.compute import computing  # noqa: PLC0415 - as above

    with computing(options.threads, "cpu"):
        record = numbers.measure(options.data)
    records.write(options.results / records.NUMBERS / "auto.json", record)
    print(numbers.table([record]))


def start(options: Namespace) -> None:
    """Time tiny jobs whose trainers load their libraries, or are forked from what has them."""
    record = starts.measure(options.rounds)
    records.write(options.results / records.STARTS / "trainer.json", record)
    print(starts.table([record]))


def views(options: Namespace) -> None:
    """Look at each view of many problems, one record a set."""
    from benchmarks import viewing  # noqa: PLC0415 - tables need no torch
    from benchmarks.compute import computing  # noqa: PLC0415 - as above

    with computing(options.threads, "cpu"):
        for name in options.sets.split(","):
            record = viewing.measure(options.data, name)
            records.write(options.results / records.VIEWS / f"{name}.json", record)
    found = records.of_family(options.results, records.VIEWS)
    print(f"{viewing.powers(found)}\n\n{viewing.changes(found)}")


def of_landmarks(options: Namespace) -> None:
    """Fit to some of the images, of ever more, and beside a fit to all, one record each."""
    from benchmarks import landmarks  # noqa: PLC0415 - tables need no torch
    from benchmarks.compute import computing  # noqa: PLC0415 - as above

    folder = options.results / records.LANDMARKS
    with computing(options.threads, options.device) as device:
        for kind in filter(None, options.kinds.split(",")):
            threads = options.threads or os.cpu_count() or 1
            records.write(folder / f"{kind}.json", landmarks.growth(kind, device, threads))
        for name in filter(None, options.sets.split(",")):
            record = landmarks.overlap(sets.load(name, options.data), device)
            records.write(folder / f"{name}.json", record)
    found = records.of_family(options.results, records.LANDMARKS)
    print(f"{landmarks.growth_table(found)}\n\n{landmarks.overlap_table(found)}")
    if options.kinds:
        landmarks.draw(found, PICTURES / "landmarks.png")


def load(options: Namespace) -> None:
    """Put a load on a stack of its own while a job trains; fails if any request did."""
    from benchmarks.load.stand import Load, measure  # noqa: PLC0415 - tables need no stack
    from benchmarks.machine import SERVICE, provenance  # noqa: PLC0415 - as above

    asked = Load(options.rate, options.streams, options.seconds, int(options.upload * 1e6))
    record = {records.LOAD: asked._asdict()} | measure(asked) | provenance("cpu", SERVICE)
    records.write(options.results / records.LOAD / "load.json", record)
    print(document.table(records.LOAD, [record]))
    if record["failures"]:
        sys.exit("requests failed")


def draw(options: Namespace) -> None:
    """Draw the curves of a run, as Fig. 2 of the paper does."""
    n = options.n_clusters
    trial = Trial(trials.block_name(n, options.trial) if n else "whole", range(0), range(0))
    choice = Choice(options.league, label=options.label)
    case = Case(options.set, trial, options.method, choice, options.seed)
    source = case.path(options.results)
    record = records.read(source)
    if record is None:
        raise sets.Missing(f"{source} is not there: run it first.")
    target = options.into or PICTURES / f"figure2-{options.set}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.figure2(record, target)
    print(target)


def chosen(options: Namespace) -> Choice:
    """League and overrides.

    Raises:
        ValueError: if settings are changed by hand outside the league ``tuned``.
    """
    overrides = dict(_override(text) for text in options.set_value)
    if options.league != "tuned" and (overrides or options.label or options.preset != "auto"):
        raise ValueError("Settings are changed by hand in the league tuned alone: LEAGUE=tuned.")
    if options.league == "tuned" and not options.label:
        raise ValueError(
            "A tuned choice needs a name: LABEL=... for make, --label for the command."
        )
    return Choice(options.league, overrides, options.label, options.preset)


def chosen_trials(options: Namespace, n_classes: int) -> list[Trial]:
    """The whole set, blocks of classes, or development classes.

    Raises:
        ValueError: for classes that the set does not have.
    """
    if options.classes:
        ends = re.fullmatch(r"(\d+)-(\d+)", options.classes)
        if ends is None:
            raise ValueError(f"Say classes as 1-20, not {options.classes}.")
        return [trials.development(int(ends[1]), int(ends[2]), n_classes)]
    if not options.n_clusters:
        return [trials.whole(n_classes)]
    found = trials.blocks(options.n_clusters, n_classes)
    return found[: options.trials or len(found)]


def _override(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as JSON or else as a word."""
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _run_options(command: ArgumentParser) -> None:
    command.set_defaults(command=run)
    command.description = run.__doc__
    add = command.add_argument
    folder = os.environ.get("S2CONVSCN_BENCH_DATA") or None
    add("set", choices=list(sets.SETS))
    add("method", help=f"of {', '.join((*methods.METHODS, *methods.GROUPS))}; with commas between")
    add("--seeds", type=int, default=5, help="how many, from 0 on")
    add("--league", choices=methods.LEAGUES, default="auto")
    add("--data", type=_folder, default=folder, help="folder of the sets (S2CONVSCN_BENCH_DATA)")
    add("--n-clusters", type=int, default=0, help="blocks of so many classes")
    add("--trials", type=int, default=0, help="so many blocks, the first ones")
    add("--classes", default="", help="development classes alone, such as 1-20")
    add("--set", dest="set_value", action="append", default=[], metavar="KEY=VALUE")
    add("--label", default="", help="name of a tuned choice")
    add("--preset", default="auto", help="what a tuned choice starts from")
    add("--threads", type=int, default=0, help="CPU threads instead of all cores")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--again", action="store_true", help="repeat known runs")
    add("--cache", type=_folder, default=HERE / ".cache", help="stage I, half-finished runs")


def _table_options(command: ArgumentParser) -> None:
    command.set_defaults(command=tables)
    command.description = tables.__doc__
    told = f"a document with markers, as {DOCUMENT.name}; may be repeated"
    command.add_argument("--into", type=Path, action="append", default=[], help=told)


def _speed_options(command: ArgumentParser) -> None:
    command.set_defaults(command=speed)
    command.description = speed.__doc__
    add = command.add_argument
    folder = os.environ.get("S2CONVSCN_BENCH_DATA") or None
    add("--kinds", default=",".join(KINDS), help="what is timed, with commas between")
    add("--sets", default="orl,coil20,yaleb", help="with commas between")
    add("--large", action="store_true", help="COIL100, too, which takes minutes and gigabytes")
    add("--data", type=_folder, default=folder, help="folder of the sets, else synthetic images")
    add("--rounds", type=int, default=7, help="turns of each contender; medians are told")
    add("--threads", type=int, default=0, help="CPU threads instead of all cores")


def _data_and_threads(command: ArgumentParser) -> None:
    add = command.add_argument
    folder = os.environ.get("S2CONVSCN_BENCH_DATA") or None
    add("--data", type=_folder, default=folder, help="folder of the sets (S2CONVSCN_BENCH_DATA)")
    add("--threads", type=int, default=0, help="CPU threads instead of all cores")


def _held_out_options(command: ArgumentParser) -> None:
    command.set_defaults(command=held_out)
    command.description = held_out.__doc__
    add = command.add_argument
    add("--sets", default="orl,coil20,yaleb", help="with commas between")
    add("--seeds", type=int, default=5, help="how many, from 0 on")
    _data_and_threads(command)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--cache", type=_folder, default=HERE / ".cache", help="half-finished runs")


def _number_options(command: ArgumentParser) -> None:
    command.set_defaults(command=number)
    command.description = number.__doc__
    _data_and_threads(command)


def _start_options(command: ArgumentParser) -> None:
    command.set_defaults(command=start)
    command.description = start.__doc__
    command.add_argument("--rounds", type=int, default=5, help="turns of each; medians are told")


def _view_options(command: ArgumentParser) -> None:
    command.set_defaults(command=views)
    command.description = views.__doc__
    known = "orl,yaleb,coil20,coil100,digits"
    command.add_argument("--sets", default=known, help="with commas between")
    _data_and_threads(command)


def _landmarks_options(command: ArgumentParser) -> None:
    command.set_defaults(command=of_landmarks)
    command.description = of_landmarks.__doc__
    add = command.add_argument
    add("--kinds", default="digits,subspaces", help="of images that are made, with commas between")
    add("--sets", default="orl,coil20,yaleb", help="with commas between")
    _data_and_threads(command)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _load_options(command: ArgumentParser) -> None:
    command.set_defaults(command=load)
    command.description = load.__doc__
    add = command.add_argument
    add("--rate", type=float, default=200.0, help="status reads a second")
    add("--streams", type=int, default=500, help="event streams that are open at once")
    add("--seconds", type=float, default=60.0, help="how long, and until the upload is answered")
    add("--upload", type=float, default=1000.0, help="megabytes of the upload")


def _figure_options(command: ArgumentParser) -> None:
    command.set_defaults(command=draw)
    command.description = draw.__doc__
    add = command.add_argument
    add("set", choices=list(sets.SETS))
    add("method", nargs="?", default="s2convscn-l1")
    add("--league", choices=methods.LEAGUES, default="auto")
    add("--label", default="", help="name of a tuned choice")
    add("--n-clusters", type=int, default=0, help="a block of so many classes")
    add("--trial", type=int, default=1, help="which block")
    add("--seed", type=int, default=0)
    add("--into", type=Path, help="the picture, instead of docs/images/figure2-SET.png")


if __name__ == "__main__":
    main()
