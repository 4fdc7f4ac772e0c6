"""The main job from end to end, over HTTP, on images that ship with scikit-learn."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from s2convscn import digits
from s2convscn.answers import Job
from s2convscn.client import Client
from s2convscn.errors import ApiProblem, DownloadCorrupted, StackError, reason
from s2convscn.show import JobView, score_table
from s2convscn.stack import LocalStack, free_port

LABELS = ("labels.csv", "labels.json", "labels.npy")
AFFINITY = "affinity.npz"
WEIGHTS = "model.safetensors"
FILES = (
    WEIGHTS,
    "model.json",
    "report.html",
    "clusters.png",
    "map.png",
    "affinity.png",
    "spectrum.png",
    "curves.png",
    "metrics.jsonl",
    "report.json",
)
"""Artifacts that are downloaded under their own names."""
NAMES = {"spectral": "S2ConvSCN, spectral clustering", "head": "S2ConvSCN, softmax head"}


class DemoError(Exception):
    """The demo did not come to a good end; ``logs`` is what the processes said last."""

    def __init__(self, message: str, logs: str = "") -> None:
        """Keep the sentence and the tails of the logs."""
        super().__init__(message)
        self.logs = logs


def run(out: Path, data_dir: Path | None, console: Console) -> None:
    """Cluster the digits, and leave the results in ``out``.

    Raises:
        DemoError: if anything fails; the service is stopped then, too.
        StackError: if the service cannot be started or gives up.
    """
    start = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with _data(out, data_dir, console) as folder:
        console.print(f"Starting API, worker and broker (logs in {folder / 'logs'}) ...")
        with LocalStack(folder, port=free_port()) as stack, Client(stack.url) as client:
            console.print(f"The service is ready at {stack.url}.")
            try:
                _cluster(stack, client, out, console)
            except (ApiProblem, DownloadCorrupted, httpx.TransportError) as error:
                stack.check()
                raise DemoError(str(error), stack.tail()) from error
            except KeyboardInterrupt:
                console.print("Stopping ...")
                raise
        console.print("The service is stopped.")
    console.print(f"[green]Done[/] in {time.monotonic() - start:.0f} s.")


def _cluster(stack: LocalStack, client: Client, out: Path, console: Console) -> None:
    names, dataset_id = _upload(client, out, console)
    method = {"method": "s2convscn"}
    job = client.submit(dataset_id, digits.CLASSES, method=method, preset="auto", seed=0)
    console.print(f"Submitted job {job['id']}.")
    job = _wait(stack, client, job, console)
    _download(client, job["id"], out)
    verify(out, names)
    _report(job, out, console)
    client.delete_job(job["id"])
    client.delete_dataset(dataset_id)


def _upload(client: Client, out: Path, console: Console) -> tuple[list[str], str]:
    archive = out / "digits.zip"
    names = digits.write_zip(archive)
    dataset = client.upload(archive, truth="folders")
    size = f"{dataset['height']}x{dataset['width']}"
    classes = len(dataset["classes"] or ())
    console.print(f"Uploaded {dataset['n_images']:,} images of {size} in {classes} class folders.")
    if dataset["n_images"] != len(names):
        message = f"{len(names)} images were sent, {dataset['n_images']} were read."
        raise DemoError(message)
    return names, dataset["id"]


def _wait(stack: LocalStack, client: Client, job: Job, console: Console) -> Job:
    with JobView(console) as view:

        def watch(seen: Job) -> None:
            stack.check()
            view(seen)

        ended = client.wait(job["id"], watch)
    if ended["status"] != "succeeded":
        message = f"The job ended as {ended['status']}: {reason(ended)}"
        raise DemoError(message, stack.tail())
    return ended


def _download(client: Client, job_id: str, out: Path) -> None:
    path = f"/v1/jobs/{job_id}"
    for name in LABELS:
        client.download(f"{path}/labels?format={name.rpartition('.')[2]}", out / name)
    client.download(f"{path}/affinity", out / AFFINITY)
    for name in FILES:
        client.download(f"{path}/artifacts/{name}", out / name)


def verify(out: Path, names: Sequence[str]) -> None:
    """Raises DemoError unless the files hold what they promise."""
    from safetensors.numpy import load_file  # noqa: PLC0415 - part of the worker's installation

    N = len(names)
    rows = json.loads((out / "labels.json").read_text())["labels"]
    labels = np.load(out / "labels.npy")
    with np.load(out / AFFINITY) as archive:
        A = archive["affinity"]
    facts = {
        "every image has a label under its own name": sorted(r["name"] for r in rows)
        == sorted(names),
        "labels.json and labels.npy agree": [r["label"] for r in rows] == labels.tolist(),
        f"labels are 0 to {digits.CLASSES - 1}": set(labels) <= set(range(digits.CLASSES)),
        "labels.csv has a line per image": len((out / "labels.csv").read_text().split()) == N + 1,
        f"the affinity is {N} x {N}": A.shape == (N, N),
        "the affinity is finite and symmetric": np.isfinite(A).all() and (A.T == A).all(),
        "the checkpoint holds finite weights": all(
            np.isfinite(value).all() for value in load_file(out / WEIGHTS).values()
        ),
    }
    wrong = [fact for fact, holds in facts.items() if not holds]
    if wrong:
        message = f"The results are not as they should be. Not true: {'; '.join(wrong)}."
        raise DemoError(message)


def _report(job: Job, out: Path, console: Console) -> None:
    """Scores, notices and paths."""
    found = (job["result"] or {})["scores_by"]
    rows = [(NAMES.get(name, name), scores) for name, scores in found.items()]
    rows.append(("k-means on the pixels", digits.kmeans_scores()))
    console.print(score_table(rows))
    for notice in job["notices"]:
        console.print(f"note: {notice['detail']}")
    console.print("Results:")
    for name in (*LABELS, AFFINITY, *FILES):
        path = out / name
        console.print(f"  {path}  [dim]{path.stat().st_size / 1000:,.1f} kB[/]")


@contextmanager
def _data(out: Path, data_dir: Path | None, console: Console) -> Iterator[Path]:
    """The service's data folder: the one given, or a new one that is removed unless it fails."""
    if data_dir:
        yield data_dir
        return
    folder = Path(tempfile.mkdtemp(prefix="service-", dir=out))
    try:
        yield folder
    except (DemoError, StackError):
        console.print(f"The service's data and logs are kept in {folder}.")
        raise
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
