"""``python -m app``: the API on the settings of the environment."""

import gc
import os
import sys
from asyncio import to_thread
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import socket

import uvicorn
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.main import create_app
from app.streams import Streams
from jobs import logs, tracing
from jobs.errors import StoreRefused, StoreUnavailable
from jobs.settings import Settings, SettingsError, load
from jobs.store import Store
from jobs.store.database import Database, reason
from jobs.store.migrations import SchemaTooNew

FAILED, REFUSED = 1, 2
"""Exit statuses: it could not start, or may not with these settings."""


def checked() -> Settings:
    """The settings, fit to be served. Raises SettingsError."""
    settings = load()
    if not settings.on_loopback and not has_key(settings):
        raise SettingsError(
            f"S2CONVSCN_HOST={settings.host!r}: other machines can connect there, and no key was "
            "made yet. Make one by 's2convscn keys create --owner NAME', or listen on 127.0.0.1."
        )
    return settings


def has_key(settings: Settings) -> bool:
    """Whether somebody could use the service; a database that is not there is not made for it."""
    file = make_url(settings.database).database
    if settings.database.startswith("sqlite") and not Path(str(file)).exists():
        return False
    with closing(Store(settings)) as store:
        return store.keys.exist(live=True)


def migrated(settings: Settings) -> bool:
    """Whether the schema was brought up. Raises SchemaTooNew."""
    with closing(Database(settings.database)) as database:
        return database.create()


class Server(uvicorn.Server):
    """Ends the streams of events first: uvicorn waits for requests to end by themselves.

    Sends the last traces, for uvicorn then lets the signal that it was stopped by end the process.
    """

    def __init__(
        self, config: uvicorn.Config, streams: Streams, send_traces: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.streams, self.send_traces = streams, send_traces

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.streams.close()
        await super().shutdown(sockets)
        await to_thread(self.send_traces)


def main() -> int:
    try:
        settings = checked()
        if migrated(settings):
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - without what migrating loads
        app = create_app(settings)
    except (SettingsError, SchemaTooNew, StoreRefused) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except SQLAlchemyError as error:
        sys.stderr.write(f"{reason(error)}\n")
        return FAILED
    logs.configure(settings.log_format, settings.log_level, "api")
    send_traces = tracing.configure(settings.traces_endpoint, "api")
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=uvicorn.config.LOGGING_CONFIG if settings.log_format == "text" else None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again stops every request for 0.2 s
    gc.set_threshold(2_000, 10, 50)
    server = Server(config, app.state.context.streams, send_traces)
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else FAILED


if __name__ == "__main__":
    sys.exit(main())
