"""What a trainer is told, from what the database knows of its job."""

from pathlib import Path
from typing import NamedTuple

from jobs import tracing
from jobs.records import AUTO, Claim
from jobs.settings import Settings
from worker.exchange import Spec


class Inputs(NamedTuple):
    """Local files: the data set's folder, a model's by name, checkpoints, the newest first."""

    dataset: Path
    model: dict[str, Path]
    checkpoints: list[Path]


def specify(claim: Claim, settings: Settings, inputs: Inputs, device: str) -> Spec:
    """``device``: the worker's own, as torch calls it."""
    job, request = claim.job, claim.job.request
    return Spec(
        job_id=job.id,
        attempt=claim.attempt,
        scratch=settings.scratch_dir / job.id / str(claim.attempt),
        dataset=inputs.dataset,
        source=claim.dataset.model_dump(include={"id", "name", "sha256"}),
        request=request,
        method=job.method,
        n_clusters=None if request["n_clusters"] == AUTO else request["n_clusters"],
        predicts=job.predicts,
        model=inputs.model,
        seed=request.get("seed") or 0,
        ensemble=request.get("ensemble") or 1,
        landmarks=request.get("landmarks"),
        select=request.get("select"),
        image_size=request.get("image_size"),
        notices=[*claim.dataset.notices, *job.notices],
        checkpoints=inputs.checkpoints,
        next_checkpoint=max((number(file.name) for file in claim.checkpoint), default=0) + 1,
        checkpoint_seconds=settings.checkpoint_seconds,
        device=device,
        thrifty=job.thrifty,
        threads=settings.threads,
        log_format=settings.log_format,
        trace=tracing.current(),
        traces_endpoint=settings.traces_endpoint,
    )


def number(checkpoint: str) -> int:
    """``checkpoint-000012.safetensors`` is the 12th."""
    return int(checkpoint.removeprefix("checkpoint-").removesuffix(".safetensors"))
