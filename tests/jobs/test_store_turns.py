from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from manual_clock import Time

from jobs.records import Capacity, Device, Job
from jobs.store import Store

Wait = Callable[..., str]


@pytest.fixture
def wait(store: Store, submit: Callable[..., Job], clock: Time) -> Wait:
    """Submit a job a second later; its id."""

    def wait(owner: str = "local", **more: object) -> str:
        clock.now += 1
        return submit(owner=owner, **more).id

    return wait


def taken(store: Store, clock: Time, *, over: bool = True) -> str | None:
    """The job whose turn it was; it is over a second later."""
    claim = store.attempts.claim_next("w")
    clock.now += 1
    if claim is not None and over:
        assert store.attempts.succeed(claim.job.id, claim.attempt, {}, [], [])
    return None if claim is None else claim.job.id


def test_one_owners_jobs_start_in_the_order_of_priority_and_age(
    store: Store, wait: Wait, clock: Time
) -> None:
    usual, low, other, high = (wait(priority=p) for p in (5, 0, 5, 9))
    jobs = {job: store.jobs.get(job, "local") for job in (usual, low, other, high)}
    order = [high, usual, other, low]
    assert [store.jobs.queue_position(jobs[job]) for job in order] == [1, 2, 3, 4]
    assert [taken(store, clock) for _ in range(5)] == [*order, None]


def test_a_hundred_jobs_do_not_keep_anothers_one_waiting(
    store: Store, wait: Wait, clock: Time
) -> None:
    many = [wait("busy") for _ in range(100)]
    assert taken(store, clock) == many[0]
    one = wait("patient")
    assert store.jobs.queue_position(store.jobs.get(one, "patient")) == 2
    assert [taken(store, clock) for _ in range(3)] == [one, many[1], many[2]]


def test_owners_take_turns(store: Store, wait: Wait, clock: Time) -> None:
    first, second, third = ([wait(owner) for _ in range(2)] for owner in "abc")
    found = [taken(store, clock) for _ in range(6)]
    assert found == [first[0], second[0], third[0], first[1], second[1], third[1]]


def test_who_runs_fewer_comes_first(store: Store, wait: Wait, clock: Time) -> None:
    running, waiting = wait("a"), wait("a")
    assert taken(store, clock, over=False) == running
    other = [wait("b") for _ in range(2)]
    assert taken(store, clock) == other[0]
    assert taken(store, clock) == other[1]
    assert taken(store, clock) == waiting


def test_a_high_priority_goes_before_ones_own_jobs_alone(
    store: Store, wait: Wait, clock: Time
) -> None:
    mine = wait("a")
    assert taken(store, clock) == mine
    urgent = wait("a", priority=9)
    others = wait("b", priority=0)
    assert [taken(store, clock) for _ in range(2)] == [others, urgent]


def test_of_workers_at_once_each_gets_a_job(store: Store, wait: Wait) -> None:
    jobs = {wait("ab"[i % 2]) for i in range(6)}
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda i: store.attempts.claim_next(f"w{i}"), range(8)))
    assert {claim.job.id for claim in claims if claim is not None} == jobs
    assert claims.count(None) == 2


@pytest.mark.parametrize("device", [None, Device.CPU, Device.GPU])
@pytest.mark.parametrize("memory", [None, 5, 10, 20])
def test_a_worker_gets_what_it_can_hold_and_nothing_else(
    store: Store, wait: Wait, device: Device | None, memory: int | None
) -> None:
    wants = [(where, needs) for where in (None, "cpu", "gpu") for needs in (None, 6, 10, 11)]
    jobs = {wait(device=where, needs_bytes=needs): (where, needs) for where, needs in wants}
    capacity = Capacity(device=device, memory_bytes=memory)
    fit = [job for job in jobs if capacity.holds(store.jobs.get(job, "local"))]
    assert store.attempts.unsent(-1, capacity) == fit
    claims = [store.attempts.claim_next("w", capacity) for _ in range(len(jobs))]
    assert [claim.job.id for claim in claims if claim] == fit
    expected = [
        job
        for job, (where, needs) in jobs.items()
        if (device is None or where in (None, device))
        and (memory is None or needs is None or needs <= memory)
    ]
    assert fit == expected
