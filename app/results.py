"""Which files a job has, and whether they are results yet."""

from app.context import Context
from app.files import still_there
from jobs.artifacts import read
from jobs.errors import NotFound, NotReady
from jobs.records import Artifact, Job
from jobs.states import Status

ADVICE = {
    Status.FAILED: "It has no results: its error says why.",
    Status.CANCELLED: "It has no results: it can be resumed.",
    Status.CANCELLING: "It will have no results.",
}


def succeeded(context: Context, job_id: str) -> Job:
    """The job, if it has results. Raises NotReady otherwise."""
    job = context.store.jobs.get(job_id, context.owner)
    if job.status is Status.SUCCEEDED:
        return job
    raise NotReady(
        f"The job is {job.status}. {ADVICE.get(job.status, 'Wait until it has succeeded.')}",
        job_status=job.status,
    )


def find(context: Context, job: Job, name: str, kind: str | None = None) -> Artifact:
    """Raises NotFound, naming what there is."""
    there = context.store.jobs.artifacts(job.id, kind)
    for artifact in there:
        if artifact.name == name:
            return artifact
    names = ", ".join(artifact.name for artifact in there) or "nothing"
    raise NotFound(f"The job has no {name!r}; there is {names}.")


def content(context: Context, job: Job, name: str) -> bytes:
    """All bytes of a small file. Raises NotFound, or Gone if it was deleted just now."""
    artifact = find(context, job, name)
    with still_there(f"The file {name!r}"):
        return read(context.artifacts, artifact.key)
