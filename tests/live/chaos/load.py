"""A client that keeps several jobs under way, and writes down what the service accepted."""

import io
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path
from uuid import uuid4

import httpx
from live_images import subspaces, write_zip

CLUSTERS = 4
UNDER_WAY = 4
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 4]],
    "pretrain_max_steps": 100,
    "pretrain_window": 50,
    "epochs": 60,
    "round_epochs": 2,
}
SEEDS = (1, 2)
UPLOAD_SECONDS = 2.0
PAUSE = 0.3
TIMEOUT = 15.0


class Images:
    """Uploads of the same images whose bytes differ, so that each is a data set of its own."""

    def __init__(self, folder: Path) -> None:
        path = write_zip(folder / "set.zip", *subspaces(n=48, clusters=CLUSTERS, side=8))
        self._bytes = path.read_bytes()

    def upload(self, number: int) -> bytes:
        file = io.BytesIO(self._bytes)
        with zipfile.ZipFile(file, "a") as archive:
            archive.comment = str(number).encode()
        return file.getvalue()


class Load(threading.Thread):
    """``accepted`` maps jobs to their data set and seed; ``datasets`` are all that were uploaded.

    A request is repeated, the same to the byte and under the same key, until it is accepted.
    """

    def __init__(self, port: int, images: Images) -> None:
        super().__init__(name="load", daemon=True)
        self.images = images
        self.url = f"http://127.0.0.1:{port}"
        self.accepted: dict[str, tuple[str, int]] = {}
        self.datasets: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.refusal: str | None = None
        self._over = threading.Event()
        self._open: set[str] = set()
        self._uploaded = time.monotonic()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=TIMEOUT, trust_env=False) as http:
            while not self._over.is_set():
                if len(self._open) < UNDER_WAY:
                    self._one_more(http)
                elif time.monotonic() - self._uploaded > UPLOAD_SECONDS:
                    self._upload(http)
                self._look(http)
                self._over.wait(PAUSE)

    def finish(self) -> None:
        """No further jobs; the request under way is brought to its end."""
        self._over.set()
        self.join()
        assert self.refusal is None, self.refusal

    def _one_more(self, http: httpx.Client) -> None:
        seed = SEEDS[len(self.accepted) % len(SEEDS)]
        dataset = self._upload(http)
        if dataset is None:
            return
        body = {"dataset_id": dataset, "n_clusters": CLUSTERS, "method": METHOD, "seed": seed}
        job = self._insist(http, "/v1/jobs", json=body, headers={"Idempotency-Key": str(uuid4())})
        if job is not None:
            self.accepted[job] = (dataset, seed)
            self._open.add(job)

    def _upload(self, http: httpx.Client) -> str | None:
        made = self._insist(
            http,
            "/v1/datasets?truth=folders",
            content=self.images.upload(len(self.datasets)),
            headers={"Content-Type": "application/zip"},
        )
        if made is not None:
            self.datasets.add(made)
        self._uploaded = time.monotonic()
        return made

    def _insist(self, http: httpx.Client, path: str, **request: object) -> str | None:
        """The id of what was made; None if it was refused for good."""
        while self.refusal is None:
            try:
                answer = http.post(path, **request)
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.is_success:
                    return str(answer.json()["id"])
                if answer.is_client_error:
                    self.refusal = f"{path}: {answer.text}"
            time.sleep(PAUSE)
        return None

    def _look(self, http: httpx.Client) -> None:
        """Forget the jobs that have ended."""
        for job in list(self._open):
            try:
                answer = http.get(f"/v1/jobs/{job}")
            except httpx.TransportError:
                return
            if answer.is_success and answer.json()["terminal"]:
                self._open.discard(job)
