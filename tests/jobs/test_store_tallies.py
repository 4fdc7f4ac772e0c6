"""Figures for those who watch: states, waits, endings, on both engines."""

from collections.abc import Callable

from manual_clock import Time

from jobs.errors import OutOfMemory
from jobs.records import Job
from jobs.states import Status
from jobs.store import Store
from jobs.store.tallies import Ending

Submit = Callable[..., Job]


def test_jobs_are_counted_by_state(store: Store, submit: Submit) -> None:
    jobs = [submit() for _ in range(4)]
    assert store.attempts.claim(jobs[0].id, "w")
    assert store.attempts.claim(jobs[1].id, "w")
    assert store.attempts.succeed(jobs[1].id, 1, {}, [], [])
    found = store.tallies.states()
    assert set(found) == set(Status)
    assert {status: n for status, n in found.items() if n} == {
        Status.QUEUED: 2,
        Status.RUNNING: 1,
        Status.SUCCEEDED: 1,
    }
    store.jobs.delete(jobs[1].id, "local")
    assert store.tallies.states()[Status.SUCCEEDED] == 0


def test_the_longest_wait_is_that_of_the_oldest(store: Store, submit: Submit, clock: Time) -> None:
    assert store.tallies.longest_wait() == 0
    first = submit()
    clock.now += 5
    submit()
    clock.now += 2
    assert store.tallies.longest_wait() == 7
    assert store.attempts.claim(first.id, "w")
    assert store.tallies.longest_wait() == 2


def test_endings_are_counted_and_never_forgotten(store: Store, submit: Submit) -> None:
    done, failed, cancelled, other = (submit() for _ in range(4))
    assert store.attempts.claim(done.id, "w")
    assert store.attempts.succeed(done.id, 1, {}, [], [])
    assert store.attempts.claim(failed.id, "w")
    assert store.attempts.fail(failed.id, 1, OutOfMemory("too much"))
    store.jobs.cancel(cancelled.id, "local")
    expected = [
        Ending("s2convscn", "cancelled", "", 1),
        Ending("s2convscn", "failed", "out-of-memory", 1),
        Ending("s2convscn", "succeeded", "", 1),
    ]
    assert sorted(store.tallies.endings()) == expected
    store.jobs.delete(done.id, "local")
    assert sorted(store.tallies.endings()) == expected
    assert store.jobs.get(other.id, "local").status is Status.QUEUED
