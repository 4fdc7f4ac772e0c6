"""``python -m app``: the API on the settings of the environment."""

import ipaddress
import logging
import sys

import uvicorn

from app.main import create_app
from jobs.settings import Settings, SettingsError, load

REFUSED = 2
"""Exit status for settings that cannot be served."""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked() -> Settings:
    """The settings, fit to be served. Raises SettingsError."""
    settings = load()
    if not is_loopback(settings.host):
        raise SettingsError(
            f"S2CONVSCN_HOST={settings.host!r}: the API has no keys, so it listens on a loopback "
            "address alone: 127.0.0.1, ::1 or localhost."
        )
    return settings


def main() -> int:
    try:
        settings = checked()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    app = create_app(settings)
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
