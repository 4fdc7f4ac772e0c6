"""The service from Python: upload, submit, wait, download."""

import hashlib
import ipaddress
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, Unpack, cast
from uuid import uuid4

import httpx
from httpx_sse import EventSource

from s2convscn import handles
from s2convscn.answers import (
    Artifact,
    Comparison,
    Count,
    Dataset,
    Event,
    Job,
    JobOptions,
    Options,
)
from s2convscn.errors import ApiProblem, DownloadCorrupted
from s2convscn.handles import Clustering, Datasets, Jobs
from s2convscn.patience import PATIENCE, insist, lasting
from s2convscn.sources import Source

CHUNK = 1 << 20
TIMEOUT = httpx.Timeout(60, read=960)
"""An upload is answered when it has been read, for which the service takes up to 15 minutes."""
STREAM_TIMEOUT = httpx.Timeout(60)
"""A stream of events is never silent for longer than 15 seconds."""
AUTO: Literal["auto"] = "auto"
ENDS = frozenset({"succeeded", "failed", "cancelled"})
HERE = "http://127.0.0.1:8000"
URL_VARIABLE = "S2CONVSCN_URL"
KEY_VARIABLE = "S2CONVSCN_API_KEY"
MEDIA_TYPES = {
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".tgz": "application/gzip",
    ".gz": "application/gzip",
    ".npz": "application/x-npz",
    ".npy": "application/x-npy",
    ".mat": "application/x-matlab-data",
}


