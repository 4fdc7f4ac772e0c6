from collections.abc import Callable

from bench import QUICK, Bench

from jobs import errors
from jobs.states import Status
from worker.lease import Lease

MakeBench = Callable[..., Bench]


def claimed(bench: Bench) -> Lease:
    claim = bench.store.attempts.claim(bench.submit(QUICK).id, "worker-1")
    assert claim is not None
    return Lease(bench.store, claim, bench.settings)


def test_a_database_that_is_away_costs_the_lease_only_when_it_is_over(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    lease = claimed(bench)
    bench.take_table_away()
    lease.beat(None)
    assert not lease.lost
    bench.bring_table_back()
    lease._renewed -= bench.settings.lease_seconds
    bench.take_table_away()
    lease.beat(None)
    assert lease.lost
    assert lease.insist(lambda: lease.attempts.cancelled(lease.job_id, lease.attempt)) is None
    bench.bring_table_back()


def test_a_cancelled_job_is_seen_and_a_lost_fence_ends_the_lease(make_bench: MakeBench) -> None:
    bench = make_bench()
    lease = claimed(bench)
    bench.store.jobs.cancel(lease.job_id, "local")
    lease.beat(None)
    assert lease.status is Status.CANCELLING
    bench.store.attempts.cancelled(lease.job_id, lease.attempt)
    lease.beat(None)
    assert lease.lost
    bench.take_table_away()
    lease.beat(None)
    assert lease.lost, "a database that is away gives nothing back"
    bench.bring_table_back()
    assert (
        lease.insist(lambda: lease.attempts.fail(lease.job_id, 1, errors.TimeLimit("over")))
        is False
    )
