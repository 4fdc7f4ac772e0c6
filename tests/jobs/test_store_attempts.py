from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from interleaved import meanwhile
from manual_clock import Time
from store_rows import artifact

from jobs import errors
from jobs.records import Job, Progress
from jobs.states import MOVES, Phase, Status, before
from jobs.store import Store

LOST = errors.TrainerCrashed("The trainer was killed by SIGKILL.")


def status(store: Store, job_id: str) -> Status:
    return store.jobs.get(job_id, "local").status


def kinds(store: Store, job_id: str) -> list[str]:
    return [event.kind for event in store.events.of(job_id)]


def test_a_terminal_state_is_left_by_no_move() -> None:
    assert {s for s in Status if s.terminal} == {
        Status.SUCCEEDED,
        Status.FAILED,
        Status.CANCELLED,
    }
    assert all(not MOVES[s] for s in Status if s.terminal)
    assert before(Status.RUNNING) == [Status.QUEUED]


def test_a_job_is_claimed_once(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    claim = store.attempts.claim(job.id, "w1")
    assert (claim.attempt, claim.job.status, claim.job.worker) == (1, Status.RUNNING, "w1")
    assert claim.dataset.id == job.dataset_id
    assert store.attempts.claim(job.id, "w2") is None
    assert store.attempts.claim("job_unknown", "w2") is None


def test_of_concurrent_claims_one_wins(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda i: store.attempts.claim(job.id, f"w{i}"), range(8)))
    assert len([c for c in claims if c is not None]) == 1
    assert kinds(store, job.id) == ["submitted", "claimed"]


