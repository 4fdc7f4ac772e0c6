"""Brings a trainer's checkpoints into the artifact store and its row."""

import logging
import time
from contextlib import suppress
from pathlib import Path

from jobs.artifacts import ArtifactStore
from jobs.errors import StoreUnavailable
from jobs.records import Artifact, Claim
from worker.exchange import Scratch
from worker.lease import Lease

KEPT = 2
AWAY_SECONDS = 10.0
"""How long a store that does not answer is left alone."""

logger = logging.getLogger(__name__)


class Relay:
    """Keeps a job's last two checkpoints; a file is deleted only after the row forgets it."""

    def __init__(
        self, artifacts: ArtifactStore, scratch: Scratch, lease: Lease, claim: Claim
    ) -> None:
        self.artifacts = artifacts
        self.scratch = scratch
        self.lease = lease
        own = f"jobs/{claim.job.id}/"
        self.kept = [file for file in by_age(claim.checkpoint) if file.key.startswith(own)]
        self._unsaved = False
        self._not_before = 0.0

    def take(self) -> None:
        """Move the next that the trainer has finished into the store, and note it in the row.

        One at a time, for it may take long; those that newer ones have replaced are not sent.
        """
        waiting = self._waiting()
        for record in waiting[:-KEPT]:
            record.with_name(_noted(record).name).unlink(missing_ok=True)
            record.unlink()
        self._move(waiting[-KEPT:][:1])

    def take_last(self) -> None:
        """Move the newest one, also if the store was away a moment ago: what is left is lost."""
        self._not_before = 0.0
        self._move(self._waiting()[-1:])

    def _waiting(self) -> list[Path]:
        return sorted(self.scratch.checkpoints.glob("checkpoint-*.json"))

    def _move(self, records: list[Path]) -> None:
        for record in records:
            file = _noted(record)
            if self._stored(record.with_name(file.name), file.key):
                record.unlink()
                self.kept.append(file)
                self._unsaved = True
        if self._unsaved:
            self._save()

    def _stored(self, path: Path, key: str) -> bool:
        """Whether it is in the store now; while that is away, training goes on without it."""
        if time.monotonic() < self._not_before:
            return False
        try:
            self.artifacts.take(path, key, self.lease.keep)
        except StoreUnavailable as error:
            logger.warning("%s waits: %s", key, error.detail)
            self._not_before = time.monotonic() + AWAY_SECONDS
            return False
        return True

    def _save(self) -> None:
        dropped, kept = self.kept[:-KEPT], self.kept[-KEPT:]
        save = self.lease.attempts.save_checkpoint
        if self.lease.try_once(lambda: save(self.lease.job_id, self.lease.attempt, kept)):
            self.kept, self._unsaved = kept, False
            for file in dropped:
                with suppress(StoreUnavailable):  # a later sweep finds it
                    self.artifacts.remove(file.key)


def _noted(record: Path) -> Artifact:
    return Artifact.model_validate_json(record.read_bytes())


def by_age(files: list[Artifact]) -> list[Artifact]:
    """Checkpoints, the oldest first: their names are numbered on through all attempts."""
    return sorted(files, key=lambda file: file.name)
