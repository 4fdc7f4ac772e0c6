"""A worker: takes jobs from the queue one at a time, and looks after those that were lost."""

import logging
import secrets
import socket
import sys
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_shutting_down
from httpx import create_ssl_context
from sqlalchemy.exc import SQLAlchemyError

from jobs import logs, tracing
from jobs.artifacts import ArtifactStore, open_store
from jobs.errors import StoreRefused, StoreUnavailable
from jobs.queue import QUEUE, TASK, Queue, celery_app, queue_of
from jobs.settings import Settings, SettingsError, load
from jobs.store import Store
from jobs.store.database import reason
from jobs.store.migrations import SchemaTooNew
from worker import forkserver
from worker.hardware import Hardware, choose
from worker.metrics import Figures
from worker.periodic import Periodic
from worker.presence import BEAT_SECONDS, Presence
from worker.reaper import Reaper
from worker.supervisor import Supervisor
from worker.webhooks.courier import Courier
from worker.webhooks.sending import Sender

logger = logging.getLogger(__name__)

COURIERS, COURIER_SECONDS = 2, 1.0
"""Threads that deliver webhooks, and how often they look."""


def main() -> int:
    """Run until SIGTERM or SIGINT.

    Exit status 2 for a wrong setting, a store that refuses, or the schema of a later version; 1
    without database or store.
    """
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings)
    send_traces = tracing.configure(settings.traces_endpoint, "worker")
    figures = Figures()
    try:
        hardware = choose(settings.device, settings.worker_memory_bytes)
        artifacts = open_store(settings)
        artifacts.check()
        store = Store(settings)
        stop = figures.serve(settings)
    except (SettingsError, SchemaTooNew, StoreRefused) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        sys.stderr.write(f"Figures cannot be shown at {where}: {error.strerror}.\n")
        return 2
    except SQLAlchemyError as error:
        sys.stderr.write(f"{reason(error)}\n")
        return 1
    try:
        work(settings, store, artifacts, hardware, figures)
    finally:
        stop()
        send_traces()
    return 0


def configure_logging(settings: Settings) -> None:
    """One line an event on standard error; of Celery only what is wrong."""
    logs.configure(settings.log_format, settings.log_level, "worker")
    for name in ("celery", "kombu", "amqp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    setup_logging.connect(_leave_logging_alone)
    # Celery warns of what this worker does not do: run pickles as root, acknowledge late.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)


def _leave_logging_alone(**_: Any) -> None:
    """Celery sets up no logging of its own when this signal has a receiver."""


def work(
    settings: Settings,
    store: Store,
    artifacts: ArtifactStore,
    hardware: Hardware,
    figures: Figures,
) -> None:
    celery = celery_app(settings)
    name = f"worker-{secrets.token_hex(4)}@{socket.gethostname()}"
    supervisor = Supervisor(
        settings, store, artifacts, Queue(celery), name, hardware=hardware, figures=figures
    )
    celery.task(name=TASK)(supervisor.serve)

    def shut_down(**_: Any) -> None:
        supervisor.shutdown.set()

    worker_shutting_down.connect(shut_down)
    try:
        serve(celery, supervisor)
    finally:
        store.close()


def serve(celery: Celery, supervisor: Supervisor) -> None:
    settings, store = supervisor.settings, supervisor.store
    presence = Presence(store, supervisor)
    reaper = Reaper(settings, store, supervisor.artifacts, supervisor.queue, supervisor)
    couriers = Courier(store.webhooks, Sender(settings.webhook_networks, create_ssl_context()))
    threads = [
        *(Periodic(f"courier {i}", COURIER_SECONDS, couriers.look) for i in range(COURIERS)),
        Periodic("presence", BEAT_SECONDS, presence.beat),
        Periodic("reaper", settings.reap_seconds, reaper.look),
    ]
    for thread in threads:
        thread.start()
    logger.info("%s starts", supervisor.name)
    forkserver.give_back(forkserver.take())  # it loads before the first job comes
    try:
        consume(celery, supervisor)
    finally:
        for thread in threads:
            thread.stop()
        Periodic("presence", BEAT_SECONDS, presence.leave).act()
        logger.info("%s has ended", supervisor.name)


def consume(celery: Celery, supervisor: Supervisor) -> None:
    """Celery's worker in this process, until a signal ends it."""
    celery.Worker(
        hostname=supervisor.name,
        pool="threads",
        concurrency=1,
        queues=[QUEUE, queue_of(supervisor.hardware.device)],
        without_gossip=True,
        without_mingle=True,
        loglevel="WARNING",
        quiet=True,
    ).start()
