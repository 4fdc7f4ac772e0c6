"""A comparison's ranking and its chart over HTTP, with figures checked by scikit-learn."""

import csv
import io
import json
from itertools import product
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from api_service import Service, add_dataset, comparing, settle
from sklearn.metrics import adjusted_rand_score

from app.comparing.chart import draw
from app.comparing.schemas import Ranking, RankingRow, Spread
from jobs.errors import TimeLimit
from jobs.records import Dataset

METHODS = ["lsr", {"method": "ensc", "gamma": 10}, "kmeans"]
LABELS = {
    "lsr": ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]),
    "ensc": ([0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 1, 1]),
    "kmeans": ([0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0]),
}
ERRORS = {"lsr": (0.3, 0.4), "ensc": (0.1, 0.3), "kmeans": (0.5, 0.5)}
SVG = "{http://www.w3.org/2000/svg}"


def compared(service: Service, *, truth: bool, **fields: Any) -> dict[str, Any]:
    """A comparison of three methods with two seeds, all done."""
    dataset = add_dataset(service.context, [str(i) for i in range(6)])
    comparison = comparing(service, dataset, methods=METHODS, seeds=[0, 1], **fields)
    for job in comparison["jobs"]:
        name, seed = job["method"]["method"], job["seed"]
        error = ERRORS[name][seed]
        scores = {"accuracy": 1 - error, "error": error, "nmi": 0.5, "nmi_geometric": 0.5, "ari": 0}
        gap = None if name == "kmeans" else 0.5 + seed
        settle(
            service.context,
            job["job_id"],
            LABELS[name][seed],
            scores=scores if truth else None,
            seconds=1.0 + seed,
            diagnostics={} if gap is None else {"relative_eigengap": gap},
        )
    return comparison


