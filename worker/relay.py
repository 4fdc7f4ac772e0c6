"""Brings a trainer's checkpoints into the artifact store and its row."""

from jobs.artifacts import ArtifactStore
from jobs.records import Artifact, Claim
from worker.exchange import Scratch
from worker.lease import Lease

KEPT = 2


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

    def take(self) -> None:
        """Move what the trainer has finished into the store, and note it in the row."""
        for record in sorted(self.scratch.checkpoints.glob("checkpoint-*.json")):
            file = Artifact.model_validate_json(record.read_bytes())
            self.artifacts.take(record.with_name(file.name), file.key)
            record.unlink()
            self.kept.append(file)
            self._unsaved = True
        if self._unsaved:
            self._save()

    def _save(self) -> None:
        dropped, kept = self.kept[:-KEPT], self.kept[-KEPT:]
        save = self.lease.attempts.save_checkpoint
        if self.lease.try_once(lambda: save(self.lease.job_id, self.lease.attempt, kept)):
            self.kept, self._unsaved = kept, False
            for file in dropped:
                self.artifacts.path(file.key).unlink(missing_ok=True)


def by_age(files: list[Artifact]) -> list[Artifact]:
    """Checkpoints, the oldest first: their names are numbered on through all attempts."""
    return sorted(files, key=lambda file: file.name)
