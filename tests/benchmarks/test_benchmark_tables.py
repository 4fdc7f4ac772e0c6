"""Tables beside the paper's figures: what they count, what they call it, what was not run."""

import shutil
import subprocess
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import pytest

from benchmarks import document, methods, records, selection, tables
from benchmarks.methods import LEAGUES, METHODS, SELECTED, SHALLOW, TABLE3, TABLE5, UNTRAINED
from models.base import Shape

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
PAGES = (PAGE, *(ROOT / "docs" / name for name in ("methods.md", "operations.md")))


def record(error: float, **changes: Any) -> dict[str, Any]:
    scores = {"processed": error, "plain": error + 0.1, "head": error + 0.2}
    made = {
        "set": "orl",
        "protocol": "whole",
        "league": "auto",
        "method": "s2convscn-l1",
        "label": "",
        "seed": 0,
        "n_clusters": 40,
        "stage_one": {"seconds": 12.4},
        "seconds": {"training": 30.0, "final": 1.0},
        "answer": "processed",
        "scores": {name: {"error": value} for name, value in scores.items()},
        "oracle": {"error": error - 0.01},
        "versions": {"torch": "2"},
        "machine": {"processor": "a CPU", "threads": 2, "device": "cpu"},
        "commit": "0123456789",
    }
    return made | changes


