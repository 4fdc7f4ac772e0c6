"""How all processes log: a line an event, as text or as JSON, with what it belongs to."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from opentelemetry import trace

Form = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is answered; set by the API."""
job_id: ContextVar[str | None] = ContextVar("job_id", default=None)
"""Of the job that is worked on; set by worker and trainer."""
ABOUT = {"request_id": request_id, "job_id": job_id}


def configure(form: Form, level: str, process: str) -> None:
    """Log to standard error from now on; ``process`` is api, worker or trainer."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(process) if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class Lines(logging.Formatter):
    """One JSON object a line: time, level, logger, process, message, ids, exception.

    Ids of trace and span are W3C's, where something is traced.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self.process,
            "message": record.getMessage(),
        }
        said |= {name: value for name, about in ABOUT.items() if (value := about.get())}
        if (span := trace.get_current_span().get_span_context()).is_valid:
            said |= {
                "trace_id": trace.format_trace_id(span.trace_id),
                "span_id": trace.format_span_id(span.span_id),
            }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
