from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from interleaved import meanwhile
from manual_clock import Time
from sqlalchemy.exc import IntegrityError

from jobs import errors
from jobs.records import Comparison, Job
from jobs.states import Status, overall
from jobs.store import Store
from jobs.store.comparisons import Places

FIELDS = {
    "owner": "local",
    "name": "Two ways",
    "request": {"n_clusters": 2, "methods": [{"method": "a"}, {"method": "b"}], "seeds": [0, 1]},
    "metadata": {},
    "notices": [],
}


def wish(method: str, seed: int, **changes: Any) -> dict[str, Any]:
    return {
        "owner": "local",
        "request": {"n_clusters": 2, "seed": seed},
        "method": {"method": method},
        "metadata": {},
        "notices": [],
        "max_seconds": None,
    } | changes


def compare(store: Store, dataset: str, **changes: Any) -> tuple[Comparison, Places]:
    wishes = {0: wish("a", 0), 2: wish("b", 0), 1: wish("a", 1), 3: wish("b", 1)}
    return store.comparisons.submit(dataset_id=dataset, wishes=wishes, **FIELDS | changes)


def places(store: Store, comparison: Comparison) -> Places:
    return store.comparisons.places([comparison.id])[comparison.id]


def resume(store: Store, job: Job) -> Job:
    return store.jobs.submit(
        owner="local",
        dataset_id=job.dataset_id,
        request=job.request,
        method=job.method,
        resumed_from=job.id,
    )


def test_jobs_are_stored_with_their_comparison(store: Store, dataset: str) -> None:
    made, jobs = compare(store, dataset)
    assert store.comparisons.get(made.id, "local") == made
    assert places(store, made) == jobs
    assert list(jobs) == [0, 2, 1, 3]
    in_order = [job.id for job in jobs.values()]
    assert in_order == sorted(in_order), "the queue is shown by id"
    assert [(j.method["method"], j.request["seed"]) for _, j in sorted(jobs.items())] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    ]
    assert [event.kind for event in store.events.of(jobs[3].id)] == ["submitted"]
    assert store.attempts.unsent(-1) == in_order
    assert {job.id for job in store.jobs.page("local", 9)} == set(in_order)


def test_all_or_none_is_stored(store: Store, dataset: str) -> None:
    wishes = {0: wish("a", 0), 1: wish("b", 0, owner=None)}
    with pytest.raises(IntegrityError):
        store.comparisons.submit(dataset_id=dataset, wishes=wishes, **FIELDS)
    with pytest.raises(IntegrityError):
        compare(store, dataset, name=None)
    store.datasets.delete(dataset, "local")
    with pytest.raises(errors.Gone):
        compare(store, dataset)
    assert store.jobs.page("local", 9) == []
    assert store.comparisons.page("local", 9) == []


def test_pages_go_from_new_to_old(store: Store, dataset: str) -> None:
    ids = [compare(store, dataset)[0].id for _ in range(3)]
    newest_first = sorted(ids, reverse=True)
    page = [found.id for found in store.comparisons.page("local", 2)]
    assert page == newest_first[:2]
    rest = store.comparisons.page("local", 2, after=page[-1])
    assert [found.id for found in rest] == newest_first[2:]
    assert store.comparisons.places([]) == {}
    assert {i: len(found) for i, found in store.comparisons.places(ids).items()} == dict.fromkeys(
        ids, 4
    )


def test_another_owners_comparisons_do_not_exist(store: Store, dataset: str) -> None:
    made, _ = compare(store, dataset)
    assert store.comparisons.page("somebody", 9) == []
    for verb in (store.comparisons.get, store.comparisons.delete):
        with pytest.raises(errors.NotFound):
            verb(made.id, "somebody")