def cells(table: str, *start: str) -> list[str]:
    """The row that begins with these cells, without them."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    rows = [line[len(start) :] for line in lines if tuple(line[: len(start)]) == start]
    assert len(rows) == 1, rows
    return [cell.strip(" |") for cell in rows[0]]


def test_what_was_not_run_says_so() -> None:
    table = tables.table5("auto", [])
    assert cells(table, "ORL", "S2ConvSCN l1")[:2] == ["10.50", "not run"]
    assert cells(table, "COIL100", "DSC-Net l2")[:2] == ["30.96", "not run"]
    assert cells(table, "COIL20", "LSR on pixels")[:2] == ["-", "not run"]
    n35 = cells(tables.table2("printed", []), "35", "S2ConvSCN l1")
    assert n35[:3] == ["1.62", "1.60", "not run"]
    n10 = cells(tables.table3("auto", []), "10", "S2ConvSCN l1, L4 alone")
    assert n10[:3] == ["1.32", "1.09", "not run"]
    assert cells(tables.table2("auto", []), "10", "DASC")[:3] == ["-", "-", "not run"]
    assert cells(tables.table2("auto", []), "38", "DASC")[:3] == ["1.44", "1.44", "not run"]
    assert "DASC" not in tables.table2("printed", []) + tables.table5("printed", [])
    assert tables.table5("tuned", []) == "Nothing was run in this league."


def test_a_row_counts_seeds_at_the_last_epoch() -> None:
    errors = [0.10, 0.12, 0.17]
    found = tables.table5("auto", [record(e, seed=i) for i, e in enumerate(errors)])
    assert cells(found, "ORL", "S2ConvSCN l1") == [
        "10.50",
        *(f"{100 * f(errors):.2f}" for f in (median, mean, stdev)),
        "3",
        "12.00",
        "22.00",
        "32.00",
        "11.00",
        "12 + 31",
        "-",
    ]
    assert found.endswith("Code 0123456; torch 2 on a CPU, 2 threads.")


def test_the_answer_is_the_methods_own() -> None:
    found = tables.table5("auto", [record(0.1, answer="head")])
    assert cells(found, "ORL", "S2ConvSCN l1")[1] == "30.00"


def test_leagues_and_protocols_are_never_mixed() -> None:
    runs = [
        record(0.1),
        record(0.3, league="printed"),
        record(0.4, protocol="classes-1-20"),
        record(0.5, protocol="n10/block-01"),
    ]
    assert cells(tables.table5("auto", runs), "ORL", "S2ConvSCN l1")[1] == "10.00"
    assert cells(tables.table5("printed", runs), "ORL", "S2ConvSCN l1")[1] == "30.00"
    classes = cells(tables.development("auto", runs), "ORL, classes 1-20", "S2ConvSCN l1")
    assert classes[0] == "40.00"


def test_tuned_rows_are_named_and_titled() -> None:
    table = tables.table5("tuned", [record(0.1, league="tuned", label="ramp")])
    assert "median, chosen with labels" in table.splitlines()[0]
    assert cells(table, "ORL", "S2ConvSCN l1, ramp")[1] == "10.00"
    assert "not run" not in table


def test_a_run_that_failed_is_counted() -> None:
    failed = record(0, seed=1, failure="diverged")
    del failed["scores"]
    one = cells(tables.table5("auto", [record(0.1), failed]), "ORL", "S2ConvSCN l1")
    assert one[1:5] == ["10.00", "10.00", "-", "2, 1 of 2 runs failed"]
    none = cells(tables.table5("auto", [failed]), "ORL", "S2ConvSCN l1")
    assert none[1] == "failed"


def test_blocks_are_counted_and_averaged() -> None:
    runs = [
        record(e, set="yaleb", n_clusters=10, protocol=f"n10/block-{i + 1:02d}")
        for i, e in enumerate([0.01, 0.02, 0.06])
    ]
    runs.append(record(0.5, set="yaleb", n_clusters=10, protocol="classes-1-10"))
    found = cells(tables.table2("auto", runs), "10", "S2ConvSCN l1")
    assert found[:7] == ["1.18", "1.09", "3.00", "2.00", "2.65", "3 of 29", "1"]
    assert found[7] == "3.00"
    whole = [record(0.03, set="yaleb", n_clusters=38, seed=seed) for seed in range(5)]
    found = cells(tables.table2("auto", whole), "38", "S2ConvSCN l1")
    assert found[5:7] == ["1 of 1", "5"]


def test_the_papers_figures_are_all_there() -> None:
    paper = tables.paper()
    for table in ("table2", "table3"):
        assert paper[table]["n"] == [10, 15, 20, 25, 30, 35, 38]
        for kind in ("mean", "median"):
            assert {len(row) for row in paper[table][kind].values()} == {7}
    deep = set(TABLE5) - set(UNTRAINED)
    unknown = {"coil100": {"dasc"}}
    for name, column in paper["table5"].items():
        assert deep - unknown.get(name, set()) <= set(column)
    assert deep <= set(paper["table2"]["mean"])
    assert set(paper["table3"]["median"]) == set(TABLE3)
    for method in deep & set(TABLE3):
        assert paper["table2"]["mean"][method] == paper["table3"]["mean"][method]


def test_a_document_gets_new_tables_between_its_markers() -> None:
    text = "# A\n\n<!-- table: table5 auto -->\nold\n<!-- end -->\n\nkept\n"
    renewed = document.renewed(text, [record(0.1)])
    assert "old" not in renewed
    assert "| 10.50 | 10.00 |" in renewed
    assert renewed.startswith("# A\n")
    assert renewed.endswith("kept\n")
    assert document.renewed(renewed, [record(0.1)]) == renewed
    with pytest.raises(ValueError, match="no table table9"):
        document.renewed("<!-- table: table9 -->\n<!-- end -->", [])


def test_the_page_names_all_leagues_and_methods() -> None:
    text = PAGE.read_text()
    marked = {found[1] for page in PAGES for found in document.MARKED.findall(page.read_text())}
    assert set(document.TABLES) - marked == {
        "development printed",
        "overview printed",
        "overview tuned",
    }
    assert all(f"`{league}`" in text for league in LEAGUES)
    assert "`shallow`" in text
    named = [m for m in METHODS if not m.endswith(("-L3", "-L4")) and m not in SHALLOW]
    assert all(f"`{method}`" in text for method in named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_what_the_committed_records_say(page: Path) -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("which records are committed is known to git alone")
    listed = subprocess.run(
        [git, "ls-files", "benchmarks/results"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / line for line in sorted(listed.stdout.splitlines()) if "stage-one" not in line]
    committed = [found for path in paths if (found := records.read(path)) is not None]
    text = page.read_text()
    assert document.renewed(text, committed) == text, "make bench-tables renews the page"


def candidate(name: str, agreement: float, gap: float, error: float) -> dict[str, Any]:
    figures = {"agreement": agreement, "relative_eigengap": gap, "error": error}
    return {"name": name, "chosen": False, **figures}


def test_a_selection_is_shown_with_its_regret() -> None:
    tried = [
        candidate("ridge-1", 0.7, 9.0, 0.30),
        candidate("half-power", 0.9, 2.0, 0.12),
        candidate("as-asked", 0.8, 3.0, 0.10),
    ]
    tried[1]["chosen"] = True
    runs = [record(0.12, method=SELECTED, candidates=tried, seed=s) for s in (1, 0)]
    runs.append(record(0.5, method=SELECTED, candidates=tried, protocol="classes-1-20"))
    table = selection.regrets([*runs, record(0.2)])
    assert cells(table, "ORL", "0") == [
        *("3", "10.00", "12.00", "half-power", "10.00", "12.00", "30.00"),
        *("2.00", "20.00", "0.50", "-0.50"),
    ]
    assert cells(table, "ORL, classes 1-20", "0")[0] == "3"
    every = selection.candidates(runs)
    assert cells(every, "ORL", "ridge-1") == ["0.700", "9.00", "30.00"]
    assert selection.regrets([]) == selection.candidates([]) == "Nothing was run."


def test_candidates_that_err_alike_have_no_correlation() -> None:
    tried = [candidate("ridge-1", 0.7, 9.0, 0.1), candidate("as-asked", 0.8, 3.0, 0.1)]
    tried[1]["chosen"] = True
    table = selection.regrets([record(0.1, method=SELECTED, candidates=tried)])
    assert cells(table, "ORL", "0")[-2:] == ["-", "-"]


def test_no_constants_of_dasc_are_printed() -> None:
    assert "dasc" in methods.expand("table5", "auto")
    assert "dasc" not in methods.expand("table5", "printed")
    choice, shape = methods.Choice("printed"), Shape(400, 1, 32, 32)
    with pytest.raises(ValueError, match="No source gives constants of DASC for orl"):
        methods.settings("dasc", choice, "orl", shape, 40)
