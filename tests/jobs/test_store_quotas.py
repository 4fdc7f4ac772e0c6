import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from manual_clock import Time
from store_rows import add_dataset

from jobs import errors
from jobs.records import Artifact
from jobs.settings import Settings
from jobs.store import Store
from jobs.store.idempotency import Once

SET_BYTES = 256
"""Of the data sets that ``add_dataset`` adds."""
Limited = Callable[..., Store]


@pytest.fixture
def limited(url: str, clock: Time, tmp_path: Path) -> Iterator[Limited]:
    with closing(Store(Settings(database_url=url, data_dir=tmp_path), clock)) as first:
        opened = [first]

        def limited(**limits: Any) -> Store:
            settings = Settings(database_url=url, data_dir=tmp_path, **limits)
            opened.append(Store(settings, clock))
            return opened[-1]

        yield limited
        for store in opened[1:]:
            store.close()


def submit(store: Store, dataset: str, owner: str = "local", **more: Any) -> str:
    wish = {"owner": owner, "request": {}, "method": {"method": "lsr"}}
    return store.jobs.submit(dataset_id=dataset, **wish, **more).id


def test_data_sets_are_counted_while_they_are_there(limited: Limited) -> None:
    store = limited(max_owner_datasets=2)
    first, _ = (add_dataset(store, digit * 64) for digit in "ab")
    assert add_dataset(store, "a" * 64) == first
    with pytest.raises(errors.QuotaExceeded, match="2 data sets"):
        add_dataset(store, "c" * 64)
    with pytest.raises(errors.QuotaExceeded):
        store.datasets.check_room("local")
    store.datasets.check_room("another")
    store.datasets.delete(first, "local")
    add_dataset(store, "c" * 64)


def test_bytes_are_those_of_data_sets_and_results(limited: Limited) -> None:
    store = limited(max_owner_bytes=2 * SET_BYTES)
    dataset = add_dataset(store, "a" * 64)
    job = submit(store, dataset)
    store.attempts.claim(job, "w")
    file = Artifact(name="x", kind="labels", media_type="x/y", bytes=SET_BYTES, sha256="0", key="k")
    assert store.attempts.succeed(job, 1, {}, [], [file])
    with pytest.raises(errors.QuotaExceeded, match="bytes") as caught:
        add_dataset(store, "b" * 64)
    assert caught.value.members == {"limit": 2 * SET_BYTES, "needed": 3 * SET_BYTES}
    with pytest.raises(errors.QuotaExceeded, match="bytes") as caught:
        submit(store, dataset)
    assert caught.value.members == {"limit": 2 * SET_BYTES, "needed": 2 * SET_BYTES + 1}
    json.dumps(caught.value.problem())
    store.jobs.delete(job, "local")
    submit(store, dataset)
    add_dataset(store, "b" * 64)


def test_jobs_are_counted_until_they_are_over(limited: Limited) -> None:
    store = limited(max_owner_jobs=2)
    dataset = add_dataset(store, "a" * 64)
    first, _ = (submit(store, dataset) for _ in range(2))
    with pytest.raises(errors.QuotaExceeded, match="2 unfinished jobs"):
        submit(store, dataset)
    submit(store, dataset, owner="another")
    store.jobs.cancel(first, "local")
    submit(store, dataset)


def test_a_request_is_not_refused_for_what_its_own_first_try_used_up(limited: Limited) -> None:
    store = limited(max_owner_jobs=1)
    dataset, once = add_dataset(store, "a" * 64), Once("local", "key", "digest")
    jobs: list[str] = []

    def make() -> str:
        """The first try, still under way when its key was looked for, is through by now."""
        jobs.append(submit(store, dataset, once=once))
        return submit(store, dataset, once=once)

    found = store.idempotency_keys.made(once, make, lambda job_id: job_id)
    assert found == (jobs[0], False)
    with pytest.raises(errors.QuotaExceeded):
        store.idempotency_keys.made(None, lambda: submit(store, dataset), lambda job_id: job_id)


def test_a_comparison_is_as_many_jobs_as_it_has(limited: Limited) -> None:
    store = limited(max_owner_jobs=2)
    dataset = add_dataset(store, "a" * 64)
    wish = {"owner": "local", "request": {}, "method": {"method": "lsr"}, "metadata": {}}
    wish["notices"] = []
    fields = {"owner": "local", "name": "", "request": {}, "metadata": {}, "notices": []}
    with pytest.raises(errors.QuotaExceeded):
        store.comparisons.submit(dataset_id=dataset, wishes=dict.fromkeys(range(3), wish), **fields)
    assert store.jobs.page("local", 10) == []
    store.comparisons.submit(dataset_id=dataset, wishes=dict.fromkeys(range(2), wish), **fields)


def test_requests_at_once_do_not_pass_the_limit(limited: Limited) -> None:
    store = limited(max_owner_jobs=3)
    dataset = add_dataset(store, "a" * 64)

    def one(_: int) -> bool:
        try:
            submit(store, dataset)
        except errors.QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 3
