"""``python -m app``: the API on the settings of the environment."""

import logging
import sys
from contextlib import closing
from pathlib import Path

import uvicorn
from sqlalchemy import make_url

from app.main import create_app
from jobs.settings import Settings, SettingsError, load
from jobs.store import Store
from jobs.store.migrations import SchemaTooNew

REFUSED = 2
"""Exit status for settings that cannot be served."""


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


def main() -> int:
    try:
        settings = checked()
        app = create_app(settings)
    except (SettingsError, SchemaTooNew) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
