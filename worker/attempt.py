"""One attempt at a job: a trainer, watched from its start to what becomes of it."""

import logging
import shutil
import time
from contextlib import suppress
from enum import Enum
from functools import partial
from threading import Event

from jobs import errors, tracing
from jobs.artifacts import ArtifactStore
from jobs.records import Artifact, Claim, Device
from jobs.settings import Settings
from jobs.states import Status
from jobs.store import Store
from jobs.tracing import tracer
from worker.exchange import Failure, Outcome, Report, Scratch, Spec, read, write
from worker.hardware import Hardware
from worker.lease import Lease
from worker.metrics import Course
from worker.process import Trainer
from worker.publication import publish
from worker.relay import KEPT, Relay, by_age
from worker.specification import Inputs, specify

TICK_SECONDS = 0.1
SIGNAL_SECONDS = 1.0
"""How far apart the same signal may reach a trainer and its worker."""
MIB = 1024**2
MODEL = frozenset({"model.json", "model.safetensors"})
"""What a prediction needs of the job that it predicts with."""
STALL_STEPS = 10
"""A silence of so many of its longest steps is a stall."""
FATAL = {kind.slug(): kind for kind in (errors.Diverged, errors.UnsuitableData, errors.JobFailed)}
"""What would happen again: the job fails at once."""

logger = logging.getLogger(__name__)


class Reason(Enum):
    """Why the supervisor ends a trainer; the value says whether it may make a checkpoint first."""

    FENCE_LOST = ("its lease is gone", False)
    STALLED = ("it stalled", False)
    CANCEL = ("it shall be cancelled", True)
    TIME_LIMIT = ("its time is over", True)
    SHUTDOWN = ("the worker shuts down", True)


