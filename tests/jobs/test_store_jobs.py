import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from manual_clock import Time

from jobs import errors
from jobs.records import Capacity, Device, Job
from jobs.states import Status
from jobs.store import Store


def test_an_unfinished_job_cannot_be_deleted(store: Store, submit: Callable[..., Job]) -> None:
    job = submit()
    with pytest.raises(errors.Conflict, match="cancel it first"):
        store.jobs.delete(job.id, "local")
    store.jobs.cancel(job.id, "local")
    store.jobs.delete(job.id, "local")
    with pytest.raises(errors.Gone):
        store.jobs.get(job.id, "local")
    assert job.id not in store.jobs.live_ids()


def test_another_owners_objects_do_not_exist(
    store: Store, submit: Callable[..., Job], dataset: str
) -> None:
    job = submit()
    with pytest.raises(errors.NotFound):
        store.jobs.get(job.id, "somebody")
    with pytest.raises(errors.NotFound):
        store.jobs.cancel(job.id, "somebody")
    with pytest.raises(errors.NotFound):
        store.datasets.get(dataset, "somebody")


def test_pages_go_from_new_to_old_and_filter(store: Store, submit: Callable[..., Job]) -> None:
    ids = [submit().id for _ in range(5)]
    newest_first = sorted(ids, reverse=True)
    page = [job.id for job in store.jobs.page("local", 3)]
    assert page == newest_first[:3]
    assert [job.id for job in store.jobs.page("local", 3, after=page[-1])] == newest_first[3:]
    store.jobs.cancel(ids[0], "local")
    cancelled = store.jobs.page("local", 9, status=Status.CANCELLED)
    assert [job.id for job in cancelled] == [ids[0]]
    assert store.jobs.page("local", 9, method="dscnet") == []


def test_a_page_of_jobs_with_some_metadata(store: Store, submit: Callable[..., Job]) -> None:
    both = submit(metadata={"run": "first", "a.b-c_1": 'it\'s "100 %"'})
    one = submit(metadata={"run": "first"})
    submit(metadata={"run": "second"})

    def found(*metadata: tuple[str, str]) -> set[str]:
        return {job.id for job in store.jobs.page("local", 9, metadata=metadata)}

    assert found(("run", "first")) == {both.id, one.id}
    assert found(("run", "first"), ("a.b-c_1", 'it\'s "100 %"')) == {both.id}
    assert found(("run", "first"), ("run", "second")) == set()
    assert found(("run", "%")) == found(("other", "")) == set()


def test_the_queue_position_counts_those_before(store: Store, submit: Callable[..., Job]) -> None:
    jobs = sorted((submit() for _ in range(3)), key=lambda job: job.id)
    assert [store.jobs.queue_position(job) for job in jobs] == [1, 2, 3]
    claim = store.attempts.claim(jobs[0].id, "w")
    assert store.jobs.queue_position(claim.job) is None
    assert store.jobs.queue_position(jobs[2]) == 2


def test_the_same_bytes_are_the_same_data_set_until_it_is_deleted(
    store: Store, dataset: str
) -> None:
    fields = {
        "owner": "local",
        "name": "again.zip",
        "sha256": "a" * 64,
        "n_images": 4,
        "height": None,
        "width": None,
        "channels": 1,
        "dtype": "uint8",
        "classes": ["x", "y"],
        "bytes": 256,
        "notices": [],
    }
    twin, new = store.datasets.add(**fields, options={})
    assert (twin.id, new) == (dataset, False)
    other, new = store.datasets.add(**fields, options={"truth": "folders"})
    assert other.id != dataset
    assert new
    store.datasets.delete(dataset, "local")
    later, new = store.datasets.add(**fields, options={})
    assert later.id != dataset
    assert new
    assert store.datasets.live_ids() == {other.id, later.id}


def test_a_data_set_in_use_stays(store: Store, submit: Callable[..., Job], dataset: str) -> None:
    job = submit()
    with pytest.raises(errors.DatasetInUse):
        store.datasets.delete(dataset, "local")
    store.jobs.cancel(job.id, "local")
    store.datasets.delete(dataset, "local")
    with pytest.raises(errors.Gone):
        store.datasets.get(dataset, "local")
    with pytest.raises(errors.Gone):
        submit()


def test_no_job_slips_in_while_its_data_set_is_deleted(
    store: Store, submit: Callable[..., Job], dataset: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        submissions: list[Future[Job]] = []

        def clock() -> float:
            """Told the time of the deletion: a job is submitted between its count and its write."""
            store.database.clock = time.time
            submissions.append(pool.submit(submit))
            wait(submissions, timeout=0.5)
            return time.time()

        store.database.clock = clock
        store.datasets.delete(dataset, "local")
        with pytest.raises(errors.Gone):
            submissions[0].result()


def test_workers_say_what_they_have(store: Store, clock: Time) -> None:
    about = {"kind": "gpu", "memory_bytes": 10, "version": "1", "since": clock.now}
    store.workers.beat("w1", "H100", None, **about)
    store.workers.beat("w1", "H100", None, **about, versions={"torch": "2"})
    (worker,) = store.workers.alive(5)
    assert (worker.kind, worker.memory_bytes, worker.versions) == ("gpu", 10, {"torch": "2"})
    assert worker.capacity == Capacity(device=Device.GPU, memory_bytes=10)


def test_workers_are_alive_while_they_beat(store: Store, clock: Time) -> None:
    store.workers.beat("w1", "cpu", None)
    clock.now += 10
    store.workers.beat("w2", "cuda", "job_1")
    assert [worker.name for worker in store.workers.alive(5)] == ["w2"]
    store.workers.beat("w1", "cpu", "job_2")
    assert [(w.name, w.job_id) for w in store.workers.alive(5)] == [
        ("w1", "job_2"),
        ("w2", "job_1"),
    ]
    store.workers.leave("w1")
    assert [worker.name for worker in store.workers.alive(60)] == ["w2"]