def ranking(service: Service, comparison: dict[str, Any]) -> dict[str, Any]:
    answer = service.http.get(comparison["links"]["ranking"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def chart(service: Service, comparison: dict[str, Any]) -> ET.Element:
    answer = service.http.get(comparison["links"]["chart"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == f'inline; filename="{comparison["id"]}.svg"'
    return parsed(answer.content)


def parsed(svg: bytes) -> ET.Element:
    root = ET.fromstring(svg)  # noqa: S314 - the service's own
    assert root.tag == f"{SVG}svg"
    return root


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter(f"{SVG}text")]


def test_without_truth_the_order_is_by_agreement(service: Service) -> None:
    found = ranking(service, compared(service, truth=False))
    assert (found["ordered_by"], found["complete"]) == ("agreement", True)
    rows = {row["method"]: row for row in found["rows"]}
    for name, row in rows.items():
        expected = [
            np.mean(
                [
                    np.mean([adjusted_rand_score(own, other) for other in LABELS[rival]])
                    for rival in set(LABELS) - {name}
                ]
            )
            for own in LABELS[name]
        ]
        assert row["agreement"]["median"] == pytest.approx(np.median(expected))
        assert row["agreement"]["min"] == pytest.approx(min(expected))
        assert row["agreement"]["max"] == pytest.approx(max(expected))
        assert row["stability"] == pytest.approx(adjusted_rand_score(*LABELS[name]))
        assert (row["jobs"], row["succeeded"], row["failed"]) == (2, 2, 0)
        assert row["seconds"] == {"median": 1.5, "min": 1, "max": 2}
        assert row["error"] is row["accuracy"] is row["nmi"] is row["ari"] is None
    agreed = [row["agreement"]["median"] for row in found["rows"]]
    assert agreed == sorted(agreed, reverse=True)
    assert [row["rank"] for row in found["rows"]] == [1, 2, 3]
    assert rows["ensc"]["changes"] == {"gamma": 10}
    assert rows["ensc"]["relative_eigengap"] == {"median": 1, "min": 0.5, "max": 1.5}
    assert rows["kmeans"]["relative_eigengap"] is None
    assert rows["kmeans"]["clusters"] == {"median": 1.5, "min": 1, "max": 2}


def test_with_truth_the_order_is_by_error(service: Service) -> None:
    found = ranking(service, compared(service, truth=True))
    assert found["ordered_by"] == "error"
    assert [row["method"] for row in found["rows"]] == ["ensc", "lsr", "kmeans"]
    assert found["rows"][0]["error"] == pytest.approx({"median": 0.2, "min": 0.1, "max": 0.3})
    assert found["rows"][0]["accuracy"]["max"] == pytest.approx(0.9)
    assert found["rows"][0]["agreement"] is not None


def test_equal_figures_have_equal_ranks(service: Service, dataset: Dataset) -> None:
    comparison = comparing(service, dataset, methods=["lsr", "ensc", "kmeans"])
    same, other = [0, 0, 1, 1], [0, 1, 0, 1]
    for job, labels in zip(comparison["jobs"], (other, same, same), strict=True):
        settle(service.context, job["job_id"], labels)
    rows = ranking(service, comparison)["rows"]
    assert [(r["rank"], r["method"]) for r in rows] == [(1, "ensc"), (1, "kmeans"), (3, "lsr")]
    assert [row["stability"] for row in rows] == [None] * 3


def test_what_is_there_is_shown_while_jobs_run_fail_or_go(
    service: Service, dataset: Dataset
) -> None:
    comparison = comparing(service, dataset, methods=["lsr", "ensc", "kmeans"], seeds=[0, 1])
    ids = [job["job_id"] for job in comparison["jobs"]]
    empty = ranking(service, comparison)
    assert (empty["complete"], empty["ordered_by"]) == (False, "agreement")
    assert {row["rank"] for row in empty["rows"]} == {None}
    settle(service.context, ids[0], [0, 0, 1, 1])
    alone = ranking(service, comparison)["rows"][0]
    assert (alone["rank"], alone["succeeded"], alone["agreement"]) == (None, 1, None)
    assert alone["seconds"]["median"] == 1
    assert "nothing to compare with yet" in texts(chart(service, comparison))
    settle(service.context, ids[4], [0, 1, 0, 1])
    for job_id in ids[2:4]:
        attempt = service.context.store.attempts.claim(job_id, "w").attempt
        service.context.store.attempts.fail(job_id, attempt, TimeLimit("Too long."))
    found = ranking(service, comparison)
    assert [row["method"] for row in found["rows"]] == ["lsr", "kmeans", "ensc"]
    assert [row["rank"] for row in found["rows"]] == [1, 1, None]
    assert (found["rows"][2]["jobs"], found["rows"][2]["failed"]) == (2, 2)
    words = texts(chart(service, comparison))
    assert {"failed", "2 of 2 failed"} <= set(words)
    assert any("2 of 6 jobs have a result; others are not over." in word for word in words)
    service.http.post(comparison["links"]["cancel"])
    assert ranking(service, comparison)["complete"] is True
    service.http.delete(f"/v1/jobs/{ids[4]}")
    rows = {row["method"]: row for row in ranking(service, comparison)["rows"]}
    assert rows["kmeans"]["succeeded"] == 0
    assert rows["lsr"]["agreement"] is None


def test_a_ranking_bears_files_that_are_gone(service: Service) -> None:
    comparison = compared(service, truth=False)
    service.context.artifacts.delete(f"jobs/{comparison['jobs'][0]['job_id']}")
    rows = {row["method"]: row for row in ranking(service, comparison)["rows"]}
    assert rows["lsr"]["succeeded"] == 1


def test_a_ranking_outlives_its_data_set(service: Service) -> None:
    comparison = compared(service, truth=True)
    before = ranking(service, comparison)
    assert service.http.delete(comparison["links"]["dataset"]).status_code == 200
    assert ranking(service, comparison) == before


def test_a_ranking_as_csv(service: Service) -> None:
    comparison = compared(service, truth=True)
    path = comparison["links"]["ranking"]
    by_accept = service.http.get(path, headers={"accept": "text/csv"})
    by_name = service.http.get(path, params={"format": "csv"})
    assert by_accept.content == by_name.content
    assert by_accept.headers["content-type"].startswith("text/csv")
    assert f'"{comparison["id"]}-ranking.csv"' in by_accept.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(by_accept.text)))
    expected = ranking(service, comparison)["rows"]
    for row, shown in zip(expected, rows, strict=True):
        assert (int(shown["rank"]), shown["method"]) == (row["rank"], row["method"])
        assert json.loads(shown["changes"]) == row["changes"]
        for name in ("error", "agreement", "clusters", "seconds", "accuracy", "nmi", "ari"):
            parts = (float(shown[f"{name}{part}"]) for part in ("", "_min", "_max"))
            assert list(parts) == [row[name][part] for part in ("median", "min", "max")]
    assert rows[-1]["relative_eigengap"] == ""


def test_rankings_refused(service: Service, dataset: Dataset) -> None:
    path = comparing(service, dataset, methods=["lsr", "ensc"])["links"]["ranking"]
    answer = service.http.get(path, headers={"accept": "image/png"})
    assert service.problem(answer, 406, "not-acceptable")["offered"] == [
        "application/json",
        "text/csv",
    ]
    for form in ("npy", "xml"):
        answer = service.http.get(path, params={"format": form})
        service.problem(answer, 422, "invalid-request")


def test_ranking_and_chart_are_files(service: Service) -> None:
    comparison = compared(service, truth=True)
    for name in ("ranking", "chart"):
        path = comparison["links"][name]
        whole = service.http.get(path)
        head = service.http.head(path)
        assert head.headers["content-length"] == str(len(whole.content))
        known = {"if-none-match": whole.headers["etag"]}
        assert service.http.get(path, headers=known).status_code == 304
        part = service.http.get(path, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, whole.content[:10])


def test_the_chart_shows_the_ranking(service: Service) -> None:
    svg = chart(service, compared(service, truth=True, name="Six & <seven>\x01\ud7ff\u2028 images"))
    words = texts(svg)
    assert words[0] == svg.findtext(f"{SVG}title") == "Six & <seven> \ud7ff images"
    assert [word for word in words if word[1:3] == ". "] == ["1. ensc", "2. lsr", "3. kmeans"]
    assert {"gamma 10", "20.0 %", "35.0 %", "50.0 %", "1.5"} <= set(words)
    assert "20.0 %" in (svg.findtext(f"{SVG}desc") or "")
    bars = [float(bar.get("width", "0")) for bar in svg.iter(f"{SVG}rect")][1:]
    assert bars == pytest.approx([bars[0], bars[0] * 1.75, bars[0] * 2.5], rel=1e-4)
    assert [bar.get("class") for bar in svg.iter(f"{SVG}rect")] == ["paper", "best", "bar", "bar"]
    whiskers = [line for line in svg.iter(f"{SVG}line") if line.get("class") == "whisker"]
    assert len(whiskers) == 6, "two methods have a range: a line with two ends"
    assert "prefers-color-scheme: dark" in (svg.findtext(f"{SVG}style") or "")


def test_the_chart_without_truth_shows_agreement(service: Service) -> None:
    words = texts(chart(service, compared(service, truth=False)))
    assert any("without labels" in word for word in words)
    assert not any("%" in word for word in words)


def row(method: str, figures: Spread | None, changes: dict[str, Any]) -> RankingRow:
    empty = dict.fromkeys(["stability", "relative_eigengap", "clusters", "seconds", "accuracy"])
    empty |= dict.fromkeys(["error", "nmi", "ari"])
    return RankingRow(
        rank=1 if figures else None,
        method=method,
        changes=changes,
        jobs=1,
        succeeded=1 if figures else 0,
        failed=0,
        agreement=figures,
        **empty,
    )


@pytest.mark.parametrize(
    ("least", "most"), [(0, 0), (-0.4, -0.1), (-0.2, 1), (0, 1e-9), (0.999, 1), (0, 1 / 3)]
)
def test_the_chart_stays_inside_its_frame(least: float, most: float) -> None:
    figures = Spread(median=(least + most) / 2, min=least, max=most)
    long = {"encoder": [[3, 16]] * 9, "wild": "<&\"'>\x00"}
    rows = [row("s2convscn", figures, long), row("x" * 64, None, {})]
    found = Ranking(
        comparison_id="cmp_1", name="n" * 500, complete=True, ordered_by="agreement", rows=rows
    )
    svg = parsed(draw(found))
    _, _, width, height = map(float, svg.get("viewBox", "").split())
    for element in svg.iter():
        for name, side in product(("x", "x1", "x2", "y", "y1", "y2"), (width, height)):
            if (side == width) == name.startswith("x"):
                assert 0 <= float(element.get(name, "0")) <= side
    for bar in svg.iter(f"{SVG}rect"):
        assert float(bar.get("x", "0")) + float(bar.get("width", "0")) <= width
    assert max(len(word) for word in texts(svg)) <= 100
