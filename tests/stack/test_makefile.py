"""The verbs pass on what they are given; nothing is run."""

import subprocess
from pathlib import Path
from shlex import split

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("bench-speed SETS=orl KINDS=epochs ROUNDS=3 THREADS=1", "--sets 'orl' --kinds 'epochs'"),
        ("bench-solvers SETS=orl ROUNDS=3 THREADS=1", "speed --sets 'orl' --rounds '3'"),
        ("gpu-check DATA=sets", "--kinds gpu --data 'sets' --sets 'orl,coil20,yaleb,coil100'"),
        ("load RATE=50 STREAMS=9", "load --rate '50' --streams '9'"),
        ("bench SET=orl METHOD=table5 SEEDS=5", "run --seeds '5' orl table5"),
        (
            "bench SET=orl LEAGUE=tuned OVERRIDES='view=plain'",
            "--set 'view=plain' orl s2convscn-l1",
        ),
        ("bench-figure SET=yaleb SEED=1", "figure --seed '1' yaleb s2convscn-l1"),
    ],
)
def test_a_verb_hands_on_its_variables(verb: str, said: str) -> None:
    command = ["make", "--dry-run", "--always-make", *split(verb)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said in " ".join(found.stdout.replace("\\\n", " ").split())
