"""Two transactions in an order that a test chooses."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from jobs.store import Store

LONG = 0.3
"""Seconds after which what waits for a lock is left waiting."""


@contextmanager
def meanwhile(store: Store, statement: str, do: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Another connection begins to ``do`` something before the first such statement."""
    begun: list[Future[Any]] = []

    def begin(_connection: Any, _cursor: Any, said: str, *_: Any) -> None:
        if said.startswith(statement) and not begun:
            begun.append(pool.submit(do))
            wait(begun, timeout=LONG)

    with ThreadPoolExecutor(1) as pool:
        event.listen(store.database.engine, "before_cursor_execute", begin)
        try:
            yield begun
        finally:
            event.remove(store.database.engine, "before_cursor_execute", begin)
