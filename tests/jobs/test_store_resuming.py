"""Jobs that go on for others: what they hold while they are not finished."""

from collections.abc import Callable
from functools import partial

import pytest
from interleaved import meanwhile
from store_rows import artifact

from jobs import errors
from jobs.records import Job
from jobs.store import Store

Submit = Callable[..., Job]


@pytest.fixture
def origin(store: Store, submit: Submit) -> Job:
    """A cancelled job with a checkpoint."""
    job = submit()
    assert store.attempts.claim(job.id, "w")
    file = artifact("checkpoint-000001.safetensors", job.id, kind="checkpoint")
    assert store.attempts.save_checkpoint(job.id, 1, [file])
    cancel(store, job)
    return job


def cancel(store: Store, job: Job) -> None:
    store.jobs.cancel(job.id, "local")
    store.attempts.cancelled(job.id, 1)


def test_a_checkpoint_is_kept_while_a_job_goes_on_from_it(
    store: Store, submit: Submit, origin: Job
) -> None:
    heir = submit(resumed_from=origin.id)
    with pytest.raises(errors.JobInUse, match="1 unfinished job"):
        store.jobs.delete(origin.id, "local")
    claim = store.attempts.claim(heir.id, "w")
    assert claim is not None
    assert claim.checkpoint == store.jobs.artifacts(origin.id) != []
    with pytest.raises(errors.JobInUse):
        store.jobs.delete(origin.id, "local")
    cancel(store, heir)
    store.jobs.delete(origin.id, "local")


def test_a_checkpoint_is_kept_for_the_heir_of_an_heir(
    store: Store, submit: Submit, origin: Job
) -> None:
    between = submit(resumed_from=origin.id)
    cancel(store, between)
    heir = submit(resumed_from=between.id)
    for job in (origin, between):
        with pytest.raises(errors.JobInUse):
            store.jobs.delete(job.id, "local")
    cancel(store, heir)
    for job in (origin, between):
        store.jobs.delete(job.id, "local")


def test_nothing_goes_on_from_a_deleted_job(store: Store, submit: Submit, origin: Job) -> None:
    store.jobs.delete(origin.id, "local")
    with pytest.raises(errors.Gone):
        submit(resumed_from=origin.id)
    assert store.jobs.page("local", 9) == []


@pytest.mark.parametrize("generations", [1, 2])
def test_no_checkpoint_is_deleted_while_a_job_is_resumed(
    store: Store, submit: Submit, origin: Job, generations: int
) -> None:
    last = origin
    for _ in range(generations - 1):
        last = submit(resumed_from=origin.id)
        cancel(store, last)
    delete = partial(store.jobs.delete, origin.id, "local")
    with meanwhile(store, "INSERT INTO jobs", delete) as begun:
        submit(resumed_from=last.id)
    with pytest.raises(errors.JobInUse):
        begun[0].result()
