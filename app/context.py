"""What the routes share: settings, store, artifacts, queue."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from jobs.artifacts import ArtifactStore
from jobs.queue import Queue, celery_app
from jobs.settings import Settings
from jobs.store import Store

OWNER = "local"
"""The one owner, as long as there are no keys."""
READERS = 2


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    artifacts: ArtifactStore
    queue: Queue
    readers: CapacityLimiter
    """How many uploads are read at once; others wait, so that reading leaves threads to serve."""
    owner: str = OWNER

    @classmethod
    def open(cls, settings: Settings) -> "Context":
        """Connect to what the settings name; the broker is not contacted yet."""
        settings.scratch_dir.mkdir(parents=True, exist_ok=True)
        return cls(
            settings=settings,
            store=Store(settings),
            artifacts=ArtifactStore(settings.artifacts_dir),
            queue=Queue(celery_app(settings)),
            readers=CapacityLimiter(READERS),
        )


def current(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Current = Annotated[Context, Depends(current)]