def test_the_newest_job_of_a_place_counts(
    store: Store, dataset: str, submit: Callable[..., Job]
) -> None:
    made, jobs = compare(store, dataset)
    store.jobs.cancel(jobs[1].id, "local")
    first, second = resume(store, jobs[1]), resume(store, jobs[1])
    newest, older = sorted((first, second), key=lambda job: job.id, reverse=True)
    assert places(store, made)[1].id == newest.id
    in_order = sorted([jobs[0].id, jobs[2].id, jobs[3].id, newest.id, older.id])
    assert store.comparisons.unfinished(made.id) == in_order
    store.attempts.claim(in_order[0], "w")
    assert store.comparisons.unfinished(made.id) == [*in_order[1:], in_order[0]]
    store.jobs.cancel(newest.id, "local")
    store.jobs.delete(newest.id, "local")
    assert places(store, made)[1].id == older.id
    stranger = submit()
    resume(store, stranger)
    assert len(places(store, made)) == 4


def test_a_place_whose_jobs_are_deleted_is_empty(store: Store, dataset: str) -> None:
    made, jobs = compare(store, dataset)
    store.jobs.cancel(jobs[2].id, "local")
    store.jobs.delete(jobs[2].id, "local")
    assert set(places(store, made)) == {0, 1, 3}


def test_a_comparison_is_deleted_with_all_its_jobs(store: Store, dataset: str) -> None:
    made, jobs = compare(store, dataset)
    other, kept = compare(store, dataset)
    with pytest.raises(errors.Conflict, match="4 of its jobs are not finished"):
        store.comparisons.delete(made.id, "local")
    for job in jobs.values():
        store.jobs.cancel(job.id, "local")
    again = resume(store, jobs[0])
    with pytest.raises(errors.Conflict, match="1 of its jobs"):
        store.comparisons.delete(made.id, "local")
    store.jobs.cancel(again.id, "local")
    gone = store.comparisons.delete(made.id, "local")
    assert sorted(gone) == sorted([*(job.id for job in jobs.values()), again.id])
    for job_id in gone:
        with pytest.raises(errors.Gone):
            store.jobs.get(job_id, "local")
    for verb in (store.comparisons.get, store.comparisons.delete):
        with pytest.raises(errors.Gone):
            verb(made.id, "local")
    assert [found.id for found in store.comparisons.page("local", 9)] == [other.id]
    assert store.jobs.live_ids() == {job.id for job in kept.values()}


def test_no_job_joins_while_its_comparison_is_deleted(store: Store, dataset: str) -> None:
    made, jobs = compare(store, dataset)
    for job in jobs.values():
        store.jobs.cancel(job.id, "local")
    with meanwhile(store, "UPDATE jobs", partial(resume, store, jobs[0])) as begun:
        assert len(store.comparisons.delete(made.id, "local")) == 4
    with pytest.raises(errors.Gone):
        begun[0].result()
    assert store.jobs.live_ids() == set()


def test_no_comparison_is_deleted_while_a_job_joins(store: Store, dataset: str) -> None:
    made, jobs = compare(store, dataset)
    for job in jobs.values():
        store.jobs.cancel(job.id, "local")
    delete = partial(store.comparisons.delete, made.id, "local")
    with meanwhile(store, "INSERT INTO jobs", delete) as begun:
        again = resume(store, jobs[0])
    with pytest.raises(errors.Conflict, match="1 of its jobs"):
        begun[0].result()
    assert places(store, made)[0].id == again.id


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("queued queued", "queued"),
        ("queued succeeded", "running"),
        ("queued cancelling", "running"),
        ("running failed", "running"),
        ("cancelling cancelled succeeded", "cancelling"),
        ("succeeded failed cancelled", "succeeded"),
        ("failed cancelled", "failed"),
        ("cancelled cancelled", "cancelled"),
        ("", "cancelled"),
    ],
)
def test_the_state_of_several_jobs(states: str, expected: str) -> None:
    assert overall([Status(state) for state in states.split()]) == expected


def test_a_comparison_is_old_when_all_its_jobs_are_deleted(
    store: Store, dataset: str, clock: Time
) -> None:
    made, jobs = compare(store, dataset)
    clock.now += 100
    young, _ = compare(store, dataset)
    for job in jobs.values():
        assert store.comparisons.empty(50) == []
        store.jobs.cancel(job.id, "local")
        store.jobs.delete(job.id, "local")
    assert [found.id for found in store.comparisons.empty(50)] == [made.id]
    store.comparisons.delete(made.id, "local")
    assert store.comparisons.empty(50) == []
    assert store.comparisons.get(young.id, "local")
