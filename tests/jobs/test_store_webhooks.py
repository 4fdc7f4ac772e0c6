"""The outbox: what becomes due, who takes it, and what is noted of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from manual_clock import Time

from jobs import errors
from jobs.records import Job
from jobs.store import Store
from jobs.store.webhooks import HOLD_SECONDS, Endpoint

HERE = Endpoint("https://example.org/hook", "whsec_c2VjcmV0")
THERE = Endpoint("https://example.com/hook", "whsec_c2VjcmV0")
LOST = errors.TrainerCrashed("The trainer was killed by SIGKILL.")
Submit = Callable[..., Job]


def state(store: Store, job: Job) -> str:
    return store.webhooks.of([job.id])[job.id].state


def succeed(store: Store, job: Job) -> None:
    store.attempts.claim(job.id, "w")
    assert store.attempts.succeed(job.id, 1, {}, [], [])


def lose(store: Store, job: Job) -> None:
    for attempt in range(1, 4):
        store.attempts.claim(job.id, "w")
        store.attempts.lost(job.id, attempt, LOST)


def stop(store: Store, job: Job) -> None:
    store.attempts.claim(job.id, "w")
    store.jobs.cancel(job.id, "local")
    assert store.attempts.cancelled(job.id, 1)


ENDS: dict[str, Callable[[Store, Job], object]] = {
    "succeeded": succeed,
    "failed": lose,
    "cancelled": stop,
    "cancelled in the queue": lambda store, job: store.jobs.cancel(job.id, "local"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_message_is_due_once_its_job_is_over(store: Store, submit: Submit, end: str) -> None:
    job = submit(webhook=HERE)
    assert state(store, job) == "waiting"
    assert store.webhooks.take() is None
    ENDS[end](store, job)
    message = store.webhooks.take()
    assert message is not None
    assert (message.job.id, message.endpoint, message.attempt) == (job.id, HERE, 1)
    assert message.job.status == end.split(maxsplit=1)[0]


def test_a_requeued_job_is_not_over(store: Store, submit: Submit) -> None:
    job = submit(webhook=HERE)
    store.attempts.claim(job.id, "w")
    store.attempts.lost(job.id, 1, LOST)
    assert store.webhooks.take() is None


def test_a_job_without_one_tells_nobody(store: Store, submit: Submit) -> None:
    job = submit()
    succeed(store, job)
    assert store.webhooks.take() is None
    assert store.webhooks.of([job.id]) == {}


def test_a_message_is_taken_once(store: Store, submit: Submit) -> None:
    jobs = [submit(webhook=HERE) for _ in range(6)]
    for job in jobs:
        succeed(store, job)
    with ThreadPoolExecutor(8) as pool:
        taken = [m for m in pool.map(lambda _: store.webhooks.take(), range(12)) if m]
    assert sorted(m.job.id for m in taken) == sorted(job.id for job in jobs)


def test_one_that_is_never_heard_of_again_is_sent_under_the_same_id(
    store: Store, submit: Submit, clock: Time
) -> None:
    succeed(store, submit(webhook=HERE))
    first = store.webhooks.take()
    assert store.webhooks.take() is None
    clock.now += HOLD_SECONDS
    second = store.webhooks.take()
    assert first is not None
    assert second is not None
    assert (second.id, second.attempt) == (first.id, 2)
    store.webhooks.failed(first, "too late to say", 5)
    assert store.webhooks.take() is None, "the second courier has it still"
    store.webhooks.delivered(second)
    assert state(store, second.job) == "delivered"
    clock.now += HOLD_SECONDS
    assert store.webhooks.take() is None


def test_what_failed_waits_and_so_do_others_at_its_address(
    store: Store, submit: Submit, clock: Time
) -> None:
    first, same, other = submit(webhook=HERE), submit(webhook=HERE), submit(webhook=THERE)
    succeed(store, first)
    clock.now += 1
    succeed(store, same)
    succeed(store, other)
    message = store.webhooks.take()
    assert message is not None
    store.webhooks.failed(message, "no answer", 300)
    shown = store.webhooks.of([first.id])[first.id]
    assert (shown.state, shown.attempts, shown.last_error) == ("pending", 1, "no answer")
    assert shown.next_at == clock.now + 300
    left = store.webhooks.take()
    assert left is not None
    assert left.job.id == other.id
    store.webhooks.delivered(left)
    assert store.webhooks.take() is None
    clock.now += 300
    again = [store.webhooks.take(), store.webhooks.take()]
    assert [m.job.id for m in again if m] == [same.id, first.id], "the least tried comes first"


def test_what_is_given_up_stays_so(store: Store, submit: Submit, clock: Time) -> None:
    job = submit(webhook=HERE)
    succeed(store, job)
    message = store.webhooks.take()
    assert message is not None
    store.webhooks.failed(message, "the answer was 410", None)
    clock.now += 10 * HOLD_SECONDS
    assert store.webhooks.take() is None
    shown = store.webhooks.of([job.id])[job.id]
    assert (shown.state, shown.last_error) == ("given_up", "the answer was 410")


def test_a_deleted_jobs_message_goes_with_it(store: Store, submit: Submit) -> None:
    job = submit(webhook=HERE)
    succeed(store, job)
    store.jobs.delete(job.id, "local")
    assert store.webhooks.take() is None
    assert store.webhooks.endpoint(job.id) is None
