"""The commands ``cluster`` and ``predict``: from a folder of images to a folder of groups."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from s2convscn.answers import Count, Options
from s2convscn.client import AUTO, HERE, URL_VARIABLE
from s2convscn.commands import LABELS
from s2convscn.handles import Clustering, Job
from s2convscn.terminal import (
    AsJson,
    DataDir,
    Exit,
    JobId,
    Url,
    catch_signals,
    err,
    fail,
    out,
    put,
    somewhere,
    speaking,
)

GROUPS = "clusters"
PARTIAL = ".partial"
REPORT = "report.html"
FILES = (REPORT, "clusters.png", "map.png", "affinity.png", "spectrum.png", "curves.png")
"""What comes along, where the method makes it."""
FEWEST = 2

Source = Annotated[Path, typer.Argument(help="A folder of images, an archive or array file.")]
Into = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results; a new one.")]
Truth = Annotated[
    bool, typer.Option("--truth", help="Folders are classes, which count for scores alone.")
]
Copy = Annotated[bool, typer.Option("--copy", help="Copies of the images, not links.")]


def number(text: str) -> Count:
    """A number of clusters as it is written, or auto."""
    if text == AUTO:
        return AUTO
    if not text.isdecimal() or int(text) < FEWEST:
        message = f"{text!r} is neither a number of {FEWEST} or more nor auto"
        raise typer.BadParameter(message)
    return int(text)


def cluster(  # noqa: PLR0913, PLR0917 - the command's options
    source: Source,
    n_clusters: Annotated[
        str, typer.Option("--clusters", "-k", help="How many groups, or auto: a guess.")
    ],
    into: Into = Path("clusters"),
    method: Annotated[str, typer.Option(help="As 'methods' names it.")] = "s2convscn",
    preset: Annotated[str | None, typer.Option(help="Constants of a published experiment.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    landmarks: Annotated[
        str | None,
        typer.Option(help="Fit to so many images, or auto, and express the others by them."),
    ] = None,
    truth: Truth = False,
    copy: Copy = False,
    url: Annotated[
        str | None,
        typer.Option(
            envvar=URL_VARIABLE, help="A running service; by default one is started for this."
        ),
    ] = None,
    data_dir: DataDir = Path("s2convscn-data"),
    as_json: AsJson = False,
) -> None:
    """Group the images of a folder: labels.csv, a report, and a folder for each cluster."""
    count = number(n_clusters)
    check_free(into)
    options: Options = {"method": method, "preset": preset, "seed": seed}
    if landmarks is not None:
        options["landmarks"] = number(landmarks)
    catch_signals()
    with somewhere(url, data_dir) as client, made(into) as folder:
        dataset = client.datasets.upload(source, truth="folders" if truth else None)
        job = client.jobs.submit(dataset, count, **options)
        resumption = f"watch {job.id}" if url else f"serve --data-dir {data_dir}"
        found = _grouped(job, source, folder, resumption, copy=copy)
    _tell(found, source, into, as_json=as_json)


def predict(  # noqa: PLR0917 - the command's options
    job_id: JobId,
    source: Source,
    into: Into = Path("predictions"),
    truth: Truth = False,
    copy: Copy = False,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """Assign other images to the clusters of a job, by the head that it trained."""
    check_free(into)
    catch_signals()
    with speaking(url) as client, made(into) as folder:
        dataset = client.datasets.upload(source, truth="folders" if truth else None)
        job = Job(client, client.submit_prediction(job_id, dataset.id))
        found = _grouped(job, source, folder, f"watch {job.id}", copy=copy)
    _tell(found, source, into, as_json=as_json)


def _grouped(job: Job, source: Path, folder: Path, resumption: str, *, copy: bool) -> Clustering:
    """Wait for a job and bring home what it made; ``resumption`` is the command that goes on."""
    n_images = job.client.datasets.get(job.answer["dataset_id"]).n_images
    err.print(f"{n_images} images uploaded, {job.id} submitted.", markup=False)
    try:
        job.wait(progress=True)
    except KeyboardInterrupt:
        fail(f"interrupted; the job is kept: s2convscn {resumption}", Exit.INTERRUPTED)
    found = job.clustering()
    save(found, folder)
    if source.is_dir():
        sort(found, source, folder / GROUPS, copy=copy)
    return found


def check_free(into: Path) -> None:
    """End the command if there is something at the place of its results.

    What a killed one left there unfinished is nothing.
    """
    if into.exists() and not (into.is_dir() and {p.name for p in into.iterdir()} <= {PARTIAL}):
        fail(f"{into} is there already: choose another folder with --out.")


@contextmanager
def made(target: Path) -> Iterator[Path]:
    """A folder that appears under its name when all is in it, and not at all if that fails.

    One that is there stays, and gets all of it then: it may be where the user is, or a mount.
    """
    there = target.is_dir()
    partial = target / PARTIAL if there else target.with_name(f".{target.name}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if there:
            for path in list(partial.iterdir()):
                path.rename(target / path.name)
        else:
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def save(found: Clustering, folder: Path) -> None:
    """Labels, pictures and report."""
    found.job.client.download(f"/v1/jobs/{found.job.id}/labels?format=csv", folder / LABELS)
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
    where = [into / LABELS, into / REPORT, *([into / GROUPS] if source.is_dir() else [])]
    out.print("\n".join(map(str, where)), markup=False)
