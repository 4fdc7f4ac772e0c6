"""The life of jobs in any order of moves, on both engines, against a model of a few lines."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from manual_clock import Time
from store_rows import add_dataset, postgres_schema

from jobs import errors
from jobs.records import Artifact, Job, Phase, Progress
from jobs.settings import Settings
from jobs.states import MOVES, Status
from jobs.store import Store
from jobs.store.webhooks import Endpoint

LEASE = 20.0
FAILURES = 3
MOVED = {"submitted": Status.QUEUED, "claimed": Status.RUNNING, "requeued": Status.QUEUED}
"""The state that a line of the log tells of; the others bear the state's own name."""
HOOK = Endpoint("https://example.org/hook", "whsec_c2VjcmV0")
LOST = errors.TrainerCrashed("The trainer was killed by SIGKILL.")
FATAL = errors.Diverged("L0 is not finite.")
PROGRESS = Progress(phase=Phase.TRAINING, fraction=0.5)


@dataclass
class Model:
    """What is expected of one job."""

    status: Status = Status.QUEUED
    attempt: int = 0
    failures: int = 0
    lease_until: float = 0.0
    files: set[str] = field(default_factory=set)
    deleted: bool = False
    origin: str | None = None
    told: bool = False

    @property
    def delivery(self) -> str:
        """The state of its webhook."""
        if self.told:
            return "delivered"
        return "pending" if self.status.terminal else "waiting"

    def may(self, attempt: int) -> bool:
        """Whether this attempt is the one under way."""
        return attempt == self.attempt and self.status in {Status.RUNNING, Status.CANCELLING}


def file(job_id: str, attempt: int, name: str, kind: str) -> Artifact:
    key = f"jobs/{job_id}/{attempt}/{name}"
    return Artifact(name=name, kind=kind, media_type="x/y", bytes=1, sha256="0" * 64, key=key)


@contextmanager
def new_store(engine: str, clock: Time) -> Iterator[Store]:
    """An empty one; skips the test where there is no such engine."""
    schema = contextmanager(postgres_schema)() if engine == "postgresql" else nullcontext()
    with TemporaryDirectory() as folder, schema as url:
        chosen = Settings(
            database_url=url or f"sqlite:///{folder}/jobs.db",
            data_dir=Path(folder),
            lease_seconds=LEASE,
            max_failures=FAILURES,
        )
        with closing(Store(chosen, clock)) as store:
            yield store


