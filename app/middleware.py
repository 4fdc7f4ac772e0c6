"""What surrounds every request: its id, the last catch, host and origin checks, a body limit."""

import logging
import re
import secrets
from urllib.parse import urlsplit

from opentelemetry import trace
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import errors, problems
from app.context import SAFE, Context
from jobs import logs
from jobs.errors import DomainError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_JSON_BYTES = 1 << 20
UPLOADS = "/v1/datasets"
"""The one path whose body is a stream of its own limit."""

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer that has none of its own: no other site may frame, embed or guess at it."""

logger = logging.getLogger("app")


class RequestIds:
    """Gives each request an id, by default its own X-Request-ID, and answers a crash with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        logs.request_id.set(request_id)
        trace.get_current_span().set_attribute("s2convscn.request_id", request_id)

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            logger.info("%s %s: the client left", scope["method"], scope["path"])
        except Exception:
            logger.exception("%s %s: request %s", scope["method"], scope["path"], request_id)
            if started:
                raise
            answer = problems.response(scope, errors.InternalError(_apology(request_id)))
            await answer(scope, receive, send_with_id)


class Guard:
    """Refuses foreign host names, other origins' changes and bodies too large for JSON.

    Without these checks any web page could reach a service without keys through the user's browser,
    by DNS rebinding or by a plain cross-site request. A key is known to no other page, and cannot
    be sent across sites without being asked for first: who has one may come by any name and from
    any page, such as a proxy's, and where keys are needed nothing secret is told without one.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.needs_keys = context.needs_keys
        self.hosts = LOOPBACK | {context.settings.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            error = await self._stranger(headers) or _refusal(scope, headers)
        except problems.ABSENCES as absence:
            await problems.absence(Request(scope), absence)(scope, receive, send)
            return
        if error:
            await problems.response(scope, error)(scope, receive, send)
            return
        streams = scope["path"].rstrip("/") == UPLOADS
        await self.app(scope, receive if streams else _limited(receive), send)

    async def _stranger(self, headers: Headers) -> DomainError | None:
        host = headers.get("host", "")
        if "authorization" in headers or _hostname(host) in self.hosts:
            return None
        if await run_in_threadpool(self.needs_keys):
            return None
        names = ", ".join(sorted(self.hosts))
        return errors.ForbiddenHost(f"The Host header is {host!r}; known are {names}.")


def _refusal(scope: Scope, headers: Headers) -> DomainError | None:
    if scope["method"] in SAFE:
        return None
    host, origin = headers.get("host", ""), headers.get("origin")
    alien = origin is not None and _authority(origin) != host
    if alien and "authorization" not in headers:
        return errors.ForbiddenOrigin(f"The request comes from {origin!r}, this is {host!r}.")
    streams, declared = scope["path"].rstrip("/") == UPLOADS, headers.get("content-length", "0")
    if not streams and declared.isdecimal() and int(declared) > MAX_JSON_BYTES:
        return errors.RequestTooLarge(TOO_LARGE)
    return None


TOO_LARGE = f"The body may have {MAX_JSON_BYTES} bytes."


def _limited(receive: Receive) -> Receive:
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_JSON_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return receive_some


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _apology(request_id: str) -> str:
    return f"The service's log has the reason under the request id {request_id}."