def test_a_heartbeat_renews_the_lease_and_shows_progress(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    clock.now += 15
    progress = Progress(phase=Phase.TRAINING, fraction=0.5, epoch=1, epochs=2, losses={"L0": 0.1})
    assert store.attempts.heartbeat(job.id, 1, progress) is Status.RUNNING
    clock.now += 15
    assert store.attempts.expire() == []
    assert store.attempts.heartbeat(job.id, 1, None) is Status.RUNNING
    assert store.jobs.get(job.id, "local").progress == progress


def test_a_success_publishes_files_and_row_together(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    clock.now += 7
    notices = [{"code": "duplicates", "detail": "2 images are the same."}]
    files = [artifact("labels.npy")]
    assert store.attempts.succeed(job.id, 1, {"n_images": 4}, notices, files)
    done = store.jobs.get(job.id, "local")
    assert (done.status, done.result, done.seconds_used) == (Status.SUCCEEDED, {"n_images": 4}, 7)
    assert done.finished_at == clock.now
    assert done.notices[0].code == "duplicates"
    assert store.jobs.artifacts(job.id) == files


def test_a_late_attempt_changes_nothing(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    store.attempts.claim(job.id, "slow")
    clock.now += 30
    assert store.attempts.expire() == [job.id]
    store.attempts.claim(job.id, "quick")
    attempts = store.attempts
    assert attempts.heartbeat(job.id, 1, None) is None
    assert not attempts.save_checkpoint(job.id, 1, [artifact("c", kind="checkpoint")])
    assert not attempts.succeed(job.id, 1, {}, [], [artifact("labels.npy")])
    assert not attempts.fail(job.id, 1, LOST)
    assert not attempts.cancelled(job.id, 1)
    assert not attempts.release(job.id, 1, "shut down")
    assert not attempts.lost(job.id, 1, LOST)
    assert status(store, job.id) is Status.RUNNING
    assert store.jobs.artifacts(job.id) == []
    assert attempts.succeed(job.id, 2, {}, [], [])
    assert not attempts.succeed(job.id, 1, {"late": 1}, [], [])
    assert store.jobs.get(job.id, "local").result == {}


def test_a_success_that_is_told_twice_is_one(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    files = [artifact("labels.npy")]
    assert store.attempts.succeed(job.id, 1, {"n_images": 4}, [], files)
    assert store.attempts.succeed(job.id, 1, {"again": 1}, [], [])
    assert store.jobs.get(job.id, "local").result == {"n_images": 4}
    assert store.jobs.artifacts(job.id) == files
    assert kinds(store, job.id) == ["submitted", "claimed", "succeeded"]


def test_cancelling_a_queued_job_ends_it(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    assert store.jobs.cancel(job.id, "local").status is Status.CANCELLED
    assert store.jobs.get(job.id, "local").finished_at == clock.now
    assert store.attempts.claim(job.id, "w") is None
    assert store.jobs.cancel(job.id, "local").status is Status.CANCELLED


def test_cancelling_a_running_job_asks_its_worker(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    assert store.jobs.cancel(job.id, "local").status is Status.CANCELLING
    assert store.attempts.heartbeat(job.id, 1, None) is Status.CANCELLING
    assert not store.attempts.release(job.id, 1, "shut down")
    assert store.attempts.cancelled(job.id, 1)
    assert status(store, job.id) is Status.CANCELLED
    assert kinds(store, job.id) == ["submitted", "claimed", "cancelling", "cancelled"]


def test_a_cancelled_job_whose_worker_fell_silent_is_cancelled(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    store.jobs.cancel(job.id, "local")
    clock.now += 21
    store.attempts.expire()
    assert status(store, job.id) is Status.CANCELLED


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("asked_to_stop", [False, True])
def test_a_lease_that_is_renewed_meanwhile_is_not_over(
    store: Store, submit: Callable[..., Job], clock: Time, asked_to_stop: bool
) -> None:
    job, store.attempts.max_failures = submit(), 1
    store.attempts.claim(job.id, "w")
    if asked_to_stop:
        store.jobs.cancel(job.id, "local")
    before = status(store, job.id)
    clock.now += 21
    heartbeat = partial(store.attempts.heartbeat, job.id, 1, None)
    with meanwhile(store, "UPDATE jobs SET status", heartbeat) as begun:
        assert store.attempts.expire() == []
    assert begun[0].result() is before
    assert status(store, job.id) is before


def test_a_job_that_is_lost_too_often_fails(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    for failures in (1, 2):
        store.attempts.claim(job.id, "w")
        clock.now += 21
        assert store.attempts.expire() == [job.id]
        again = store.jobs.get(job.id, "local")
        assert (again.status, again.failures) == (Status.QUEUED, failures)
        assert again.sent_at is None
    store.attempts.claim(job.id, "w")
    clock.now += 21
    store.attempts.expire()
    failed = store.jobs.get(job.id, "local")
    assert (failed.status, failed.failures) == (Status.FAILED, 3)
    assert failed.error["type"] == "/v1/problems/attempts-exhausted"
    assert failed.error["attempts"] == 3
    assert store.attempts.expire() == []


def test_a_crash_is_counted_and_names_itself_in_the_end(
    store: Store, submit: Callable[..., Job]
) -> None:
    job = submit()
    for attempt in (1, 2, 3):
        store.attempts.claim(job.id, "w")
        assert store.attempts.lost(job.id, attempt, LOST)
    failed = store.jobs.get(job.id, "local")
    assert failed.error["type"] == "/v1/problems/trainer-crashed"
    assert "SIGKILL" in failed.error["detail"]


def test_a_release_is_not_counted_as_a_failure(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    for attempt in range(1, 6):
        store.attempts.claim(job.id, "w")
        clock.now += 2
        assert store.attempts.release(job.id, attempt, "its worker was shut down")
    again = store.jobs.get(job.id, "local")
    assert (again.status, again.failures, again.seconds_used) == (Status.QUEUED, 0, 10)


def test_an_error_fails_a_job_at_once(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    assert store.attempts.fail(job.id, 1, errors.Diverged("L0 is NaN in epoch 3."))
    failed = store.jobs.get(job.id, "local")
    assert failed.error["detail"] == "L0 is NaN in epoch 3."
    assert failed.status is Status.FAILED


def test_checkpoints_come_with_the_next_claim(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    two = [artifact(f"checkpoint-{i}", job.id, kind="checkpoint") for i in (1, 2)]
    assert store.attempts.save_checkpoint(job.id, 1, two)
    store.attempts.release(job.id, 1, "shut down")
    assert store.attempts.claim(job.id, "w").checkpoint == two
    store.attempts.fail(job.id, 2, LOST)
    heir = submit(resumed_from=job.id)
    assert store.attempts.claim(heir.id, "w").checkpoint == two
    heirs_heir = submit(resumed_from=heir.id)
    assert store.attempts.claim(heirs_heir.id, "w").checkpoint == two


def test_results_replace_checkpoints(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    store.attempts.save_checkpoint(job.id, 1, [artifact("c", job.id, kind="checkpoint")])
    store.attempts.succeed(job.id, 1, {}, [], [artifact("labels.npy", job.id)])
    assert [file.name for file in store.jobs.artifacts(job.id)] == ["labels.npy"]


def test_unsent_are_the_queued_without_a_recent_message(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    first, second, running = submit(), submit(), submit()
    store.attempts.claim(running.id, "w")
    assert store.attempts.unsent(5) == []
    clock.now += 6
    assert store.attempts.unsent(5) == [first.id, second.id]
    store.jobs.sending(first.id)
    assert store.attempts.unsent(5) == [second.id]
    clock.now += 6
    assert store.attempts.unsent(5) == [first.id, second.id]


def test_what_was_written_before_the_clock_was_set_back_is_not_waited_for(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    running, alive, waiting = submit(), submit(), submit()
    store.attempts.claim(running.id, "dead")
    store.attempts.claim(alive.id, "alive")
    store.jobs.sending(waiting.id)
    clock.now -= 3600
    store.attempts.heartbeat(alive.id, 1, None)
    assert store.attempts.expire() == [running.id]
    assert status(store, alive.id) is Status.RUNNING
    assert waiting.id in store.attempts.unsent(5)


def test_active_attempts_are_those_under_way(store: Store, submit: Callable[..., Job]) -> None:
    queued, running, cancelling, done = submit(), submit(), submit(), submit()
    for job in (running, cancelling, done):
        store.attempts.claim(job.id, "w")
    store.jobs.cancel(cancelling.id, "local")
    store.attempts.succeed(done.id, 1, {}, [], [])
    assert store.attempts.active() == {(running.id, 1), (cancelling.id, 1)}
    assert queued.id not in {job_id for job_id, _ in store.attempts.active()}


def test_a_failed_write_leaves_no_trace(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    store.attempts.claim(job.id, "w")
    twice = [artifact("same"), artifact("same")]
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.attempts.succeed(job.id, 1, {}, [], twice)
    assert status(store, job.id) is Status.RUNNING


def test_a_clock_that_is_set_back_takes_no_time_back(
    store: Store, submit: Callable[..., Job], clock: Time
) -> None:
    job = submit()
    for passed in (10.0, -3600.0, 5.0):
        claim = store.attempts.claim(job.id, "w")
        assert claim is not None
        clock.now += passed
        store.attempts.release(job.id, claim.attempt, "shut down")
    assert store.jobs.get(job.id, "local").seconds_used == 15
