"""Identifiers: a prefix that says of what, then milliseconds and chance: they sort by age."""

import secrets
import time


def new(prefix: str) -> str:
    return f"{prefix}_{int(time.time() * 1000):012x}{secrets.token_hex(7)}"
