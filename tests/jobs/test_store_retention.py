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


def test_keys_of_requests_are_forgotten(store: Store, submit: Submit, clock: Time) -> None:
    once = Once("local", "key", "digest")
    job = submit(once=once)
    assert store.idempotency_keys.made(once, lambda: "new", lambda found: found) == (job.id, False)
    store.idempotency_keys.forget(DAY)
    clock.now += 2 * DAY
    store.idempotency_keys.forget(DAY)
    assert store.idempotency_keys.made(once, lambda: "new", lambda found: found) == ("new", True)
