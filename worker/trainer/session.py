"""One attempt from the images to the outcome that its supervisor publishes."""

import logging
import threading
from contextlib import closing

from jobs.states import Phase
from models import ensemble, landmarks, selection
from models.base import Clustering, FloatArray, Method, Shape
from models.catalogue import parse
from models.counting import survey
from models.sizes import fitted_images
from models.thrift import thrift
from worker.exchange import Spec
from worker.trainer import checkpoints, machine
from worker.trainer.images import load_images
from worker.trainer.overview import overview
from worker.trainer.prediction import predict
from worker.trainer.results import Finished, publish
from worker.trainer.run import JobRun
from worker.trainer.stretches import Stretches
from worker.versions import versions

logger = logging.getLogger(__name__)


def train(spec: Spec, stop: threading.Event) -> None:
    """Raises Stopped when told to end before the fit is over, and what the method raises."""
    checkpoint = checkpoints.newest(spec.checkpoints)
    # A job goes on with as many threads as it began with: its sums then round alike.
    threads = machine.thread_count(checkpoint.journal.threads if checkpoint else spec.threads)
    machine.check_device(spec.device)
    with machine.threads(threads), thrift(spec.thrifty), closing(Stretches()) as stretches:
        run = JobRun(
            spec,
            device=spec.device,
            threads=threads,
            versions=versions(),
            checkpoint=checkpoint,
            stop=stop,
            stretches=stretches,
        )
        finished = predict(spec, run) if spec.model else fit(spec, parse(spec.method), run)
        publish(spec, run, finished, overview(spec, run, finished))


def fit(spec: Spec, method: Method, run: JobRun) -> Finished:
    run.heed()
    run.show(Phase.LOADING, 0, 1)
    loaded = load_images(spec.dataset, spec.image_size)
    run.show(Phase.LOADING, 1, 1)
    run.heed()
    logger.info(
        "%d images of %s on %s", *loaded.images.shape[:1], loaded.images.shape[1:], run.device
    )
    n = spec.n_clusters or choose(loaded.images, run)
    n_images, *shape = loaded.images.shape
    fitted = fitted_images(n_images, spec.n_clusters, spec.landmarks)
    method = method.resolve(Shape(fitted, *shape), n)

    def cluster(images: FloatArray) -> Clustering:
        if spec.select:
            return selection.fit(method, images, n, run)
        return ensemble.fit(method, images, n, run, spec.ensemble)

    run.begin()
    clustering = landmarks.fit(cluster, loaded.images, n, run, fitted)
    seconds = run.elapsed
    logger.info("fitted in %.1f s", seconds)
    return Finished(method, loaded, clustering, n, seconds)


def choose(images: FloatArray, run: JobRun) -> int:
    """The number of clusters that the images suggest; a job that goes on keeps its choice."""
    if run.count is None:
        X = images.reshape(len(images), -1)
        found = survey(X, run.seed, lambda done, total: run.report("counting", done, total))
        run.count = found.shown()
        logger.info("%d clusters were chosen", found.suggested)
    return int(run.count["suggested"])
