"""The command ``cluster``: from a folder of images to a folder of groups."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from s2convscn.answers import Options
from s2convscn.client import URL_VARIABLE, Client
from s2convscn.commands import LABELS
from s2convscn.handles import Clustering
from s2convscn.terminal import (
    AsJson,
    DataDir,
    Exit,
    catch_signals,
    err,
    fail,
    out,
    put,
    somewhere,
)

GROUPS = "clusters"
FILES = ("clusters.png", "affinity.png", "curves.png", "report.json")
"""What comes along, where the method makes it."""


def cluster(  # noqa: PLR0913, PLR0917 - the command's options
    source: Annotated[Path, typer.Argument(help="A folder of images, an archive or array file.")],
    n_clusters: Annotated[int, typer.Option("--clusters", "-k", min=2, help="How many groups.")],
    into: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the results; a new one.")
    ] = Path("clusters"),
    method: Annotated[str, typer.Option(help="As 'methods' names it.")] = "s2convscn",
    preset: Annotated[str | None, typer.Option(help="Constants of a published experiment.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    truth: Annotated[
        bool, typer.Option("--truth", help="Folders are classes, which count for scores alone.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copies of the images, not links.")] = False,
    url: Annotated[
        str | None,
        typer.Option(
            envvar=URL_VARIABLE, help="A running service; by default one is started for this."
        ),
    ] = None,
    data_dir: DataDir = Path("s2convscn-data"),
    as_json: AsJson = False,
) -> None:
    """Group the images of a folder: labels.csv, and a folder of links for each cluster."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        fail(f"{into} is there already: choose another folder with --out.")
    options: Options = {"method": method, "preset": preset, "seed": seed}
    catch_signals()
    with somewhere(url, data_dir) as client, made(into) as folder:
        dataset = client.datasets.upload(source, truth="folders" if truth else None)
        job = client.jobs.submit(dataset, n_clusters, **options)
        err.print(f"{dataset.n_images} images uploaded, {job.id} submitted.", markup=False)
        try:
            job.wait(progress=True)
        except KeyboardInterrupt:
            command = f"watch {job.id}" if url else f"serve --data-dir {data_dir}"
            fail(f"interrupted; the job is kept: s2convscn {command}", Exit.INTERRUPTED)
        found = job.clustering()
        save(client, found, folder)
        if source.is_dir():
            sort(found, source, folder / GROUPS, copy=copy)
    _tell(found, source, into, as_json=as_json)


@contextmanager
def made(target: Path) -> Iterator[Path]:
    """A folder that appears under its name when all is in it, and not at all if that fails."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if target.exists():
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def save(client: Client, found: Clustering, folder: Path) -> None:
    """Labels, pictures and report."""
    client.download(f"/v1/jobs/{found.job.id}/labels?format=csv", folder / LABELS)
    there = {artifact["name"] for artifact in found.job.artifacts()}
    for name in there.intersection(FILES):
        found.job.download(name, folder / name)


def sort(found: Clustering, source: Path, groups: Path, *, copy: bool) -> None:
    """A folder for each cluster with its images, under the names that they have in ``source``."""
    digits = len(str(len(set(found.by_name.values()))))
    for name, label in found.by_name.items():
        target = groups / f"{label:0{digits}d}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy:
            shutil.copy2(source / name, target)
        else:
            target.symlink_to((source / name).resolve())


def _tell(found: Clustering, source: Path, into: Path, *, as_json: bool) -> None:
    result, sizes = found.job.result or {}, Counter(found.by_name.values())
    for notice in found.job.answer["notices"]:
        err.print(f"note: {notice['detail']}", markup=False)
    if as_json:
        put({"job_id": found.job.id, "out": str(into), **result})
        return
    least, most = min(sizes.values()), max(sizes.values())
    spread = f"{least}" if least == most else f"{least} to {most}"
    out.print(f"{len(found.labels)} images in {len(sizes)} clusters of {spread}.")
    if scores := result.get("scores"):
        shown = (f"{name} {scores[name]:.1%}" for name in ("accuracy", "nmi", "ari"))
        out.print(f"Against the folders as classes: {', '.join(shown)}.")
    where = [into / LABELS, *([into / GROUPS] if source.is_dir() else [])]
    out.print("\n".join(map(str, where)), markup=False)
