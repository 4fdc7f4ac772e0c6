"""Events as they happen: one look at the database serves all streams of a process."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection
from functools import partial
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from sqlalchemy.exc import SQLAlchemyError

from app.errors import TooManyStreams
from app.views import event_view
from jobs.records import Event
from jobs.states import Happening
from jobs.store.events import Events, News

MOST = 800
"""Streams of a process, of which each takes one of the 1024 files that it may open by default."""
LOOK_SECONDS = 0.5
PING_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
"""A stream then ends, and whoever comes back must still have a valid key."""
BACKLOG = 1000
"""Events that wait for a slow reader; with more its stream ends, and it comes back for the rest."""
TOGETHER = 20
PAUSE_SECONDS = 0.002
"""So many streams are served at once, and then everybody else."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Nobody on the way keeps a stream, or holds parts of it back."""

logger = logging.getLogger(__name__)


class Frame(NamedTuple):
    """What goes over the wire, and the event in it; a sign of life has none."""

    data: bytes
    id: int = 0
    kind: Happening | None = None

    @property
    def last(self) -> bool:
        return self.kind is not None and self.kind.last


PING = Frame(KEEPALIVE_COMMENT)


class Stream:
    """What waits for one reader; ``None`` ends it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.ends = time.monotonic() + LONGEST_SECONDS

    def put(self, frame: Frame) -> bool:
        """False, and the end, when the reader is too slow or was here long enough."""
        fine = self.waiting.qsize() < BACKLOG and time.monotonic() < self.ends
        self.waiting.put_nowait(frame if fine else None)
        return fine


class Channel:
    """The streams of one job; ``seen`` is the last event that all of them were given."""

    def __init__(self, seen: int) -> None:
        self.seen = seen
        self.streams: set[Stream] = set()

    async def publish(self, frame: Frame) -> None:
        streams = list(self.streams)
        for first in range(0, len(streams), TOGETHER):
            for stream in streams[first : first + TOGETHER]:
                if not stream.put(frame):
                    self.streams.discard(stream)
            await asyncio.sleep(PAUSE_SECONDS)

    def end(self) -> None:
        for stream in self.streams:
            stream.waiting.put_nowait(None)


class Streams:
    """All streams of a process. Everything runs in its event loop."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.open = 0
        self._channels: dict[str, Channel] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self._reader = CapacityLimiter(1)
        """Its own thread: streams go on while uploads and downloads have all others."""

    def response(
        self, job_id: str, after: int, kinds: Collection[Happening]
    ) -> EventSourceResponse:
        """Raises TooManyStreams."""
        if self.open >= MOST:
            raise TooManyStreams(
                f"{MOST} streams are open: look at /v1/jobs/{job_id}, or come back later."
            )
        return EventSourceResponse(self.follow(job_id, after, kinds), headers=HEADERS)

    async def follow(
        self, job_id: str, after: int, kinds: Collection[Happening] = ()
    ) -> AsyncIterator[bytes]:
        """A job's events of a later id than ``after``, in the format of server-sent events.

        Ends with the event that ends the job, or before: then the reader comes back, and is told
        of a job that was deleted.
        """
        self.open += 1
        stream = Stream()
        try:
            async for frame in self._frames(job_id, after, stream):
                if not kinds or frame.kind in kinds or frame is PING:
                    yield frame.data
        finally:
            self.open -= 1
            self._leave(job_id, stream)

    def close(self) -> None:
        """End all streams, for a service that stops."""
        self._closed = True
        for channel in self._channels.values():
            channel.end()

    async def _frames(self, job_id: str, after: int, stream: Stream) -> AsyncIterator[Frame]:
        """First what the database has, then what comes."""
        joined = False
        while not joined:
            for frame in await self._past(job_id, after):
                yield frame
                if frame.last:
                    return
                after = frame.id
            joined = self._join(job_id, after, stream)
        while not self._closed and (coming := await stream.waiting.get()):
            if coming is PING or coming.id > after:
                yield coming
                if coming.last:
                    return

    async def _past(self, job_id: str, after: int) -> list[Frame]:
        read = partial(self.events.of, job_id, after)
        return [encoded(event) for event in await to_thread.run_sync(read, limiter=self._reader)]

    def _join(self, job_id: str, after: int, stream: Stream) -> bool:
        """Take part in what comes; False if what came after ``after`` was given to others alone."""
        channel = self._channels.setdefault(job_id, Channel(after))
        channel.streams.add(stream)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return channel.seen <= after

    def _leave(self, job_id: str, stream: Stream) -> None:
        channel = self._channels.get(job_id)
        if channel is not None:
            channel.streams.discard(stream)
            if not channel.streams:
                del self._channels[job_id]

    async def _look(self) -> None:
        """Ask for news and pass them on, again and again, as long as anybody wants them."""
        pinged = time.monotonic()
        while self._channels and not self._closed:
            await asyncio.sleep(LOOK_SECONDS)
            news = await self._news()
            for event in news.events:
                if channel := self._channels.get(event.job_id):
                    channel.seen = event.id
                    await channel.publish(encoded(event))
            for job_id in news.gone:
                if channel := self._channels.pop(job_id, None):
                    channel.end()
            if time.monotonic() - pinged >= PING_SECONDS:
                pinged = time.monotonic()
                for channel in [*self._channels.values()]:
                    await channel.publish(PING)

    async def _news(self) -> News:
        """Nothing while the database is away."""
        seen = {job_id: channel.seen for job_id, channel in self._channels.items()}
        try:
            return await to_thread.run_sync(self.events.news, seen, limiter=self._reader)
        except SQLAlchemyError as error:
            logger.warning("no answer from the database (%s)", type(error).__name__)
            return News([], [])


def encoded(event: Event) -> Frame:
    """An event as it goes over the wire."""
    data = event_view(event).model_dump_json()
    text = format_sse_event(data_str=data, event=event.kind, id=str(event.id))
    return Frame(text, event.id, event.kind)