class Lives(RuleBasedStateMachine):
    """Late attempts are drawn as often as the one under way: each rule draws its number."""

    jobs = Bundle("jobs")
    attempts = st.integers(0, 3)
    """How many attempts before the last one."""
    store: Store
    clock: Time
    dataset: str

    @initialize()
    def begin(self) -> None:
        self.models: dict[str, Model] = {}
        self.dataset = add_dataset(self.store, "a" * 64)

    def _submit(self, **more: Any) -> str:
        job = self.store.jobs.submit(
            owner="local",
            dataset_id=self.dataset,
            request={"n_clusters": 2},
            method={"method": "s2convscn"},
            webhook=HOOK,
            **more,
        )
        self.models[job.id] = Model()
        return job.id

    def _under_way(self, job_id: str, before: int) -> tuple[Model, int, bool]:
        model = self.models[job_id]
        attempt = model.attempt - before
        return model, attempt, model.may(attempt)

    def _over(self, model: Model, status: Status) -> None:
        assert status in MOVES[model.status]
        model.status = status

    def _lost(self, model: Model) -> None:
        if model.status is Status.CANCELLING:
            self._over(model, Status.CANCELLED)
            return
        model.failures += 1
        self._over(model, Status.FAILED if model.failures == FAILURES else Status.QUEUED)

    @rule(target=jobs)
    def submit(self) -> str:
        return self._submit()

    @rule(target=jobs, origin=jobs)
    def resume(self, origin: str) -> object:
        if self.models[origin].deleted:
            with pytest.raises(errors.Gone):
                self._submit(resumed_from=origin)
            return multiple()
        job = self._submit(resumed_from=origin)
        self.models[job].origin = origin
        return job

    @rule(job=jobs)
    def claim(self, job: str) -> None:
        model = self.models[job]
        claim = self.store.attempts.claim(job, "w")
        assert (claim is not None) == (model.status is Status.QUEUED)
        if claim is not None:
            model.status, model.attempt = Status.RUNNING, model.attempt + 1
            model.lease_until = self.clock.now + LEASE
            assert claim.attempt == model.attempt
            if model.files:
                assert {f.name for f in claim.checkpoint} == model.files

    @rule()
    def claim_next(self) -> None:
        queued = {job for job, m in self.models.items() if m.status is Status.QUEUED}
        claim = self.store.attempts.claim_next("w")
        assert (claim is not None) == bool(queued)
        if claim is not None:
            assert claim.job.id in queued
            model = self.models[claim.job.id]
            model.status, model.attempt = Status.RUNNING, model.attempt + 1
            model.lease_until = self.clock.now + LEASE

    @rule(job=jobs, before=attempts, progress=st.sampled_from([None, PROGRESS]))
    def heartbeat(self, job: str, before: int, progress: Progress | None) -> None:
        model, attempt, may = self._under_way(job, before)
        status = self.store.attempts.heartbeat(job, attempt, progress)
        assert status == (model.status if may else None)
        if may:
            model.lease_until = self.clock.now + LEASE

    @rule(job=jobs, before=attempts, number=st.integers(1, 9))
    def checkpoint(self, job: str, before: int, number: int) -> None:
        model, attempt, may = self._under_way(job, before)
        name = f"checkpoint-{number}"
        saved = self.store.attempts.save_checkpoint(
            job, attempt, [file(job, attempt, name, "checkpoint")]
        )
        assert saved == may
        if may:
            model.files = {name}

    @rule(job=jobs, before=attempts)
    def succeed(self, job: str, before: int) -> None:
        model, attempt, may = self._under_way(job, before)
        files = [file(job, attempt, name, "labels") for name in ("labels.npy", "labels.csv")]
        done = self.store.attempts.succeed(job, attempt, {"attempt": attempt}, [], files)
        assert done == may
        if may:
            self._over(model, Status.SUCCEEDED)
            model.files = {"labels.npy", "labels.csv"}

    @rule(job=jobs, before=attempts)
    def fail(self, job: str, before: int) -> None:
        model, attempt, may = self._under_way(job, before)
        assert self.store.attempts.fail(job, attempt, FATAL) == may
        if may:
            self._over(model, Status.FAILED)

    @rule(job=jobs, before=attempts)
    def confirm_the_end(self, job: str, before: int) -> None:
        model, attempt, may = self._under_way(job, before)
        may = may and model.status is Status.CANCELLING
        assert self.store.attempts.cancelled(job, attempt) == may
        if may:
            self._over(model, Status.CANCELLED)

    @rule(job=jobs, before=attempts)
    def release(self, job: str, before: int) -> None:
        model, attempt, may = self._under_way(job, before)
        may = may and model.status is Status.RUNNING
        assert self.store.attempts.release(job, attempt, "shut down") == may
        if may:
            self._over(model, Status.QUEUED)

    @rule(job=jobs, before=attempts)
    def lose(self, job: str, before: int) -> None:
        model, attempt, may = self._under_way(job, before)
        assert self.store.attempts.lost(job, attempt, LOST) == may
        if may:
            self._lost(model)

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reap(self) -> None:
        expired = {
            job
            for job, model in self.models.items()
            if model.may(model.attempt) and model.lease_until < self.clock.now
        }
        assert set(self.store.attempts.expire()) == expired
        for job in expired:
            self._lost(self.models[job])

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        model = self.models[job]
        if model.deleted:
            with pytest.raises(errors.Gone):
                self.store.jobs.cancel(job, "local")
            return
        if model.status is Status.QUEUED:
            self._over(model, Status.CANCELLED)
        elif model.status is Status.RUNNING:
            self._over(model, Status.CANCELLING)
        assert self.store.jobs.cancel(job, "local").status is model.status

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        model = self.models[job]
        if model.deleted or not model.status.terminal or self._goes_on(job):
            with pytest.raises(errors.Gone if model.deleted else errors.Conflict):
                self.store.jobs.delete(job, "local")
        else:
            self.store.jobs.delete(job, "local")
            model.deleted, model.files = True, set()

    def _goes_on(self, origin: str) -> bool:
        """Whether an unfinished job was resumed from this one, or from one that was."""
        heirs = [job for job, model in self.models.items() if model.origin == origin]
        return any(not self.models[job].status.terminal or self._goes_on(job) for job in heirs)

    @rule()
    def delete_the_data_set(self) -> None:
        if all(model.status.terminal for model in self.models.values()):
            self.store.datasets.delete(self.dataset, "local")
            with pytest.raises(errors.Gone):
                self._submit()
            self.dataset = add_dataset(self.store, "a" * 64)
        elif any(self._uses(job) for job, m in self.models.items() if not m.status.terminal):
            with pytest.raises(errors.DatasetInUse):
                self.store.datasets.delete(self.dataset, "local")

    def _uses(self, job: str) -> bool:
        return self.store.jobs.get(job, "local").dataset_id == self.dataset

    @rule()
    def tell(self) -> None:
        due = {job for job, m in self.models.items() if m.delivery == "pending" and not m.deleted}
        message = self.store.webhooks.take()
        assert (message is not None) == bool(due)
        if message is not None:
            assert message.job.id in due
            assert message.job.status is self.models[message.job.id].status
            self.store.webhooks.delivered(message)
            self.models[message.job.id].told = True

    @rule()
    def send(self) -> None:
        queued = {job for job, m in self.models.items() if m.status is Status.QUEUED}
        self.clock.now += 1
        unsent = self.store.attempts.unsent(0)
        assert set(unsent) == queued
        for job in unsent:
            self.store.jobs.sending(job)
        assert self.store.attempts.unsent(0) == []

    @invariant()
    def rows_are_as_expected(self) -> None:
        for job, model in self.models.items():
            assert {f.name for f in self.store.jobs.artifacts(job)} == model.files
            if model.deleted:
                with pytest.raises(errors.Gone):
                    self.store.jobs.get(job, "local")
            else:
                self._agrees(self.store.jobs.get(job, "local"), model)

    def _agrees(self, row: Job, model: Model) -> None:
        assert (row.status, row.attempt, row.failures) == (
            model.status,
            model.attempt,
            model.failures,
        )
        assert (row.finished_at is not None) == model.status.terminal
        assert (row.result is not None) == (model.status is Status.SUCCEEDED)
        assert (row.error is not None) == (model.status is Status.FAILED)
        if row.result is not None:
            assert row.result == {"attempt": model.attempt}

    @invariant()
    def ends_are_told(self) -> None:
        found = self.store.webhooks.of(self.models)
        assert {job: shown.state for job, shown in found.items()} == {
            job: model.delivery for job, model in self.models.items() if not model.deleted
        }

    @invariant()
    def logs_tell_of_legal_moves(self) -> None:
        for job, model in self.models.items():
            found = self.store.events.of(job)
            if model.deleted:
                assert found == []
                continue
            told = [MOVED.get(e.kind) or Status(e.kind) for e in found if e.kind != "progress"]
            assert told[0] is Status.QUEUED
            assert told[-1] is model.status
            for status, following in pairwise(told):
                assert following in MOVES[status]

    @invariant()
    def progress_is_told_of_what_is_under_way(self) -> None:
        """Once each attempt, for it never changes here."""
        for job in self.models:
            for before, event in pairwise(e.kind for e in self.store.events.of(job)):
                if event == "progress":
                    assert before in {"claimed", "cancelling"}

    @invariant()
    def those_under_way_are_known(self) -> None:
        assert self.store.attempts.active() == {
            (job, model.attempt) for job, model in self.models.items() if model.may(model.attempt)
        }


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_any_order_of_moves_leaves_what_the_states_allow(engine: str) -> None:
    class Here(Lives):
        def __init__(self) -> None:
            super().__init__()
            self.clock = Time()
            self.opened = new_store(engine, self.clock)
            self.store = self.opened.__enter__()

        def teardown(self) -> None:
            self.opened.__exit__(None, None, None)

    test = Here.TestCase()
    test.settings = settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        phases=[Stage.generate],  # shrinking a life takes longer than a test may
        suppress_health_check=[HealthCheck.too_slow],
    )
    test.runTest()
