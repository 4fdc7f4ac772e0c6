"""What many clients do at once: look at jobs, follow them, upload, download in parts."""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle, takewhile
from pathlib import Path

from benchmarks.load.wire import Connection

POLLERS = 32
DOWNLOADERS = 2
PART = 1 << 20
PARTS_A_SECOND = 10
"""Of each downloader, at most."""
CHUNK = 1 << 18
OPENED_A_SECOND = 100


@dataclass
class Tally:
    """Seconds of each answered request by kind, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    streams: int = 0
    most_streams: int = 0
    events: int = 0
    bytes: Counter[str] = field(default_factory=Counter)

    def answered(self, kind: str, seconds: float) -> None:
        self.seconds.setdefault(kind, []).append(seconds)

    def failed(self, kind: str, why: object) -> None:
        self.failures[f"{kind}: {why}"] += 1


@dataclass
class Site:
    """The service under load: jobs that last, a file to fetch, an array to send."""

    port: int
    jobs: list[str]
    file: str
    upload: Path


async def attempt(tally: Tally, kind: str, call: Callable[[], Awaitable[None]]) -> None:
    """Whatever a request ends with that no client should see is counted under its kind."""
    try:
        await call()
    except (OSError, EOFError, ValueError) as error:
        tally.failed(kind, f"{type(error).__name__} {error}"[:100])


async def poll(site: Site, tally: Tally, rate: float, going_on: Callable[[], bool]) -> None:
    """Status reads at a steady rate; each counts from when it was due, whenever it was sent."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(POLLERS):
        free.put_nowait(Connection(site.port))
    jobs, begin = cycle(site.jobs), time.perf_counter()

    async def look(due: float) -> None:
        connection = await free.get()
        try:
            answer = await connection.get(f"/v1/jobs/{next(jobs)}")
            if answer.status != 200 or not json.loads(answer.body)["status"]:
                raise ValueError(answer.status)
            tally.answered("status", time.perf_counter() - due)
        finally:
            free.put_nowait(connection)

    async with asyncio.TaskGroup() as tasks:
        for number in takewhile(lambda _: going_on(), count()):
            due = begin + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            tasks.create_task(attempt(tally, "status", partial(look, due)))


async def follow(site: Site, tally: Tally, number: int) -> None:
    """One client with an event stream open at all times, on one job after the other."""
    for turn in count(number):
        path = f"/v1/jobs/{site.jobs[turn % len(site.jobs)]}/events"

        async def listen(path: str = path) -> None:
            last = 0
            async with Connection(site.port) as connection:
                tally.streams += 1
                tally.most_streams = max(tally.most_streams, tally.streams)
                try:
                    async for line in connection.follow(path):
                        if line.startswith(b"id: "):
                            if int(line[4:]) <= last:
                                raise ValueError("an event came twice")
                            last = int(line[4:])
                            tally.events += 1
                finally:
                    tally.streams -= 1

        await attempt(tally, "stream", listen)
        await asyncio.sleep(1)


async def upload(site: Site, tally: Tally) -> None:
    """The array, once."""
    size = site.upload.stat().st_size

    async def send() -> None:
        began = time.perf_counter()
        async with Connection(site.port) as connection:
            answer = await connection.post("/v1/datasets", chunks(site.upload), size)
            if answer.status != 201:
                raise ValueError(f"{answer.status} {answer.body[:200]!r}")
        tally.answered("upload", time.perf_counter() - began)
        tally.bytes["up"] += size

    await attempt(tally, "upload", send)


async def chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def download(site: Site, tally: Tally) -> None:
    """A file in parts, the whole checked against its ETag."""

    async def fetch() -> None:
        digest, have, size = hashlib.sha256(), 0, 1
        async with Connection(site.port) as connection:
            while have < size:
                began = time.perf_counter()
                part = await connection.get(site.file, Range=f"bytes={have}-{have + PART - 1}")
                if part.status != 206:
                    raise ValueError(part.status)
                tally.answered("range", time.perf_counter() - began)
                size = int(part.headers["content-range"].rpartition("/")[2])
                digest.update(part.body)
                have += len(part.body)
                tally.bytes["down"] += len(part.body)
                await asyncio.sleep(max(began + 1 / PARTS_A_SECOND - time.perf_counter(), 0))
            if part.headers["etag"] != f'"{digest.hexdigest()}"':
                raise ValueError("other bytes than announced")

    while True:
        await attempt(tally, "range", fetch)


async def everything(site: Site, tally: Tally, rate: float, streams: int, seconds: float) -> None:
    """All at once, for so long and until the upload is answered; the streams are opened first."""
    endless = []
    for number in range(streams):
        endless.append(asyncio.create_task(follow(site, tally, number)))
        await asyncio.sleep(1 / OPENED_A_SECOND)
    endless += [asyncio.create_task(download(site, tally)) for _ in range(DOWNLOADERS)]
    sending = asyncio.create_task(upload(site, tally))
    end = time.perf_counter() + seconds
    await poll(site, tally, rate, lambda: time.perf_counter() < end or not sending.done())
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)
