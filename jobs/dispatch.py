"""How a job's message goes out, in the API and in the workers."""

from jobs.queue import Queue
from jobs.records import Job
from jobs.store import Store


def dispatch(store: Store, queue: Queue, job: Job, *, again: bool = False) -> None:
    """Note that a message goes, then send it: in this order.

    The note locks the job's row for a moment, and a worker that has the message passes over a row
    that is locked.

    Raises:
        BrokerUnavailable: when the broker does not take the message; the reaper sends it later.
    """
    store.jobs.sending(job.id)
    queue.send(job.id, job.device, again=again)
