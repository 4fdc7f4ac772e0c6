"""One POST to an address that a user named, on a short leash.

The name is resolved here, its addresses are looked at, and one of these is connected to: a name
that leads elsewhere when it is asked again leads nowhere. Nothing is redirected, no proxy is asked,
no body is read, and all of it has one deadline, so that a receiver that trickles holds up nothing.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import Any

import httpcore

from jobs.networks import Network, permitted

SECONDS = 15.0
"""For everything, from the name to the status."""
CONNECT_SECONDS = 5.0
"""For each of a name's addresses."""


class Refused(Exception):
    """The address may not be reached."""


class Sender:
    """Sends to public addresses, and to those that were allowed."""

    def __init__(self, allowed: tuple[Network, ...], tls: ssl.SSLContext) -> None:
        self.allowed, self.tls = allowed, tls

    def post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer.

        Raises:
            Refused: for an address that is neither public nor allowed, or a host without any.
            OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError: if
                there is none.
        """
        parsed = httpcore.URL(url)
        backend = Guarded(self.allowed, encrypted=parsed.scheme == b"https")
        with (
            httpcore.ConnectionPool(ssl_context=self.tls, network_backend=backend) as pool,
            pool.stream("POST", parsed, headers=[*headers.items()], content=body) as response,
        ):
            return response.status


class Guarded(httpcore.NetworkBackend):
    """Connects to permitted addresses alone, and to nothing after the deadline."""

    def __init__(self, allowed: tuple[Network, ...], *, encrypted: bool) -> None:
        self.allowed, self.encrypted = allowed, encrypted
        self.deadline = time.monotonic() + SECONDS
        self.inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self.resolved(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, local_address, socket_options)
        return self._connected(last, port, local_address, socket_options)

    def resolved(self, host: str, port: int) -> list[str]:
        """Those of its addresses that may be reached. Raises Refused, or OSError for none."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # raised before anybody is asked
            raise Refused(f"{host} is no name of a host: {error}") from error
        addresses = [*dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found)]
        may = partial(permitted, allowed=self.allowed, encrypted=self.encrypted)
        if reachable := [address for address in addresses if may(ip_address(address))]:
            return reachable
        what = "public" if self.encrypted else "in S2CONVSCN_WEBHOOK_ALLOW, as http:// needs"
        raise Refused(f"{host} is {', '.join(addresses)}, which is not {what}")

    def _connected(self, address: str, port: int, *rest: Any) -> httpcore.NetworkStream:
        seconds = min(CONNECT_SECONDS, _left(self.deadline))
        return Leashed(self.inner.connect_tcp(address, port, seconds, *rest), self.deadline)


class Leashed(httpcore.NetworkStream):
    """A stream whose every step has what is left until the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self.inner, self.deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self.inner.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self.inner.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline's
    ) -> httpcore.NetworkStream:
        left = _left(self.deadline)
        return Leashed(self.inner.start_tls(ssl_context, server_hostname, left), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.TimeoutException(f"no answer within {SECONDS:g} s")
    return left
