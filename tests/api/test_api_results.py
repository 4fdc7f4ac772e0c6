"""Results over HTTP: labels in three formats, files with ETag, ranges and HEAD."""

import csv
import hashlib
import io
from typing import Any

import numpy as np
import pytest
from api_service import Service, put_file

from jobs.records import Dataset
from s2convscn import ApiProblem, Client
from worker.trainer.files import MEDIA_TYPES

WHOLE = bytes(range(256)) * 2000
NAMES = ["a/0.png", "b/1.png", "a/2.png", "=b/3.png"]


def test_labels_as_json_under_the_images_own_names(service: Service, finished: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/labels")
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["job_id"] == finished
    assert body["n_clusters"] == 2
    assert [row["name"] for row in body["labels"]] == NAMES
    assert [row["label"] for row in body["labels"]] == [0, 1, 0, 1]
    assert [row["confidence"] for row in body["labels"]] == [0.5, 1, 0.25, 1]


def test_labels_as_csv_run_no_formula(service: Service, finished: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/labels", headers={"accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{finished}-labels.csv"' in answer.headers["content-disposition"]
    assert [row["name"] for row in rows] == [*NAMES[:3], "'=b/3.png"]
    assert rows[2] == {"name": "a/2.png", "label": "0", "confidence": "0.25"}


def test_labels_as_npy(service: Service, finished: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/labels", params={"format": "npy"})
    labels = np.load(io.BytesIO(answer.content))
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 0, 1]


def test_labels_of_the_head_have_no_confidence(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/labels"
    head = service.http.get(path, params={"by": "head"}).json()["labels"]
    assert [row["label"] for row in head] == [1, 1, 0, 0]
    assert {row["confidence"] for row in head} == {None}
    spectral = service.http.get(path, params={"by": "spectral"})
    assert spectral.json() == service.http.get(path).json()
    as_csv = service.http.get(path, params={"by": "head", "format": "csv"})
    assert as_csv.text.splitlines()[1] == "a/0.png,1,"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/html;q=0.9, text/csv;q=0.5, application/json;q=0.2", "text/csv"),
        ("application/json;q=0, text/*", "text/csv"),
        ("application/x-npy", "application/x-npy"),
        ("text/csv;q=oops, */*;q=0.1", "application/json"),
    ],
)
def test_labels_by_accept(service: Service, finished: str, accept: str, media_type: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/labels", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(media_type)


def test_labels_refused(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/labels"
    answer = service.http.get(path, headers={"accept": "image/png"})
    problem = service.problem(answer, 406, "not-acceptable")
    assert "text/csv" in problem["offered"]
    answer = service.http.get(path, params={"format": "xml"})
    service.problem(answer, 422, "invalid-request")
    answer = service.http.get(path, params={"by": "dice"})
    service.problem(answer, 422, "invalid-request")


def test_labels_after_the_data_set_was_deleted(
    service: Service, dataset: Dataset, finished: str
) -> None:
    assert service.http.delete(f"/v1/datasets/{dataset.id}").status_code == 200
    rows = service.http.get(f"/v1/jobs/{finished}/labels").json()["labels"]
    assert [row["name"] for row in rows] == NAMES


def detail_without(service: Service, key: str, path: str) -> str:
    """What the answer at a path says once a file of it was deleted."""
    service.context.artifacts.remove(key)
    detail: str = service.problem(service.http.get(path), 410, "gone")["detail"]
    return detail


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("labels", "labels.npy"),
        ("labels", "names.json"),
        ("labels?by=head", "labels-head.npy"),
        ("spectrum", "spectrum.json"),
        ("artifacts/report.json", "report.json"),
    ],
)
def test_a_file_that_is_deleted_meanwhile_is_gone(
    service: Service, finished: str, path: str, name: str
) -> None:
    detail = detail_without(service, f"jobs/{finished}/1/{name}", f"/v1/jobs/{finished}/{path}")
    assert detail == f"The file {name!r} has been deleted."


@pytest.mark.parametrize(
    ("path", "name"),
    [("images", "index.json"), ("images/0", "index.json"), ("images/0", "pixels.npy")],
)
def test_a_data_set_that_is_deleted_meanwhile_is_gone(
    service: Service, dataset: Dataset, path: str, name: str
) -> None:
    own = f"datasets/{dataset.id}"
    detail = detail_without(service, f"{own}/{name}", f"/v1/{own}/{path}")
    assert detail == f"The data set {dataset.id!r} has been deleted."


def test_nothing_before_success_but_checkpoints(
    service: Service, submitted: dict[str, Any]
) -> None:
    path = f"/v1/jobs/{submitted['id']}"
    for suffix in ("/labels", "/affinity", "/artifacts", "/artifacts/report.json"):
        problem = service.problem(service.http.get(path + suffix), 409, "not-ready")
        assert problem["job_status"] == "queued"
    assert service.http.get(f"{path}/checkpoints").json() == {"items": []}
    attempt = service.context.store.attempts.claim(submitted["id"], "w").attempt
    name = "checkpoint-000001.safetensors"
    record = put_file(service.context, submitted["id"], name, "checkpoint", b"state")
    service.context.store.attempts.save_checkpoint(submitted["id"], attempt, [record])
    (item,) = service.http.get(f"{path}/checkpoints").json()["items"]
    assert item["name"] == name
    assert service.http.get(item["links"]["self"]).content == b"state"
    service.http.post(f"{path}/cancel")
    problem = service.problem(service.http.get(f"{path}/labels"), 409, "not-ready")
    assert problem["detail"] == "The job is cancelling. It will have no results."
    service.context.store.attempts.cancelled(submitted["id"], attempt)
    problem = service.problem(service.http.get(f"{path}/labels"), 409, "not-ready")
    assert problem["detail"] == "The job is cancelled. It has no results: it can be resumed."


def test_artifacts_are_of_the_documented_types(service: Service, finished: str) -> None:
    document = service.http.get("/v1/openapi.json").json()
    operation = document["paths"]["/v1/jobs/{job_id}/artifacts/{name}"]["get"]
    documented = set(operation["responses"]["200"]["content"])
    assert set(MEDIA_TYPES.values()) <= documented


def test_artifacts_are_listed_with_their_digests(service: Service, finished: str) -> None:
    items = service.http.get(f"/v1/jobs/{finished}/artifacts").json()["items"]
    assert len(items) == 11
    for item in items:
        data = service.http.get(item["links"]["self"]).content
        assert len(data) == item["bytes"]
        assert hashlib.sha256(data).hexdigest() == item["sha256"]
    answer = service.http.get(f"/v1/jobs/{finished}/artifacts/none.bin")
    assert "report.json" in service.problem(answer, 404, "not-found")["detail"]
    answer = service.http.get(f"/v1/jobs/{finished}/checkpoints/report.json")
    service.problem(answer, 404, "not-found")
    for name in ("..%2F..%2Fx", "a%00b"):
        answer = service.http.get(f"/v1/jobs/{finished}/artifacts/{name}")
        assert answer.status_code in {404, 422}


def test_affinity_by_kind_and_format(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/affinity"
    assert service.http.get(path).content == WHOLE
    sparse = service.http.get(path, params={"kind": "plain", "format": "sparse"})
    assert sparse.content == b"plain sparse"
    missing = service.http.get(path, params={"kind": "plain"})
    service.problem(missing, 404, "not-found")
    service.problem(service.http.get(path, params={"kind": "x"}), 422, "invalid-request")


def test_a_job_with_landmarks_says_that_its_affinity_is_sparse_alone(
    service: Service, submitted: dict[str, Any]
) -> None:
    job_id, store = submitted["id"], service.context.store
    claim = store.attempts.claim(job_id, "worker@test")
    assert claim is not None
    record = put_file(service.context, job_id, "affinity-processed-topk.npz", "affinity", b"few")
    store.attempts.succeed(job_id, claim.attempt, {"landmarks": 2}, [], [record])
    path = f"/v1/jobs/{job_id}/affinity"
    assert service.http.get(path).content == b"few"
    problem = service.problem(service.http.get(f"{path}?format=dense"), 404, "not-found")
    assert "take 'affinity-processed-topk.npz'" in problem["detail"]
    with (
        Client(str(service.http.base_url)) as client,
        pytest.raises(ApiProblem, match=r"take 'affinity-processed-topk\.npz'"),
    ):
        client.jobs.get(job_id).affinity()


def test_head_is_get_without_a_body(service: Service, finished: str) -> None:
    for suffix in ("affinity", "labels", "artifacts/report.json", "checkpoints/model.safetensors"):
        path = f"/v1/jobs/{finished}/{suffix}"
        head, get = service.http.head(path), service.http.get(path)
        assert head.content == b""
        names = ("content-length", "content-type", "etag", "content-disposition", "accept-ranges")
        assert [head.headers[n] for n in names] == [get.headers[n] for n in names]


def test_etag_is_the_digest_and_saves_a_download(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/affinity"
    etag = service.http.get(path).headers["etag"]
    assert etag == f'"{hashlib.sha256(WHOLE).hexdigest()}"'
    for condition in (etag, f'"other", W/{etag}', "*"):
        answer = service.http.get(path, headers={"if-none-match": condition})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert service.http.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=300-299999", 300, 300_000),
        ("bytes=511999-", 511_999, 512_000),
        ("bytes=100-9999999", 100, 512_000),
        ("bytes=-12", 511_988, 512_000),
        ("bytes=-9999999", 0, 512_000),
    ],
)
def test_one_range(service: Service, finished: str, asked: str, start: int, end: int) -> None:
    path = f"/v1/jobs/{finished}/affinity"
    for method in ("GET", "HEAD"):
        answer = service.http.request(method, path, headers={"range": asked})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/512000"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.content == (WHOLE[start:end] if method == "GET" else b"")


@pytest.mark.parametrize("asked", ["bytes=512000-", "bytes=999999-9999999", "bytes=-0"])
def test_a_range_outside_the_file(service: Service, finished: str, asked: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/affinity", headers={"range": asked})
    service.problem(answer, 416, "range-not-satisfiable")
    assert answer.headers["content-range"] == "bytes */512000"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=" + "9" * 5000 + "-"]
)
def test_ranges_that_are_ignored(service: Service, finished: str, asked: str) -> None:
    answer = service.http.get(f"/v1/jobs/{finished}/affinity", headers={"range": asked})
    assert (answer.status_code, len(answer.content)) == (200, 512_000)


def test_if_range_takes_a_part_of_the_same_file_alone(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/affinity"
    etag = service.http.get(path).headers["etag"]
    same = service.http.get(path, headers={"range": "bytes=0-9", "if-range": etag})
    assert same.status_code == 206
    for tag in ('"other"', f"W/{etag}", "Mon, 23 Nov 2026 21:00:00 GMT"):
        other = service.http.get(path, headers={"range": "bytes=0-9", "if-range": tag})
        assert (other.status_code, len(other.content)) == (200, 512_000)


def test_ranges_of_labels(service: Service, finished: str) -> None:
    path = f"/v1/jobs/{finished}/labels?format=csv"
    answer = service.http.get(path, headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.text) == (206, "name")
