from collections.abc import Iterator
from pathlib import Path

import pytest
from api_service import Service, add_dataset, broker_running, finish, serving

from jobs.records import Dataset
from jobs.settings import Settings


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def service(data_dir: Path) -> Iterator[Service]:
    """An API with a broker, shared by a file's tests."""
    with broker_running(data_dir), serving(Settings(data_dir=data_dir)) as running:
        yield running


@pytest.fixture
def dataset(service: Service) -> Dataset:
    return add_dataset(service.context, ["a/0.png", "b/1.png", "a/2.png", "=b/3.png"])


@pytest.fixture
def submitted(service: Service, dataset: Dataset) -> dict:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    answer = service.http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


@pytest.fixture
def finished(service: Service, submitted: dict) -> str:
    finish(service.context, submitted["id"])
    return submitted["id"]
