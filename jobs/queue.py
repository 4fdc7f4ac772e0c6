"""The queue: Celery carries a job's id and nothing else."""

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from opentelemetry.trace import SpanKind

from jobs import errors
from jobs.settings import Settings
from jobs.tracing import JOB, tracer

TASK = "s2convscn.run"
QUEUE = "jobs"
FIRST, IN_TURN = 0, 5
"""Priorities, of which the broker hands out the lowest first."""


def celery_app(settings: Settings) -> Celery:
    """Celery as the queue's rules want it: early ack, no prefetch, no results, JSON alone."""
    app = Celery("s2convscn", broker=settings.broker, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_default_queue=QUEUE,
        task_publish_retry=False,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_transport_options=transport_options(settings),
    )
    return app


def transport_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "visibility_timeout": 3600,
        "queue_order_strategy": "priority",
        "priority_steps": list(range(10)),
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "health_check_interval": 25,
        "max_retries": 1,
        "interval_start": 0.1,
    }
    if not settings.broker.startswith("redis+socket://"):
        options["socket_keepalive"] = True
    return options


def queue_of(device: str | None) -> str:
    """The queue of jobs that shall run on a device, or of those that may run anywhere."""
    return QUEUE if device is None else f"{QUEUE}.{device}"


class Queue:
    """Sends job ids. The row is committed before; a lost message is sent again by the reaper."""

    def __init__(self, celery: Celery) -> None:
        self.celery = celery

    def send(self, job_id: str, device: str | None = None, *, again: bool = False) -> None:
        """Wake a worker, one on this device if that was said.

        ``again``: before the jobs that are sent for the first time, having waited once.

        Raises:
            BrokerUnavailable: when the broker does not take the message.
        """
        priority, queue = FIRST if again else IN_TURN, queue_of(device)
        about = {
            "messaging.system": "celery",
            "messaging.operation.type": "send",
            "messaging.destination.name": queue,
            JOB: job_id,
        }
        try:
            with tracer.start_as_current_span(f"send {queue}", None, SpanKind.PRODUCER, about):
                self.celery.send_task(TASK, args=[job_id], queue=queue, priority=priority)
        except (OperationalError, OSError) as error:
            raise errors.BrokerUnavailable(f"The queue does not take messages: {error}") from error

    def ping(self) -> None:
        """Raises BrokerUnavailable when the broker does not answer."""
        try:
            with self.celery.connection_for_write(connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
                connection.default_channel.client.ping()
        except Exception as error:
            raise errors.BrokerUnavailable(f"The queue does not answer: {error}") from error
