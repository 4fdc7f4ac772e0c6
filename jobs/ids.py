"""Identifiers: a prefix that says of what, then microseconds and chance: they sort by age."""

import secrets
import time


def new(prefix: str) -> str:
    return f"{prefix}_{time.time_ns() // 1000:014x}{secrets.token_hex(6)}"
