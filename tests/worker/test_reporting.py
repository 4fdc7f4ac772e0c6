import pytest

from worker.reporting import _request


@pytest.mark.parametrize(("asked", "used"), [("auto", 4000), (500, 500), ("auto", None)])
def test_a_job_is_repeated_with_the_landmarks_that_it_had(asked: object, used: int | None) -> None:
    """With as many clusters as were chosen, ``auto`` would be another number."""
    report = {
        "request": {"n_clusters": "auto", "method": "lsr", "landmarks": asked},
        "dataset": {"id": "ds_1"},
        "n_clusters": 7,
        "landmarks": used,
        "method": {"method": "lsr"},
        "seed": 3,
    }
    assert _request(report).get("landmarks") == used
