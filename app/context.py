"""What the routes share: settings, store, artifacts, queue."""

from dataclasses import dataclass, replace
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from app import errors
from app.indexes import Indexes
from app.metrics import Metrics
from app.rates import Rates
from app.streams import Streams
from jobs.artifacts import ArtifactStore, open_store
from jobs.queue import Queue, celery_app
from jobs.records import Limits, Scope
from jobs.settings import Settings
from jobs.store import Store

OWNER = "local"
"""Owns what is made without a key."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
HOW = "'Authorization: Bearer s2c_...'"
READERS = 2


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    artifacts: ArtifactStore
    indexes: Indexes
    queue: Queue
    readers: CapacityLimiter
    """How many uploads are read at once; others wait, so that reading leaves threads to serve."""
    streams: Streams
    rates: Rates
    metrics: Metrics
    owner: str = OWNER

    def needs_keys(self) -> bool:
        """Once a key was made, or where other machines can connect."""
        return not self.settings.on_loopback or self.store.keys.exist()

    @classmethod
    def open(cls, settings: Settings) -> "Context":
        """Connect to what the settings name; the broker is not contacted yet.

        Raises:
            StoreRefused: if the artifact store cannot be used.
            StoreUnavailable: if it does not answer.
        """
        settings.scratch_dir.mkdir(parents=True, exist_ok=True)
        store = Store(settings)
        streams = Streams(store.events)
        artifacts = open_store(settings)
        artifacts.check()
        return cls(
            settings=settings,
            store=store,
            artifacts=artifacts,
            indexes=Indexes(artifacts),
            queue=Queue(celery_app(settings)),
            readers=CapacityLimiter(READERS),
            streams=streams,
            rates=Rates(),
            metrics=Metrics(settings, store, streams),
        )


def shared(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def current(request: Request) -> Context:
    """The context of the one who asks, by the key of the request.

    Raises:
        Unauthenticated: without a valid key, where one is needed.
        InsufficientScope: for a change with a key that may only read.
        TooManyRequests: from an owner who asks too often.
    """
    context, said = shared(request), request.headers.get("Authorization")
    if said is None:
        if context.needs_keys():
            raise errors.Unauthenticated(f"Send a key: {HOW}. The service's operator makes them.")
        return _admitted(context, OWNER, context.settings.owner_limits)
    scheme, _, secret = said.partition(" ")
    key = context.store.keys.find(secret.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise errors.Unauthenticated(f"This key is not known, or was revoked. Send it as {HOW}.")
    if key.scope is Scope.READ and request.method not in SAFE:
        raise errors.InsufficientScope(f"{key.id} has the scope 'read': take one with 'write'.")
    limits = key.limits.over(context.settings.owner_limits)
    admitted = _admitted(context, key.id if key.limits.requests_per_second else key.owner, limits)
    return replace(admitted, owner=key.owner, store=context.store.under(limits))


def _admitted(context: Context, who: str, limits: Limits) -> Context:
    rate = limits.requests_per_second
    if rate and (seconds := context.rates.take(who, rate)):
        raise errors.TooManyRequests(
            f"{rate:g} requests a second are allowed on average: ask again in {seconds} s.",
            retry_after=seconds,
        )
    return context


Anyones = Annotated[Context, Depends(shared)]
"""For what everybody may know without a key."""
Current = Annotated[Context, Depends(current)]
