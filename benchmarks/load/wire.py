"""Just enough HTTP/1.1 for a load to cost less than the service that it is put on."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple, Self

LIMIT = 1 << 22
"""Bytes that a connection buffers."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One that is kept; it is made anew when the other end has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def get(self, path: str, **headers: str) -> Answer:
        reader, _ = await self._send("GET", path, headers)
        return await _answer(reader)

    async def post(self, path: str, body: AsyncIterator[bytes], length: int) -> Answer:
        """Send a body as it comes; what is answered before it was sent ends it."""
        reader, writer = await self._send("POST", path, {"Content-Length": str(length)})
        async for chunk in body:
            writer.write(chunk)
            await writer.drain()
        return await _answer(reader)

    async def follow(self, path: str, **headers: str) -> AsyncIterator[bytes]:
        """The lines of a body that comes in chunks."""
        reader, _ = await self._send("GET", path, {"Accept": "text/event-stream", **headers})
        status, found = await _head(reader)
        if status == 204:
            return
        if status != 200 or found.get("transfer-encoding") != "chunked":
            raise ConnectionError(f"{path}: {status}")
        while size := int(await reader.readline(), 16):
            chunk = await reader.readexactly(size + 2)
            for line in chunk[:-2].split(b"\n"):
                yield line
        await reader.readline()

    async def _send(
        self, verb: str, path: str, headers: dict[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = self._reader, self._writer
        if reader is None or writer is None or reader.at_eof() or writer.is_closing():
            self.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=LIMIT)
            self._reader, self._writer = reader, writer
        lines = [f"{verb} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return reader, writer


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _answer(reader: asyncio.StreamReader) -> Answer:
    status, headers = await _head(reader)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body)
