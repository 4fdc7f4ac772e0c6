from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from manual_clock import Time

from jobs import errors
from jobs.records import Job, Scope
from jobs.store import Store
from jobs.store.idempotency import Once


def test_a_key_is_found_by_its_secret_until_it_is_revoked(store: Store, clock: Time) -> None:
    assert not store.keys.exist()
    key, secret = store.keys.make("alice", "laptop", Scope.READ)
    other, _ = store.keys.make("bob", "", Scope.WRITE)
    assert (key.owner, key.scope, key.revoked_at) == ("alice", Scope.READ, None)
    assert store.keys.find(secret) == key
    assert store.keys.find(f"{secret}x") is None
    clock.now += 5
    revoked = store.keys.revoke(key.id)
    assert revoked.revoked_at == clock.now
    assert store.keys.find(secret) is None
    clock.now += 5
    assert store.keys.revoke(key.id) == revoked
    assert store.keys.all() == [revoked, other]


def test_a_revoked_key_still_says_that_there_were_keys(store: Store) -> None:
    key, _ = store.keys.make("alice", "", Scope.WRITE)
    assert store.keys.exist(live=True)
    store.keys.revoke(key.id)
    assert store.keys.exist()
    assert not store.keys.exist(live=True)


def test_no_two_keys_have_one_secret(store: Store) -> None:
    secrets = {store.keys.make("alice", "", Scope.WRITE)[1] for _ in range(20)}
    assert len(secrets) == 20
    assert all(len(secret) > 40 for secret in secrets)


def test_an_unknown_key_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(errors.NotFound, match="key_none"):
        store.keys.revoke("key_none")


def test_of_equal_submissions_at_once_one_makes_a_job(
    store: Store, submit: Callable[..., Job]
) -> None:
    once = Once("local", "a-key", "0" * 64)

    def make() -> Job:
        return submit(once=once)

    def get(job_id: str) -> Job:
        return store.jobs.get(job_id, "local")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.idempotency_keys.made(once, make, get), range(8)))
    assert len({job.id for job, _ in made}) == 1
    assert [new for _, new in made].count(True) == 1
    assert len(store.jobs.page("local", 10)) == 1
    with pytest.raises(errors.IdempotencyKeyReused):
        store.idempotency_keys.made(once._replace(digest="1" * 64), make, get)
    _, new = store.idempotency_keys.made(once._replace(owner="other", digest="1" * 64), submit, get)
    assert new


def test_a_submission_that_fails_leaves_its_key_free(
    store: Store, submit: Callable[..., Job], dataset: str
) -> None:
    once = Once("local", "a-key", "0" * 64)
    store.datasets.delete(dataset, "local")

    def make() -> Job:
        return submit(once=once)

    with pytest.raises(errors.Gone):
        store.idempotency_keys.made(once, make, lambda job_id: store.jobs.get(job_id, "local"))
    assert store.idempotency_keys.made(once, lambda: "made", lambda _: "found") == ("made", True)
