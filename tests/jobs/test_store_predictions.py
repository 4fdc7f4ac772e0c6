"""Jobs that predict with another's model: what they are given, and what they hold."""

from collections.abc import Callable

import pytest
from manual_clock import Time
from store_rows import artifact

from jobs import errors
from jobs.records import Job
from jobs.states import Status
from jobs.store import Store

Submit = Callable[..., Job]


@pytest.fixture
def trained(store: Store, submit: Submit) -> Job:
    job = submit()
    assert store.attempts.claim(job.id, "w")
    files = [
        artifact(name, job.id, kind="checkpoint") for name in ("model.json", "model.safetensors")
    ]
    assert store.attempts.succeed(job.id, 1, {}, [], files)
    return store.jobs.get(job.id, "local")


def test_a_prediction_is_claimed_with_the_model(store: Store, submit: Submit, trained: Job) -> None:
    job = submit(predicts=trained.id)
    assert store.jobs.get(job.id, "local").predicts == trained.id
    claim = store.attempts.claim(job.id, "w")
    assert claim is not None
    assert sorted(file.key for file in claim.model) == [
        f"jobs/{trained.id}/1/model.json",
        f"jobs/{trained.id}/1/model.safetensors",
    ]
    assert claim.checkpoint == []
    other = store.attempts.claim(submit().id, "w")
    assert other is not None
    assert other.model == []


def test_a_model_is_kept_while_it_is_needed(store: Store, submit: Submit, trained: Job) -> None:
    job = submit(predicts=trained.id)
    with pytest.raises(errors.JobInUse, match="1 unfinished job"):
        store.jobs.delete(trained.id, "local")
    assert store.attempts.claim(job.id, "w")
    with pytest.raises(errors.JobInUse):
        store.jobs.delete(trained.id, "local")
    assert store.attempts.succeed(job.id, 1, {}, [], [])
    store.jobs.delete(trained.id, "local")
    assert store.jobs.get(job.id, "local").status is Status.SUCCEEDED


def test_a_comparison_is_kept_while_its_models_are_needed(
    store: Store, submit: Submit, dataset: str
) -> None:
    wish = {"owner": "local", "request": {}, "method": {"method": "s2convscn"}}
    wish |= {"metadata": {}, "notices": []}
    comparison, places = store.comparisons.submit(
        dataset_id=dataset,
        wishes={0: wish},
        owner="local",
        name="",
        request={},
        metadata={},
        notices=[],
    )
    assert store.attempts.claim(places[0].id, "w")
    assert store.attempts.succeed(places[0].id, 1, {}, [], [])
    job = submit(predicts=places[0].id)
    with pytest.raises(errors.JobInUse):
        store.comparisons.delete(comparison.id, "local")
    store.jobs.cancel(job.id, "local")
    assert store.comparisons.delete(comparison.id, "local") == [places[0].id]


def test_nothing_is_predicted_with_a_deleted_model(
    store: Store, submit: Submit, trained: Job
) -> None:
    store.jobs.delete(trained.id, "local")
    with pytest.raises(errors.Gone):
        submit(predicts=trained.id)
    assert [job.id for job in store.jobs.page("local", 10)] == []


def test_predictions_are_listed_by_their_model(
    store: Store, submit: Submit, trained: Job, clock: Time
) -> None:
    made = []
    for _ in range(3):
        clock.now += 1
        made.append(submit(predicts=trained.id).id)
    found = store.jobs.page("local", 2, predicts=trained.id)
    assert [job.id for job in found] == made[:0:-1]
    rest = store.jobs.page("local", 2, predicts=trained.id, after=found[-1].id)
    assert [job.id for job in rest] == made[:1]


def test_a_worker_tells_what_it_was_left(store: Store, submit: Submit) -> None:
    job = submit()
    assert store.attempts.claim(job.id, "w")
    used = {"method": "s2convscn", "epochs": 7}
    assert store.attempts.succeed(job.id, 1, {}, [], [], used)
    assert store.jobs.get(job.id, "local").method == used
