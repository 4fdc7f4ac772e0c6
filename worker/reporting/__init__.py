"""The report of a job: one HTML file that needs no network, to be read, kept and printed."""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

PICTURES = {
    "map.png": "Map",
    "clusters.png": "Clusters",
    "affinity.png": "Affinity",
    "spectrum.png": "How many clusters",
    "curves.png": "Curves",
}
"""In the order in which they are shown, those that there are."""
SCORES = {
    "accuracy": "accuracy",
    "error": "error",
    "nmi": "NMI",
    "nmi_geometric": "NMI (geometric)",
    "ari": "ARI",
    "purity": "purity",
}
SHARES = frozenset({"accuracy", "error", "purity"})


def write_report(
    path: Path, report: Mapping[str, Any], confusion: "Confusion | None", folder: Path
) -> None:
    """Write the report.

    Args:
        path: the file.
        report: what ``report.json`` holds.
        confusion: of true classes and clusters, where the truth is known.
        folder: has the pictures.
    """
    pictures = {
        title: b64encode((folder / name).read_bytes()).decode()
        for name, title in PICTURES.items()
        if (folder / name).is_file()
    }
    text = _template().render(
        report=report,
        pictures=pictures,
        confusion=confusion,
        scores=SCORES,
        shares=SHARES,
        repeat=json.dumps(_request(report), indent=2, ensure_ascii=False),
    )
    path.write_text(text, encoding="utf-8")


class Confusion:
    """Counts of images, true classes in rows, in columns the clusters, in this order."""

    def __init__(self, classes: list[str], clusters: list[int], counts: list[list[int]]) -> None:
        self.classes = classes
        self.clusters = clusters
        self.counts = counts
        self.most = max(max(row) for row in counts)


def _request(report: Mapping[str, Any]) -> dict[str, Any]:
    """What to POST for the same result: every hyperparameter as it was used."""
    asked = {key: value for key, value in report["request"].items() if value is not None}
    asked.pop("preset", None)  # its constants are in the method
    if asked.pop("landmarks", None) and report["landmarks"]:  # else all images were fitted to
        asked["landmarks"] = report["landmarks"]
    return asked | {
        "dataset_id": report["dataset"]["id"],
        "n_clusters": report["n_clusters"],
        "method": report["method"],
        "seed": report["seed"],
    }


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("worker.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
