"""Tells those who asked that their job is over, until they have heard it."""

import json
import logging
import random
import time
from typing import Any
from urllib.parse import urlsplit

import httpcore
from opentelemetry.trace import SpanKind

from jobs import tracing
from jobs.records import Job, timestamp
from jobs.store.webhooks import Message, Webhooks
from jobs.tracing import tracer
from worker.webhooks.sending import Refused, Sender
from worker.webhooks.signature import headers

logger = logging.getLogger(__name__)

MINUTE, HOUR = 60.0, 3600.0
WAITS = (
    *(5.0, 5 * MINUTE, 30 * MINUTE),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
"""Between attempts, as Standard Webhooks advises: three days in all."""
JITTER = 0.1
GONE = 410
"""The receiver's way to say that it wants no more."""


class Courier:
    def __init__(self, webhooks: Webhooks, sender: Sender) -> None:
        self.webhooks, self.sender = webhooks, sender

    def look(self) -> None:
        """Send all that is due. Raises when the database is away; the next round tries again."""
        while (message := self.webhooks.take()) is not None:
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        host = urlsplit(message.endpoint.url).hostname or ""
        about: tracing.Attributes = {
            tracing.JOB: message.job.id,
            "s2convscn.attempt": message.attempt,
            "server.address": host,
        }
        context = tracing.below(message.job.trace)
        with tracer.start_as_current_span("webhook", context, SpanKind.CLIENT, about):
            error, final = self.attempt(message)
            if error is not None:
                tracing.failed("undelivered", error)
        where = f"{message.job.id} to {host}"
        if error is None:
            self.webhooks.delivered(message)
            logger.info("%s: delivered at attempt %d", where, message.attempt)
            return
        over = final or message.attempt > len(WAITS)
        wait = None if over else WAITS[message.attempt - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 - no secret
        self.webhooks.failed(message, error, wait)
        outlook = "given up" if wait is None else f"again in {wait:.0f} s"
        logger.warning("%s: attempt %d: %s; %s", where, message.attempt, error, outlook)

    def attempt(self, message: Message) -> tuple[str | None, bool]:
        """What went wrong, if something did, and whether to try again is of no use."""
        body = json.dumps(payload(message.job), separators=(",", ":")).encode()
        signed = headers(message.endpoint.secret, message.id, int(time.time()), body)
        try:
            status = self.sender.post(
                message.endpoint.url,
                signed | tracing.header() | {"content-type": "application/json"},
                body,
            )
        except Refused as error:
            return str(error), True
        except (OSError, httpcore.NetworkError, httpcore.TimeoutException) as error:
            return _said(error), False
        except httpcore.ProtocolError as error:
            return f"no HTTP: {_said(error)}", False
        if 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP has it
            return None, False
        return f"the answer was {status}", status == GONE


def payload(job: Job) -> dict[str, Any]:
    """The same in every attempt: a job that is over does not change."""
    finished = timestamp(job.finished_at)
    return {
        "type": f"job.{job.status}",
        "timestamp": finished and finished.isoformat(),
        "data": {
            "id": job.id,
            "dataset_id": job.dataset_id,
            "status": job.status,
            "error": job.error,
            "metadata": job.metadata,
            "links": {"self": f"/v1/jobs/{job.id}"},
        },
    }


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
