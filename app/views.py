"""From the store's records to what goes over HTTP."""

from collections.abc import Sequence

from app.schemas import (
    ArtifactView,
    DatasetView,
    EventView,
    JobView,
    Problem,
    WebhookView,
    WorkerSeen,
    WorkerView,
)
from jobs.records import (
    JSON,
    Artifact,
    Dataset,
    Event,
    Job,
    Progress,
    Webhook,
    Worker,
    timestamp,
)
from jobs.settings import GIB
from jobs.states import Happening, Phase, Status

PHASES = {
    Phase.LOADING: "Loading the images",
    Phase.COUNTING: "Choosing the number of clusters",
    Phase.PREPARING: "Choosing how to look at the images",
    Phase.PRETRAINING: "Pre-training the auto-encoder",
    Phase.INITIALISING: "Choosing the first coefficients",
    Phase.SELF_EXPRESSION: "Learning the self-expression",
    Phase.TRAINING: "Training the whole network",
    Phase.PREDICTING: "Assigning the images by the trained model",
    Phase.SOLVING: "Expressing each image by the others",
    Phase.CLUSTERING: "Clustering",
    Phase.ASSIGNING: "Expressing the other images by the landmarks",
    Phase.SCORING: "Scoring and mapping",
    Phase.PUBLISHING: "Storing the results",
}
DONE = "Done: labels, affinity, checkpoints and artifacts are there."
ASSIGNED = "Done: labels and artifacts are there."
LINKED = (
    "events",
    "labels",
    "affinity",
    "spectrum",
    "checkpoints",
    "artifacts",
    "predictions",
)


OF_A_FIT = {"affinity", "spectrum", "predictions"}
"""What a prediction has not."""


def dataset_view(dataset: Dataset) -> DatasetView:
    path = f"/v1/datasets/{dataset.id}"
    fields = dataset.model_dump(exclude={"owner", "created_at", "deleted_at"})
    return DatasetView(
        **fields,
        kind="features" if dataset.dimension else "images",
        dimension=dataset.dimension,
        created_at=timestamp(dataset.created_at),
        links={"self": path, "images": f"{path}/images"},
    )


def job_view(
    job: Job,
    position: int | None,
    alive: Sequence[Worker],
    seen: Worker | None,
    webhook: Webhook | None,
) -> JobView:
    """A job's row; ``alive``: the workers that are; ``seen``: the job's own worker, if known."""
    progress = job.progress
    done = job.status is Status.SUCCEEDED
    return JobView(
        id=job.id,
        dataset_id=job.dataset_id,
        status=job.status,
        terminal=job.status.terminal,
        message=message(job, position, alive),
        phase=progress.phase if progress else None,
        progress=1.0 if done else progress.fraction if progress else 0.0,
        epoch=progress.epoch if progress else None,
        epochs=progress.epochs if progress else None,
        losses=progress.losses if progress else {},
        estimated_finish=_finish(job),
        priority=job.priority,
        queue_position=position,
        attempt=job.attempt,
        worker=_seen(job, seen),
        error=None if job.error is None else Problem(**job.error),
        notices=job.notices,
        result=job.result,
        method=job.method,
        request=job.request,
        metadata=job.metadata,
        webhook=webhook and webhook_view(webhook),
        resumed_from=job.resumed_from,
        predicts=job.predicts,
        needs_bytes=job.needs_bytes,
        device=job.device,
        max_seconds=job.max_seconds,
        seconds_used=job.seconds_used,
        created_at=timestamp(job.created_at),
        started_at=timestamp(job.started_at),
        finished_at=timestamp(job.finished_at),
        links=job_links(job),
    )


def webhook_view(webhook: Webhook) -> WebhookView:
    times = {"next_at": timestamp(webhook.next_at), "last_at": timestamp(webhook.last_at)}
    return WebhookView(**webhook.model_dump(exclude=set(times)), **times)


def job_links(job: Job) -> dict[str, str]:
    path = f"/v1/jobs/{job.id}"
    links = {"self": path, "dataset": f"/v1/datasets/{job.dataset_id}"}
    if job.predicts is not None:
        links["model"] = f"/v1/jobs/{job.predicts}"
    hidden = OF_A_FIT if job.predicts else set()
    links |= {name: f"{path}/{name}" for name in LINKED if name not in hidden}
    if not job.status.terminal:
        links["cancel"] = f"{path}/cancel"
    if job.status in {Status.FAILED, Status.CANCELLED}:
        links["resume"] = f"{path}/resume"
    return links


def message(job: Job, position: int | None, alive: Sequence[Worker]) -> str:
    """The state in plain words."""
    match job.status:
        case Status.QUEUED:
            return f"Queued at position {position}{_hindrance(job, alive)}."
        case Status.RUNNING:
            text = _running(job.progress)
            return text if alive else f"{text} No worker is alive: the job waits for one."
        case Status.CANCELLING:
            return "Stopping."
        case Status.SUCCEEDED:
            return DONE if job.predicts is None else ASSIGNED
        case Status.FAILED:
            return f"Failed. {(job.error or {}).get('detail', '')}".strip()
        case Status.CANCELLED:
            return "Cancelled."


def _hindrance(job: Job, alive: Sequence[Worker]) -> str:
    """What keeps a queued job from ever starting."""
    if not alive:
        return "; no worker is alive: start one"
    if any(worker.capacity.holds(job) for worker in alive):
        return ""
    where = "" if job.device is None else f" on a {job.device.upper()}"
    return (
        f"; no worker that is alive can hold it: it needs about "
        f"{(job.needs_bytes or 0) / GIB:.1f} GiB{where}. Start one that can"
    )


def _running(progress: Progress | None) -> str:
    if progress is None:
        return "Starting."
    text = PHASES[progress.phase]
    if progress.epoch is None or progress.epochs is None:
        return f"{text}."
    return f"{text}: epoch {progress.epoch} of {progress.epochs}."


def _finish(job: Job) -> object:
    running = job.status is Status.RUNNING and job.progress is not None
    return timestamp(job.progress.finish_at) if running and job.progress else None


def _seen(job: Job, worker: Worker | None) -> WorkerSeen | None:
    if job.worker is None:
        return None
    return WorkerSeen(name=job.worker, seen_at=timestamp(worker.seen_at) if worker else None)


def artifact_view(job: Job, artifact: Artifact) -> ArtifactView:
    folder = "checkpoints" if artifact.kind == "checkpoint" else "artifacts"
    return ArtifactView(
        **artifact.model_dump(exclude={"key"}),
        links={"self": f"/v1/jobs/{job.id}/{folder}/{artifact.name}"},
    )


def event_view(event: Event) -> EventView:
    data = event.data
    if event.kind is Happening.PROGRESS:
        progress = Progress.model_validate(data)
        data = {"message": _running(progress), **_where(progress)}
    return EventView(id=event.id, at=timestamp(event.at), kind=event.kind, data=data)


def _where(progress: Progress) -> JSON:
    """How far a job is, in the words of a job's view."""
    told = progress.model_dump(mode="json", exclude={"fraction", "finish_at"})
    return told | {
        "progress": progress.fraction,
        "estimated_finish": timestamp(progress.finish_at),
    }


def worker_view(worker: Worker) -> WorkerView:
    times = {"since": timestamp(worker.since), "seen_at": timestamp(worker.seen_at)}
    return WorkerView(**worker.model_dump(exclude=set(times)), **times)
