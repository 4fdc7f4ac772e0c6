"""The command: its runs, tables and picture, and the sentences with which it refuses."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.sets import ImageSet

TUNED = ("--league", "tuned", "--label", "brief", "--threads", "1")
BRIEF = ("encoder=[[3,4]]", "pretrain_max_steps=4", "epochs=4", "round_epochs=2")


@pytest.fixture
def folder(digits: ImageSet, tmp_path: Path) -> Path:
    pixels = (digits.images[:, 0] * 255).astype(np.uint8)
    np.savez(tmp_path / "ORL.npz", images=pixels, labels=digits.truth)
    return tmp_path


def test_runs_tables_and_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ("--results", str(folder / "results"))
    chosen = [word for text in BRIEF for word in ("--set", text)]
    places = ("--data", str(folder), "--cache", str(folder / "cache"))
    main(
        [
            *results,
            "run",
            "orl",
            "lsr-pixels,s2convscn-l1",
            "--seeds",
            "1",
            *TUNED,
            *chosen,
            *places,
        ]
    )
    said = capsys.readouterr().out
    assert "1 of 2  orl whole tuned lsr-pixels brief seed 0: error processed" in said
    main([*results, "tables"])
    assert "| ORL | S2ConvSCN l1, brief | 10.50 |" in capsys.readouterr().out
    picture = folder / "pictures" / "figure2.png"
    main([*results, "figure", "orl", *TUNED[:4], "--into", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="no stage II"):
        main([*results, "figure", "orl", "lsr-pixels", *TUNED[:4], "--into", str(picture)])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "orl", "s2convscn-l3"], "no method s2convscn-l3; there are lrr"),
        (["run", "orl", "table5", "--data", "/nowhere"], "needs ORL.npz"),
        (["run", "orl", "table5", "--set", "gamma3=1"], "LEAGUE=tuned"),
        (["run", "orl", "table5", "--league", "tuned"], "needs a name"),
        (["figure", "yaleb", "--n-clusters", "10"], r"block-01.*is not there: run it first"),
    ],
)
def test_refusals_are_sentences(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=sentence):
        main(["--results", str(tmp_path), *arguments])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ("gamma9=1", "gamma9"),
        ("gamma3=-1", "greater than or equal to 0"),
    ],
)
def test_overrides_are_checked(changed: str, sentence: str, folder: Path) -> None:
    results = ("--results", str(folder))
    places = ("--data", str(folder), "--cache", str(folder / "cache"))
    with pytest.raises(SystemExit, match=sentence):
        main([*results, "run", "orl", "s2convscn-l1", "--set", changed, *TUNED, *places])


@pytest.mark.parametrize("classes", ["3-9", "x"])
def test_classes_are_checked(classes: str, folder: Path) -> None:
    with pytest.raises(SystemExit, match="classes"):
        main(["run", "orl", "lsr-pixels", "--classes", classes, "--data", str(folder)])
