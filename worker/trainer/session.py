"""One attempt from the images to the outcome that its supervisor publishes."""

import logging
import threading
import time

from jobs.states import Phase
from models import ensemble, selection
from models.base import Method
from models.catalogue import parse
from worker.exchange import Spec
from worker.trainer import checkpoints, machine
from worker.trainer.images import load_images
from worker.trainer.results import Finished, publish
from worker.trainer.run import JobRun

logger = logging.getLogger(__name__)


def train(spec: Spec, stop: threading.Event) -> None:
    """Raises Stopped when told to end before the fit is over, and what the method raises."""
    checkpoint = checkpoints.newest(spec.checkpoints)
    # A job goes on with as many threads as it began with: its sums then round alike.
    threads = machine.thread_count(checkpoint.journal.threads if checkpoint else spec.threads)
    device = machine.pick_device(spec.device)
    versions = machine.versions()
    with machine.threads(threads):
        run = JobRun(
            spec,
            device=device,
            threads=threads,
            versions=versions,
            checkpoint=checkpoint,
            stop=stop,
        )
        method = parse(spec.method)
        publish(spec, run, fit(spec, method, run))


def fit(spec: Spec, method: Method, run: JobRun) -> Finished:
    run.heed()
    run.show(Phase.LOADING, 0, 1)
    loaded = load_images(spec.dataset, spec.image_size)
    run.show(Phase.LOADING, 1, 1)
    run.heed()
    logger.info(
        "%d images of %s on %s", *loaded.images.shape[:1], loaded.images.shape[1:], run.device
    )
    began = time.monotonic()
    if spec.select:
        clustering = selection.fit(method, loaded.images, spec.n_clusters, run)
    else:
        clustering = ensemble.fit(method, loaded.images, spec.n_clusters, run, spec.ensemble)
    logger.info("fitted in %.1f s", time.monotonic() - began)
    return Finished(method, loaded, clustering)
