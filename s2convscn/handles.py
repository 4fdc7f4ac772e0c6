"""Data sets and jobs of a service as objects with verbs."""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, Unpack

from s2convscn import answers
from s2convscn.errors import JobEnded
from s2convscn.sources import Source, packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from s2convscn.client import Client

WEIGHTS = "model.safetensors"
Watch = Callable[[answers.Job], None]


class Dataset:
    """Images that the service has; ``answer`` is what it told of them."""

    def __init__(self, client: "Client", answer: answers.Dataset) -> None:
        self.client = client
        self.answer = answer
        self.id = answer["id"]
        self.n_images = answer["n_images"]

    def __repr__(self) -> str:
        return f"<Dataset {self.id}: {self.n_images} {self.answer['kind']}>"

    def names(self) -> list[str]:
        """Of the images, in the order that labels and affinity have."""
        path = f"/v1/datasets/{self.id}/images"
        return [image["name"] for image in self.client.pages(path)]

    def delete(self) -> None:
        """Raises ApiProblem while an unfinished job needs it."""
        self.client.delete_dataset(self.id)


class Job:
    """A clustering; ``answer`` is what the service told of it last."""

    def __init__(self, client: "Client", answer: answers.Job) -> None:
        self.client = client
        self.answer = answer
        self.id = answer["id"]

    def __repr__(self) -> str:
        return f"<Job {self.id}: {self.answer['message']}>"

    @property
    def status(self) -> str:
        return self.answer["status"]

    @property
    def result(self) -> dict[str, Any] | None:
        """Sizes, scores and diagnostics, once it has succeeded."""
        return self.answer["result"]

    def refresh(self) -> Self:
        """Ask for its state."""
        self.answer = self.client.job(self.id)
        return self

    def wait(self, *, progress: bool | Watch = False) -> Self:
        """Until it has succeeded.

        ``progress`` draws a bar on standard error, or is called with each state that is seen.

        Raises:
            JobEnded: if it failed or was cancelled.
        """
        if callable(progress):
            self.answer = self.client.wait(self.id, progress)
        elif progress:
            from s2convscn.show import watching  # noqa: PLC0415 - for those who look

            with watching() as view:
                self.answer = self.client.wait(self.id, view)
        else:
            self.answer = self.client.wait(self.id)
        if self.status != "succeeded":
            raise JobEnded(self.answer)
        return self

    def events(self) -> Iterator[answers.Event]:
        """As they happen, from the first to the last."""
        return self.client.events(self.id)

    def labels(self, by: str | None = None) -> "NDArray[Any]":
        """Each image's cluster, int64 (N,); ``by`` names another of its labelings."""
        import numpy as np  # noqa: PLC0415 - the command does without for most of what it does

        form = "npy" if by is None else f"npy&by={by}"
        data = self.client.read(f"/v1/jobs/{self.id}/labels?format={form}")
        labels: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        return labels

    def clustering(self) -> "Clustering":
        """Its final labels, by place and by name, of one answer."""
        import numpy as np  # noqa: PLC0415 - as above

        found = self.by_name()
        return Clustering(np.fromiter(found.values(), np.int64, len(found)), found, self)

    def by_name(self) -> dict[str, int]:
        """Each image's cluster by its name, in the data set's order."""
        rows = self.client.get(f"/v1/jobs/{self.id}/labels?format=json")["labels"]
        return {row["name"]: row["label"] for row in rows}

    def affinity(self, kind: str = "processed") -> "NDArray[Any]":
        """What was clustered, float32 (N, N); ``plain``: (abs C + abs C^T) / 2.

        Raises:
            ApiProblem: of a job with landmarks, which has it sparse alone. Download
                ``affinity-processed-topk.npz`` or ``affinity-plain-topk.npz``, which
                ``scipy.sparse.load_npz`` reads.
        """
        import numpy as np  # noqa: PLC0415 - as above

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "affinity.npz"
            self.client.download(f"/v1/jobs/{self.id}/affinity?kind={kind}&format=dense", path)
            with np.load(path, allow_pickle=False) as arrays:
                affinity: NDArray[Any] = arrays["affinity"]
        return affinity

    def checkpoint(self, path: str | Path) -> Path:
        """The trained network's weights, as safetensors, into a file."""
        return self.download(WEIGHTS, path)

    def download(self, name: str, path: str | Path) -> Path:
        """One of its files; ``artifacts`` has their names."""
        return self.client.download(f"/v1/jobs/{self.id}/artifacts/{name}", Path(path))

    def spectrum(self) -> answers.Spectrum:
        """What speaks for and against its number of clusters."""
        found: answers.Spectrum = self.client.get(f"/v1/jobs/{self.id}/spectrum")
        return found

    def predict(
        self, source: Source, *, truth: str | None = None, progress: bool | Watch = False
    ) -> "Clustering":
        """Assign other images to its clusters; see ``Client.predict``."""
        return self.client.predict(self, source, truth=truth, progress=progress)

    def predictions(self) -> Iterator["Job"]:
        """Those made with its model, the newest first."""
        path = f"/v1/jobs/{self.id}/predictions"
        return (Job(self.client, answer) for answer in self.client.pages(path))

    def artifacts(self) -> list[answers.Artifact]:
        """All files of a job that has succeeded."""
        return self.client.artifacts(self.id)

    def cancel(self) -> Self:
        """Stop it; one that is over stays as it is."""
        self.answer = self.client.cancel(self.id)
        return self

    def resume(self) -> "Job":
        """A new job that goes on where this one failed or was cancelled."""
        return Job(self.client, self.client.resume(self.id))

    def delete(self) -> None:
        """With its files. Raises ApiProblem while it is not over."""
        self.client.delete_job(self.id)


