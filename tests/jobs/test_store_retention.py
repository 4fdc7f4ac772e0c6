"""What is old enough to be deleted, and what still has a use."""

from collections.abc import Callable

from manual_clock import Time
from store_rows import add_dataset

from jobs.records import Job
from jobs.store import Store
from jobs.store.idempotency import Once

DAY = 86400.0
Submit = Callable[..., Job]


def test_jobs_are_old_by_their_end(store: Store, submit: Submit, clock: Time) -> None:
    queued, running, first, second = (submit() for _ in range(4))
    store.attempts.claim(running.id, "w")
    store.jobs.cancel(first.id, "local")
    clock.now += DAY
    store.jobs.cancel(second.id, "local")
    clock.now += DAY / 2
    assert [job.id for job in store.jobs.ended(DAY)] == [first.id]
    assert [job.id for job in store.jobs.ended(0.1 * DAY)] == [first.id, second.id]
    store.jobs.delete(first.id, "local")
    assert store.jobs.ended(DAY) == []
    assert {queued.id, running.id} <= store.jobs.live_ids()


def test_a_data_set_is_old_when_no_job_uses_it(
    store: Store, dataset: str, submit: Submit, clock: Time
) -> None:
    job = submit()
    idle = add_dataset(store, "b" * 64)
    clock.now += 2 * DAY
    young = add_dataset(store, "c" * 64)
    assert [found.id for found in store.datasets.unused(DAY)] == [idle]
    store.jobs.cancel(job.id, "local")
    assert dataset not in {found.id for found in store.datasets.unused(DAY)}
    store.jobs.delete(job.id, "local")
    assert {found.id for found in store.datasets.unused(DAY)} == {dataset, idle}
    store.datasets.delete(idle, "local")
    assert [found.id for found in store.datasets.unused(DAY)] == [dataset]
    assert young in store.datasets.live_ids()


def made(store: Store, once: Once) -> tuple[str, bool]:
    return store.idempotency_keys.made(once, lambda: "new", lambda found: found)


def test_keys_of_requests_are_forgotten_with_what_they_made(
    store: Store, submit: Submit, clock: Time
) -> None:
    once = Once("local", "key", "digest")
    job = submit(once=once)
    assert made(store, once) == (job.id, False)
    clock.now += 2 * DAY
    store.idempotency_keys.forget(DAY)
    assert made(store, once) == (job.id, False), "its job is there"
    store.jobs.cancel(job.id, "local")
    store.jobs.delete(job.id, "local")
    store.idempotency_keys.forget(3 * DAY)
    assert made(store, once) == (job.id, False), "it is young"
    store.idempotency_keys.forget(DAY)
    assert made(store, once) == ("new", True)


def test_keys_of_comparisons_are_kept_with_them(store: Store, dataset: str, clock: Time) -> None:
    once = Once("local", "key", "digest")
    wish = {"owner": "local", "request": {}, "method": {"method": "lsr"}}
    comparison, jobs = store.comparisons.submit(
        dataset_id=dataset,
        wishes={0: wish | {"metadata": {}, "notices": []}},
        once=once,
        owner="local",
        name="",
        request={},
        metadata={},
        notices=[],
    )
    clock.now += 2 * DAY
    store.jobs.cancel(jobs[0].id, "local")
    store.idempotency_keys.forget(DAY)
    assert made(store, once) == (comparison.id, False)
    store.comparisons.delete(comparison.id, "local")
    store.idempotency_keys.forget(DAY)
    assert made(store, once) == ("new", True)