class Attempt:
    def __init__(
        self,
        claim: Claim,
        settings: Settings,
        store: Store,
        artifacts: ArtifactStore,
        shutdown: Event,
        *,
        course: Course,
        hardware: Hardware,
    ) -> None:
        self.claim = claim
        self.hardware = hardware
        self.course = course
        self.settings = settings
        self.artifacts = artifacts
        self.shutdown = shutdown
        self.mine = (claim.job.id, claim.attempt)
        self.name = f"{claim.job.id} attempt {claim.attempt}"
        self.scratch = Scratch(settings.scratch_dir / claim.job.id / str(claim.attempt))
        self.lease = Lease(store, claim, settings)
        self.relay = Relay(artifacts, self.scratch, self.lease, claim)
        self.reason: Reason | None = None
        self.began = self.heard = time.monotonic()
        self.report: Report | None = None
        self.kill_at: float | None = None
        self.device_gone = False

    def run(self) -> None:
        """Start a trainer, watch it, and write what became of it; the scratch folder is removed."""
        trainer = None
        try:
            self.scratch.create()
            spec = self.lease.outlast(self._specify, self.shutdown.is_set)
            write(self.scratch.spec, spec)
            trainer = Trainer(self.scratch)
            self.heard = time.monotonic()
            logger.info("%s: its trainer starts", self.name)
            self._watch(trainer)
            self._conclude(trainer)
        except errors.StoreUnavailable as error:
            self._without_store(error)
        except errors.FilesMissing as error:
            self._fail(error)
        except Exception as error:
            logger.exception("%s: the worker could not go on", self.name)
            self._lost(f"The worker could not go on: {type(error).__name__}: {error}.")
        finally:
            if trainer is not None:
                trainer.close()
            self._clean()

    def _without_store(self, error: errors.StoreUnavailable) -> None:
        """It was waited for until there was a reason to end."""
        if self.lease.status is Status.CANCELLING:
            self._cancelled()
        elif self.shutdown.is_set():
            self._release()
        else:
            self._lost(error.detail)

    def _clean(self) -> None:
        """Remove the scratch folder, and those that killed workers left of earlier attempts."""
        job = self.scratch.root.parent
        for folder in job.glob("*"):
            if int(folder.name) <= self.claim.attempt:
                shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # a later attempt's folder may be beside it
            job.rmdir()

    def _watch(self, trainer: Trainer) -> None:
        while trainer.running():
            if self.lease.due():
                self.lease.beat(self.report.progress if self.report else None)
            if not self.lease.lost:
                self.relay.take()
            self._listen(trainer)  # an upload may have taken long
            self._intervene(trainer)
            time.sleep(TICK_SECONDS)

    def _listen(self, trainer: Trainer) -> None:
        report = read(self.scratch.report, Report)
        if report is not None and (self.report is None or report.serial != self.report.serial):
            self.report, self.heard = report, time.monotonic()
            self.course.heard(report, trainer.pid)

    def _intervene(self, trainer: Trainer) -> None:
        """End the trainer if there is a reason: kindly at first, if that makes sense."""
        reason = self._find_reason()
        if reason is not None and self.reason not in {reason, Reason.FENCE_LOST}:
            self.reason = reason
            description, kindly = reason.value
            logger.info("%s: trainer %s is ended: %s", self.name, trainer.pid, description)
            if kindly and self.kill_at is None:
                trainer.stop()
                self.kill_at = time.monotonic() + self.settings.grace_seconds
            elif not kindly:
                self.kill_at = time.monotonic()
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            trainer.kill()

    def _find_reason(self) -> Reason | None:
        """The gravest reason that holds."""
        job = self.claim.job
        limit = job.max_seconds
        now = time.monotonic()
        holds = {
            Reason.FENCE_LOST: self.lease.lost,
            Reason.STALLED: self.kill_at is None and now - self.heard > self._patience(),
            Reason.CANCEL: self.lease.status is Status.CANCELLING,
            Reason.TIME_LIMIT: limit is not None and job.seconds_used + now - self.began > limit,
            Reason.SHUTDOWN: self.shutdown.is_set(),
        }
        return next((reason for reason, so in holds.items() if so), None)

    def _patience(self) -> float:
        longest = self.report.longest_step if self.report else 0.0
        return max(self.settings.stall_seconds, STALL_STEPS * longest)

    def _conclude(self, trainer: Trainer) -> None:
        """Turn how the trainer ended into the row's next state."""
        self._listen(trainer)
        self.lease.beat(self.report.progress if self.report else None)
        if self.lease.lost:
            self.course.ended("lost", "lease-lost")
            return
        self.relay.take_last()
        outcome = read(self.scratch.outcome, Outcome)
        if self.reason is Reason.CANCEL:
            self._cancelled()
        elif outcome is not None:
            done = self.lease.outlast(partial(self._publish, outcome), self.shutdown.is_set)
            self.course.ended("succeeded" if done else "lost")
        elif self.reason is Reason.TIME_LIMIT:
            self._fail(errors.TimeLimit(f"It may compute for {self.claim.job.max_seconds:g} s."))
        elif self.reason is Reason.SHUTDOWN or self._signalled(trainer):
            self._release()
        else:
            self._crashed(trainer)

    def _signalled(self, trainer: Trainer) -> bool:
        """Whether the whole service was told to end, as by systemd, and the trainer did first."""
        return self.reason is None and trainer.heeded() and self.shutdown.wait(SIGNAL_SECONDS)

    def _publish(self, outcome: Outcome) -> bool:
        with tracer.start_as_current_span("publish"):
            return publish(outcome, self.artifacts, self.scratch, self.lease)

    def _cancelled(self) -> None:
        logger.info("%s: cancelled", self.name)
        self.course.ended("cancelled")
        self.lease.insist(lambda: self.lease.attempts.cancelled(*self.mine))

    def _release(self, why: str = "its worker was shut down", *, thrifty: bool = False) -> None:
        """Back into the queue; a job that was being cancelled cannot go there."""
        logger.info("%s: released: %s", self.name, why)
        self.course.ended("released")
        attempts = self.lease.attempts
        self.lease.insist(
            lambda: (
                attempts.release(*self.mine, why, thrifty=thrifty) or attempts.cancelled(*self.mine)
            )
        )

    def _crashed(self, trainer: Trainer) -> None:
        failure, last_words = read(self.scratch.failure, Failure), trainer.last_words()
        for line in last_words:
            logger.warning("%s: | %s", self.name, line)
        if failure is not None and failure.kind == errors.OutOfMemory.slug():
            self._out_of_memory(failure.detail)
        elif failure is not None and failure.kind in FATAL:
            self._fail(FATAL[failure.kind](failure.detail))
        elif self.hardware.is_gone(self.lease.keep):
            self.device_gone = True
            self._release(f"its worker's {self.hardware.name} does not answer any more")
        elif failure is not None:
            self._lost(failure.detail)
        elif self.reason is Reason.STALLED:
            self._lost(f"The trainer reported nothing for {self._patience():.0f} s and was killed.")
        else:
            self._lost(f"The trainer {trainer.ending()}.", log=last_words)

    def _out_of_memory(self, detail: str) -> None:
        """Once more by the thrifty way where there is one, which a GPU has."""
        has, needs = self.hardware, self.claim.job.needs_bytes
        if has.device is Device.GPU and not self.claim.job.thrifty:
            why = f"the {has.name} had too little memory: once more, with less ({detail})"
            self._release(why, thrifty=True)
            return
        known = f"{needs / MIB:,.0f} MiB were estimated" if needs else "No estimate was made"
        self._fail(
            errors.OutOfMemory(
                f"{detail.rstrip('.')}. {known}, {has.name} has {has.memory_bytes / MIB:,.0f} MiB: "
                "give landmarks, a smaller image_size or fewer images, or run it on a worker with "
                "more memory.",
                estimate_bytes=needs,
                memory_bytes=has.memory_bytes,
            )
        )

    def _fail(self, error: errors.DomainError) -> None:
        logger.warning("%s: failed: %s", self.name, error.detail)
        self.course.ended("failed", error.slug())
        tracing.failed(error.slug(), error.detail)
        self.lease.insist(lambda: self.lease.attempts.fail(*self.mine, error))

    def _lost(self, detail: str, **members: list[str]) -> None:
        logger.warning("%s: lost: %s", self.name, detail)
        error = errors.TrainerCrashed(detail, **members)
        self.course.ended("lost", error.slug())
        tracing.failed(error.slug(), error.detail)
        self.lease.insist(lambda: self.lease.attempts.lost(*self.mine, error))

    def _specify(self) -> Spec:
        """What the trainer needs; files of a store that is far away are fetched.

        Raises:
            FilesMissing: if one is not there.
        """
        inputs, keep = self.scratch.root / "inputs", self.lease.keep
        checkpoints = by_age(self.claim.checkpoint)[-KEPT:]
        fetch = partial(self.artifacts.fetch, alive=keep)
        dataset_id = self.claim.job.dataset_id
        try:
            with tracer.start_as_current_span("fetch"):
                found = Inputs(
                    self.artifacts.fetch_all(f"datasets/{dataset_id}", inputs / "dataset", keep),
                    {file.name: fetch(file.key, inputs / "model") for file in self._model()},
                    [fetch(file.key, inputs / "checkpoints") for file in reversed(checkpoints)],
                )
        except FileNotFoundError as error:
            raise errors.FilesMissing(
                f"Not in the artifact store: {error}. Files were removed by hand, or lie in "
                "another store (S2CONVSCN_ARTIFACTS_URL): put them back. Those of the data set "
                f"{dataset_id} come back when the same images are uploaded again."
            ) from error
        return specify(self.claim, self.settings, found, self.hardware.torch_device)

    def _model(self) -> list[Artifact]:
        return [file for file in self.claim.model if file.name in MODEL]