class Client:
    """One service. Every call raises ApiProblem when the service refuses it.

    What reads waits when the service asks for that, as at the limit of a key's rate: up to a minute
    at a time, five times.

    ``cluster`` does everything; ``datasets`` and ``jobs`` give objects with verbs. The other calls
    are the API's own, and give what it answers.
    """

    def __init__(self, url: str | None = None, *, key: str | None = None) -> None:
        """Connect to ``url`` with an API key.

        By default those in ``S2CONVSCN_URL``, or else this machine's port 8000, and in
        ``S2CONVSCN_API_KEY``. A proxy in the environment is not used for this very machine.
        """
        url = url or os.environ.get(URL_VARIABLE) or HERE
        headers = {"Accept-Encoding": "identity"}
        if key := key or os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        self.datasets, self.jobs = Datasets(self), Jobs(self)
        trust = not _is_loopback(httpx.URL(url).host)
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, headers=headers, trust_env=trust)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def cluster(
        self,
        source: Source,
        n_clusters: Count = AUTO,
        *,
        truth: str | None = None,
        kind: str | None = None,
        progress: bool | Callable[[Job], None] = False,
        **options: Unpack[Options],
    ) -> Clustering:
        """Upload, cluster, wait, and fetch the labels.

        Args:
            source: a folder of images, an archive or array file, or an array.
            n_clusters: how many there shall be; by default a number that the images suggest.
            truth: ``folders`` if folders are classes, which count for scores alone.
            kind: ``features`` if rows are feature vectors.
            progress: draw a bar on standard error, or call this with each state that is seen.
            options: such as ``method`` and ``seed``, see ``Options``.

        Raises:
            SourceError: if there is nothing to cluster.
            JobEnded: if the job failed or was cancelled.
        """
        dataset = self.datasets.upload(source, truth=truth, kind=kind)
        job = self.jobs.submit(dataset, n_clusters, **options)
        return job.wait(progress=progress).clustering()

    def predict(
        self,
        job: str | handles.Job,
        source: Source,
        *,
        truth: str | None = None,
        progress: bool | Callable[[Job], None] = False,
        **options: Unpack[JobOptions],
    ) -> Clustering:
        """Assign images to the clusters of a job, by the head that it trained.

        Args:
            job: it, or its id.
            source: as of ``cluster``; images that were not trained on.
            truth: as of ``cluster``.
            progress: as of ``cluster``.
            options: see ``JobOptions``.

        Raises:
            ApiProblem: ``no-trained-head`` of a method without one.
            JobEnded: if the prediction failed or was cancelled.
        """
        job_id = job if isinstance(job, str) else job.id
        dataset = self.datasets.upload(source, truth=truth)
        made = handles.Job(self, self.submit_prediction(job_id, dataset.id, **options))
        return made.wait(progress=progress).clustering()

    def upload(self, path: Path, *, truth: str | None = None, kind: str | None = None) -> Dataset:
        """Send an archive or array file as it is.

        ``truth="folders"`` takes folders as classes, ``kind="features"`` rows as feature vectors.
        """
        headers = {
            "Content-Type": MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"),
            "Content-Length": str(path.stat().st_size),
        }
        name = os.fsencode(path.name).decode(errors="replace")
        said = {"name": name, "truth": truth, "kind": kind}
        options = {name: value for name, value in said.items() if value is not None}
        response = self._http.post(
            "/v1/datasets", params=options, headers=headers, content=_chunks(path)
        )
        dataset: Dataset = _checked(response).json()
        return dataset

    def submit(self, dataset_id: str, n_clusters: Count, **options: Unpack[Options]) -> Job:
        """Queue a job; what the options leave out is the service's choice."""
        body = {"dataset_id": dataset_id, "n_clusters": n_clusters, **options}
        job: Job = self._submit("/v1/jobs", body)
        return job

    def submit_prediction(self, job_id: str, dataset_id: str, **options: Unpack[JobOptions]) -> Job:
        """Queue a prediction, which is a job of its own, with the model of ``job_id``."""
        body = {"dataset_id": dataset_id, **options}
        job: Job = self._submit(f"/v1/jobs/{job_id}/predictions", body)
        return job

    def get(self, path: str, **params: Any) -> Any:
        """What a path answers, as JSON."""
        return self._read(path, **params).json()

    def read(self, path: str) -> bytes:
        """What a path answers."""
        return self._read(path).content

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """The items of a list, page by page."""
        page = self.get(path, **params)
        yield from page["items"]
        while page["next_cursor"]:
            page = self.get(path, **params, cursor=page["next_cursor"])
            yield from page["items"]

    def job(self, job_id: str) -> Job:
        job: Job = self.get(f"/v1/jobs/{job_id}")
        return job

    def wait(self, job_id: str, watch: Callable[[Job], None] | None = None) -> Job:
        """The job when it has ended, however it did; ``watch`` sees it as it goes.

        Looks as often as the service wishes and, for one who watches, follows the job's events once
        it runs. Goes on when the service is away for up to a minute.
        """
        path = f"/v1/jobs/{job_id}"
        job: Job = self._wait(path, watch, _runs if watch else None)
        if watch and not job["terminal"]:
            job = self._follow(job, watch)
        return job if job["terminal"] else cast("Job", self._wait(path, watch))

    def _follow(self, job: Job, watch: Callable[[Job], None]) -> Job:
        """Show a running job by its events, to their end or until no stream is to be had.

        Returns the job as it was shown last.
        """
        try:
            for event in self.events(job["id"]):
                if event["kind"] != "progress":
                    job = self._wait(f"/v1/jobs/{job['id']}", None, bool)
                elif event["data"]["progress"] >= job["progress"]:  # not what was before
                    job = cast("Job", job | event["data"])
                else:
                    continue
                watch(job)
        except ApiProblem as error:
            if lasting(error):
                raise
        return job

    def events(self, job_id: str, *, after: int | None = None) -> Iterator[Event]:
        """A job's events as they happen, each once, up to the one that ends it.

        ``after`` is the id of one that was seen before. Goes on where it was when the connection
        breaks or the service is away for up to a minute.
        """
        lost: float | None = None
        while True:
            headers = {"Accept": "text/event-stream"}
            if after is not None:
                headers["Last-Event-ID"] = str(after)
            try:
                with self._http.stream(
                    "GET", f"/v1/jobs/{job_id}/events", headers=headers, timeout=STREAM_TIMEOUT
                ) as response:
                    if _checked(response).status_code == httpx.codes.NO_CONTENT:
                        return
                    lost = None
                    for message in EventSource(response).iter_sse():
                        if not message.data:  # a sign of life
                            continue
                        event: Event = message.json()
                        after = event["id"]
                        yield event
                        if event["kind"] in ENDS:
                            return
            except (httpx.TransportError, ApiProblem) as error:
                lost = lost or time.monotonic()
                if lasting(error) or time.monotonic() - lost > PATIENCE:
                    raise
            time.sleep(1)

    def cancel(self, job_id: str) -> Job:
        """Stop a job; one that is over stays as it is."""
        job: Job = _checked(self._http.post(f"/v1/jobs/{job_id}/cancel")).json()
        return job

    def resume(self, job_id: str) -> Job:
        """A new job that goes on where a failed or cancelled one was."""
        job: Job = self._submit(f"/v1/jobs/{job_id}/resume")
        return job

    def compare(
        self,
        dataset_id: str,
        n_clusters: int,
        methods: Sequence[str | dict[str, Any]],
        *,
        seeds: Sequence[int] = (0,),
        preset: str | None = None,
        name: str | None = None,
    ) -> Comparison:
        """Start a job for each method and seed; ``/ranking`` and ``/chart`` tell how they did."""
        body = {
            "dataset_id": dataset_id,
            "n_clusters": n_clusters,
            "methods": list(methods),
            "seeds": list(seeds),
            "preset": preset,
            "name": name,
        }
        comparison: Comparison = self._submit("/v1/comparisons", body)
        return comparison

    def wait_for_comparison(
        self, comparison_id: str, watch: Callable[[Comparison], None] | None = None
    ) -> Comparison:
        """The comparison when all its jobs have ended; as ``wait``."""
        comparison: Comparison = self._wait(f"/v1/comparisons/{comparison_id}", watch)
        return comparison

    def artifacts(self, job_id: str) -> list[Artifact]:
        """All files of a succeeded job."""
        items: list[Artifact] = self.get(f"/v1/jobs/{job_id}/artifacts")["items"]
        return items

    def download(self, path: str, target: Path) -> Path:
        """Fetch a path such as ``/v1/jobs/ID/affinity`` into a file, which appears when whole.

        A broken connection is taken up where it broke; the file is checked against the ETag, which
        is the sha-256 of its bytes.

        Raises:
            DownloadCorrupted: if the bytes are not those that the service announced.
        """
        partial = target.with_name(f".{target.name}.partial")
        try:
            with partial.open("w+b") as file:
                etag = self._fetch(path, file)
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if etag != f'"{digest}"':
                raise DownloadCorrupted(f"{path}: sha-256 {digest} arrived, {etag} was announced.")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def delete_job(self, job_id: str) -> None:
        """Delete a finished job with its files."""
        _checked(self._http.delete(f"/v1/jobs/{job_id}"))

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a data set that no unfinished job needs."""
        _checked(self._http.delete(f"/v1/datasets/{dataset_id}"))

    def _read(self, path: str, **params: Any) -> httpx.Response:
        return insist(lambda: _checked(self._http.get(path, params=params or None)))

    def _submit(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Say it until it is answered: by its key the service knows a request that it had."""
        headers = {"Idempotency-Key": str(uuid4())}

        def say() -> Any:
            return _checked(self._http.post(path, json=body, headers=headers)).json()

        return insist(say, httpx.TransportError)

    def _wait(
        self,
        path: str,
        watch: Callable[[Any], None] | None,
        enough: Callable[[Any], bool] | None = None,
    ) -> Any:
        heard = time.monotonic()
        while True:
            try:
                response = _checked(self._http.get(path))
            except (httpx.TransportError, ApiProblem) as error:
                if lasting(error) or time.monotonic() - heard > PATIENCE:
                    raise
                time.sleep(1)
                continue
            heard = time.monotonic()
            found = response.json()
            if watch:
                watch(found)
            if (enough or _ended)(found):
                return found
            time.sleep(float(response.headers.get("Retry-After", "1")))

    def _fetch(self, path: str, file: IO[bytes]) -> str:
        """Write a path's bytes; returns its ETag."""
        etag = ""

        def go_on() -> str:
            nonlocal etag
            headers = {"Range": f"bytes={file.tell()}-", "If-Range": etag} if file.tell() else {}
            with self._http.stream("GET", path, headers=headers) as response:
                _checked(response)
                if response.status_code == httpx.codes.OK:
                    file.seek(0)
                    file.truncate()
                etag = response.headers["ETag"]
                for chunk in response.iter_raw():
                    file.write(chunk)
                return etag

        return insist(go_on, httpx.TransportError)


def _ended(found: Any) -> bool:
    return bool(found["terminal"])


def _runs(found: Any) -> bool:
    """Whether there is something to follow, or nothing any more."""
    return bool(found["terminal"] or found["status"] == "running")


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    response.read()
    raise ApiProblem.of(response)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
