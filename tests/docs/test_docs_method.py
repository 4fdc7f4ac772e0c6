"""The method that docs/adding-a-method.md adds, added as it says to a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCS, ROOT, blocks

STEPS = [block for block in blocks(DOCS / "adding-a-method.md") if block.language == "python"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    for package in ("models", "jobs", "app"):
        shutil.copytree(ROOT / package, root / package)
    (file,) = [block for block in STEPS if block.name]
    (root / file.name).write_text(file.text)
    return root


def run(copy: Path, code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_it_clusters(copy: Path) -> None:
    (use,) = [block for block in STEPS if not block.name]
    assert float(run(copy, use.text)) > 0.8


def test_the_catalogue_finds_it_without_torch(copy: Path) -> None:
    code = "import sys\nfrom models.catalogue import METHODS\n"
    code += "assert 'torch' not in sys.modules\nprint(METHODS['cosine'].__module__)"
    assert run(copy, code).strip() == "models.methods.cosine"


def test_a_job_takes_it_and_refuses_what_it_does_not_take(copy: Path) -> None:
    code = "from app.requests import JobRequest\n"
    code += "wish = {'dataset_id': 'ds_1', 'n_clusters': 4, 'method': {'method': 'cosine'}}\n"
    code += "print(JobRequest.model_validate(wish).method.least)\n"
    code += "wish['method']['least'] = 2\n"
    code += (
        "try:\n    JobRequest.model_validate(wish)\nexcept ValueError as error:\n    print(error)"
    )
    said = run(copy, code)
    assert said.startswith("0.5")
    assert "least" in said


def test_it_is_as_clean_as_the_rest(copy: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", copy)
    ruff = Path(sys.executable).with_name("ruff")
    file = next(block.name for block in STEPS if block.name)
    for words in (["check"], ["format", "--check"]):
        ended = subprocess.run(
            [ruff, *words, file], cwd=copy, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
