"""The log of a job: how much of its progress is kept, and what is new to those who follow it."""

from collections.abc import Callable

from manual_clock import Time

from jobs.records import Job, Progress
from jobs.states import Happening, Phase
from jobs.store import Store
from jobs.store.events import SECONDS, STEP

Submit = Callable[..., Job]


def at(fraction: float, phase: Phase = Phase.TRAINING, epoch: int = 1) -> Progress:
    return Progress(phase=phase, fraction=fraction, epoch=epoch, epochs=9, losses={"L0": 0.5})


def fractions(store: Store, job: Job) -> list[float]:
    found = store.events.of(job.id, kinds=[Happening.PROGRESS])
    return [event.data["fraction"] for event in found]


def test_progress_is_logged_by_steps(store: Store, submit: Submit, clock: Time) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    for fraction in (0.5, 0.5, 0.5 + STEP / 2, 0.5 + 1.5 * STEP, 0.5 + 2 * STEP):
        clock.now += 0.1
        store.attempts.heartbeat(job.id, 1, at(fraction))
    assert fractions(store, job) == [0.5, 0.5 + 1.5 * STEP]
    store.attempts.heartbeat(job.id, 1, None)
    assert len(fractions(store, job)) == 2


def test_a_new_phase_or_a_long_time_is_logged_at_once(
    store: Store, submit: Submit, clock: Time
) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    store.attempts.heartbeat(job.id, 1, at(0.5))
    store.attempts.heartbeat(job.id, 1, at(0.5, Phase.CLUSTERING))
    clock.now += SECONDS
    store.attempts.heartbeat(job.id, 1, at(0.5, Phase.CLUSTERING))
    assert len(fractions(store, job)) == 2, "nothing has happened"
    store.attempts.heartbeat(job.id, 1, at(0.5, Phase.CLUSTERING, epoch=2))
    assert len(fractions(store, job)) == 3


def test_an_attempt_begins_where_its_checkpoint_is(store: Store, submit: Submit) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    store.attempts.heartbeat(job.id, 1, at(0.5))
    store.attempts.release(job.id, 1, "shut down")
    store.attempts.claim(job.id, "w")
    store.attempts.heartbeat(job.id, 2, at(0.4))
    assert fractions(store, job) == [0.5, 0.4]
    kinds = [event.kind for event in store.events.of(job.id)]
    assert kinds == ["submitted", "claimed", "progress", "requeued", "claimed", "progress"]


def test_a_late_attempt_logs_nothing(store: Store, submit: Submit) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    store.attempts.release(job.id, 1, "shut down")
    before = store.events.of(job.id)
    store.attempts.heartbeat(job.id, 1, at(0.5))
    assert store.events.of(job.id) == before


def test_news_is_what_came_after_what_was_seen(store: Store, submit: Submit) -> None:
    first, second, other = submit(), submit(), submit()
    seen = {job.id: store.events.of(job.id)[-1].id for job in (first, second)}
    assert store.events.news(seen) == ([], [])
    assert store.events.news({}) == ([], [])
    store.attempts.claim(first.id, "w")
    store.attempts.claim(other.id, "w")
    store.attempts.heartbeat(first.id, 1, at(0.5))
    store.jobs.cancel(second.id, "local")
    told = [(event.job_id, event.kind) for event in store.events.news(seen).events]
    assert sorted(told) == sorted(
        [(first.id, "claimed"), (first.id, "progress"), (second.id, "cancelled")]
    )
    ids = [event.id for event in store.events.news(seen).events if event.job_id == first.id]
    assert ids == sorted(ids)
    assert [e.kind for e in store.events.news({first.id: ids[0]}).events] == ["progress"]


def test_the_log_goes_with_its_job(store: Store, submit: Submit) -> None:
    job, other = submit(), submit()
    store.jobs.cancel(job.id, "local")
    store.jobs.delete(job.id, "local")
    assert store.events.of(job.id) == []
    assert store.events.of(other.id) != []
    assert store.events.news({job.id: 0}) == ([], [job.id])