class Clustering(NamedTuple):
    """Each image's cluster.

    Attributes:
        labels: int64 (N,), in the data set's order.
        by_name: the same by file name.
        job: whose answer it is.
    """

    labels: "NDArray[Any]"
    by_name: dict[str, int]
    job: Job


class Datasets:
    """Those of a service that belong to the key's owner."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def upload(
        self, source: Source, *, truth: str | None = None, kind: str | None = None
    ) -> Dataset:
        """A folder of images, an archive or array file, or an array.

        ``truth="folders"`` takes folders as classes, for scores alone; ``kind="features"`` rows as
        feature vectors. The same bytes are the same data set.

        Raises:
            SourceError: if there is nothing to upload.
        """
        with tempfile.TemporaryDirectory(prefix="s2convscn-") as folder:
            path = packed(source, Path(folder))
            return Dataset(self.client, self.client.upload(path, truth=truth, kind=kind))

    def get(self, dataset_id: str) -> Dataset:
        return Dataset(self.client, self.client.get(f"/v1/datasets/{dataset_id}"))

    def __iter__(self) -> Iterator[Dataset]:
        """The newest first."""
        return (Dataset(self.client, answer) for answer in self.client.pages("/v1/datasets"))


class Jobs:
    """Those of a service that belong to the key's owner."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def submit(
        self, dataset: Dataset | str, n_clusters: answers.Count, **options: Unpack[answers.Options]
    ) -> Job:
        dataset_id = dataset if isinstance(dataset, str) else dataset.id
        return Job(self.client, self.client.submit(dataset_id, n_clusters, **options))

    def get(self, job_id: str) -> Job:
        return Job(self.client, self.client.job(job_id))

    def find(self, **filters: str) -> Iterator[Job]:
        """The newest first; filters are ``status``, ``dataset_id`` and ``method``."""
        return (Job(self.client, answer) for answer in self.client.pages("/v1/jobs", **filters))

    def __iter__(self) -> Iterator[Job]:
        """The newest first."""
        return self.find()
