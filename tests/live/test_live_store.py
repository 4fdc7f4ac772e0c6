"""The whole service with its artifacts in a bucket, on a real S3 server that goes and comes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_images import subspaces, write_zip
from live_results import Results
from live_service import Service, running, wait_until
from object_store import ObjectStore
from object_store import running as objects

from s2convscn.answers import Dataset
from s2convscn.errors import ApiProblem

BUCKET = "artifacts"
METHOD = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
    "epochs": 200,
    "round_epochs": 10,
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    for store in objects(tmp_path_factory.mktemp("objects")):
        store.bucket(BUCKET)
        yield store


@pytest.fixture(scope="module")
def service(bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("live"), bucket.environment(BUCKET)) as service:
        yield service


@pytest.fixture(scope="module")
def dataset(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    archive = write_zip(tmp_path_factory.mktemp("upload") / "set.zip", *subspaces(clusters=3))
    return service.client.upload(archive, truth="folders")


def keys(bucket: ObjectStore, prefix: str = "") -> list[str]:
    found = bucket.client().list_objects_v2(Bucket=BUCKET, Prefix=f"a/prefix/{prefix}")
    return [item["Key"].removeprefix("a/prefix/") for item in found.get("Contents", ())]


def submit(service: Service, dataset: Dataset, **more: Any) -> str:
    return service.client.submit(dataset["id"], 3, method=METHOD | more, seed=5)["id"]


def test_everything_goes_through_the_bucket(
    service: Service, bucket: ObjectStore, dataset: Dataset, tmp_path: Path
) -> None:
    job_id = submit(service, dataset)
    service.finish(job_id)
    results = Results(service, job_id, tmp_path)
    assert set(results.labels().values()) == {0, 1, 2}
    results.affinity(dataset["n_images"])
    assert not (service.data_dir / "artifacts").exists()
    assert f"datasets/{dataset['id']}/pixels.npy" in keys(bucket)
    names = [file["name"] for file in service.client.artifacts(job_id)]
    assert sorted(key.split("/")[-1] for key in keys(bucket, f"jobs/{job_id}/")) == sorted(names)

    path = f"/v1/jobs/{job_id}/affinity"
    whole = service.http.get(path).content
    part = service.http.get(path, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, whole[100:300])
    assert service.http.get(f"/v1/datasets/{dataset['id']}/images/1").status_code == 200

    predicted = service.client.submit_prediction(job_id, dataset["id"])
    service.finish(predicted["id"])
    again = Results(service, predicted["id"], tmp_path).labels()
    head = np.load(
        service.client.download(f"{path[:-9]}/artifacts/labels-head.npy", tmp_path / "h")
    )
    assert list(again.values()) == head.tolist()

    for one in (predicted["id"], job_id):
        service.client.delete_job(one)
    assert keys(bucket, "jobs/") == []


@pytest.mark.chaos
def test_a_killed_trainer_goes_on_from_the_bucket(
    service: Service, bucket: ObjectStore, dataset: Dataset
) -> None:
    undisturbed, disturbed = (submit(service, dataset, epochs=400) for _ in range(2))
    service.finish(undisturbed)
    service.until_training(disturbed, 20)
    assert any("checkpoint" in key for key in keys(bucket, f"jobs/{disturbed}/"))
    os.kill(service.pid("trainer"), signal.SIGKILL)
    service.finish(disturbed)
    assert "requeued" in service.events(disturbed)
    assert service.digests(disturbed) == service.digests(undisturbed)


@pytest.mark.chaos
def test_while_the_bucket_is_away_nothing_is_lost(
    service: Service, bucket: ObjectStore, dataset: Dataset, tmp_path: Path
) -> None:
    job_id = submit(service, dataset, epochs=800)
    service.until_training(job_id, 5)
    bucket.stop()
    try:
        ready = service.http.get("/readyz")
        assert ready.status_code == 503
        assert "does not answer" in ready.text
        archive = write_zip(tmp_path / "other.zip", *subspaces(clusters=2))
        with pytest.raises(ApiProblem, match="does not answer") as refused:
            service.client.upload(archive)
        assert refused.value.status == 503
        assert service.client.job(job_id)["status"] == "running"
    finally:
        bucket.start()
    service.finish(job_id)
    wait_until(lambda: service.http.get("/readyz").is_success)
    made = service.client.upload(archive)
    assert [key for key in keys(bucket, "datasets/") if made["id"] in key]
    live = {dataset["id"], made["id"]}
    assert {key.split("/")[1] for key in keys(bucket, "datasets/")} == live


@pytest.mark.parametrize("package", ["app", "worker"])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("S2CONVSCN_ARTIFACTS_URL", "s3://nowhere", "There is no bucket 'nowhere'"),
        ("S2CONVSCN_S3_ACCESS_KEY_ID", "nobody", "S2CONVSCN_S3_SECRET_KEY_FILE"),
        ("S2CONVSCN_ARTIFACTS_URL", "http://bucket", "must be s3://bucket"),
        ("S2CONVSCN_S3_SECRET_KEY_FILE", "/nowhere/secret", "cannot be read"),
    ],
)
def test_a_wrong_bucket_ends_the_start(
    bucket: ObjectStore, tmp_path: Path, package: str, name: str, value: str, said: str
) -> None:
    settings = bucket.environment(BUCKET) | {name: value, "S2CONVSCN_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", package]
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
