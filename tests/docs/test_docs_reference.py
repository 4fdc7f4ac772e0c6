"""What the documents list is what the code has: routes, fields, problems, settings, links."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from documents import DOCS, ROOT, anchors, links, table

from app import problems
from app.comparing.ranking import SCORES, SPREADS
from app.comparing.requests import ComparisonRequest
from app.main import create_app
from app.metrics import Stock
from app.registration import UploadOptions
from app.requests import JobRequest
from jobs.settings import PREFIX, Settings
from jobs.states import MOVES
from models.base import Shape
from models.methods.s2convscn import S2ConvSCN
from s2convscn.client import KEY_VARIABLE
from worker.metrics import Figures

API = DOCS / "api.md"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
METHODS = {"get", "post", "put", "patch", "delete"}
GIB = 1024**3


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_settings_exist(path: Path) -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields} | {KEY_VARIABLE}
    for test in (ROOT / "tests").glob("*/test_*.py"):
        known |= set(re.findall(rf"{PREFIX}[A-Z_]+", test.read_text()))
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", path.read_text())) <= known


def test_routes_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    paths = create_app(Settings(data_dir=tmp_path)).openapi()["paths"]
    routes = {
        f"{method.upper()} {path}": {s for s in operation["responses"] if int(s) < 400}
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in METHODS
    }
    shown = {call: set(s.split(", ")) for call, s, _ in table(API, "call", "success", "what")}
    assert shown == routes


def test_problems_are_those_of_the_code() -> None:
    kinds = [[k.slug(), str(problems.status_of(k)), k.title()] for k in problems.kinds()]
    assert table(API, "kind", "status", "title") == kinds


def test_fields_of_a_request_are_those_of_the_code() -> None:
    fields = [field for field, _, _ in table(API, "field", "values", "meaning")]
    assert sorted(fields) == sorted(JobRequest.model_fields)
    options = [option for option, _, _ in table(API, "option", "values", "meaning")]
    assert sorted(options) == sorted(UploadOptions.model_fields)


def test_members_and_figures_of_comparisons_are_those_of_the_code() -> None:
    members = [member for member, _, _ in table(API, "member", "values", "meaning")]
    assert members == list(ComparisonRequest.model_fields)
    rows = table(API, "figure", "without labels", "is")
    figures = {name: unseen for names, unseen, _ in rows for name in names.split(", ")}
    assert sorted(figures) == sorted([*SPREADS, "stability"])
    assert {name for name, unseen in figures.items() if unseen == "no"} == set(SCORES)


def test_presets_are_those_of_the_code() -> None:
    values = {field: text for field, text, _ in table(API, "field", "values", "meaning")}
    assert sorted(values["preset"].split(", ")) == sorted(S2ConvSCN.presets)


def test_states_are_those_of_the_code() -> None:
    rows = table(API, "status", "terminal", "next")
    assert [(s, t) for s, t, _ in rows] == [(s, str(s.terminal).lower()) for s in MOVES]
    for status, _, following in rows:
        words = set(re.findall(r"\w+", following)) & set(MOVES)
        assert words <= MOVES[next(s for s in MOVES if s == status)]


def test_memory_is_as_estimated() -> None:
    rows = table(DOCS / "operations.md", "images", "size", "clusters", "estimate")
    assert rows
    for images, size, clusters, estimate in rows:
        side, colour = int(size.split()[0]), size.endswith("colour")
        shape = Shape(int(images.replace(",", "")), 3 if colour else 1, side, side)
        method = S2ConvSCN().resolve(shape, int(clusters))
        assert estimate == f"{method.memory_bytes(shape, int(clusters)) / GIB:.1f} GiB"


def test_contracts_are_those_that_are_checked() -> None:
    text = (DOCS / "architecture.md").read_text()
    contracts = [contract["name"] for contract in project()["tool"]["importlinter"]["contracts"]]
    assert re.findall(r"^- (.*)\.$", text, re.MULTILINE) == contracts


def test_dependencies_are_those_of_the_project() -> None:
    found = project()["project"]
    extras = {"-": found["dependencies"], **found["optional-dependencies"]}
    extras["build"] = project()["build-system"]["requires"]
    named: dict[str, list[str]] = {}
    for extra, requirements in extras.items():
        for requirement in requirements:
            named.setdefault(re.split(r"[=<>~!;]", requirement)[0], []).append(extra)
    rows = table(DOCS / "dependencies.md", "package", "extra", "why")
    assert [package for package, _, _ in rows] == sorted(named)
    assert {package: sorted(e.split(", ")) for package, e, _ in rows} == {
        package: sorted(extras) for package, extras in named.items()
    }
    assert all(why for _, _, why in rows)


def test_figures_are_those_of_the_code(tmp_path: Path) -> None:
    context = create_app(Settings(data_dir=tmp_path)).state.context
    stock = Stock(context.settings, context.store, context.streams).collect()
    found = {metric.name: list(getattr(metric, "_labelnames", ())) for metric in stock}
    for registry in (context.metrics.registry, Figures().registry):
        named = [made for made in registry._collector_to_names if hasattr(made, "_labelnames")]
        found |= {made._name: list(made._labelnames) for made in named}
    context.store.close()
    shown = {
        figure.removesuffix("_total"): [] if labels == "-" else labels.split(", ")
        for figure, labels, _ in table(DOCS / "operations.md", "figure", "labels", "is")
    }
    assert shown == found
