"""SQL of webhooks: an outbox with one message for each job that asked for one.

A message becomes due in the transaction that ends its job, and is taken by one courier at a time.
One that dies on the way has the message for ``HOLD_SECONDS``; then it is sent again, under the same
id.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, insert, select, update

from jobs import ids
from jobs.records import Job, Webhook
from jobs.states import Delivery
from jobs.store.database import Database
from jobs.store.tables import jobs, webhooks

HOLD_SECONDS = 60.0


class Endpoint(NamedTuple):
    """Where a job's end is told, and the secret that signs it."""

    url: str
    secret: str


class Message(NamedTuple):
    """A message that was taken; ``attempt`` counts from 1 and fences what is noted of it."""

    id: str
    job: Job
    endpoint: Endpoint
    attempt: int


def register(connection: Connection, job_id: str, endpoint: Endpoint) -> None:
    """In the transaction that submits the job."""
    row = {
        "job_id": job_id,
        "message_id": ids.new("msg"),
        "url": endpoint.url,
        "secret": endpoint.secret,
        "state": Delivery.WAITING,
    }
    connection.execute(insert(webhooks).values(row))


def release(connection: Connection, now: float, job_id: str) -> None:
    """In the transaction that ends the job: its message, if it has one, is due."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.job_id == job_id)
        .values(state=Delivery.PENDING, next_at=now)
    )


def drop(connection: Connection, job_id: str) -> None:
    """In the transaction that deletes the job."""
    connection.execute(delete(webhooks).where(webhooks.c.job_id == job_id))


class Webhooks:
    def __init__(self, database: Database) -> None:
        self.database = database

    def endpoint(self, job_id: str) -> Endpoint | None:
        query = select(webhooks.c.url, webhooks.c.secret).where(webhooks.c.job_id == job_id)
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Endpoint(row.url, row.secret)

    def of(self, job_ids: Iterable[str]) -> dict[str, Webhook]:
        """By job, of those that have one."""
        query = select(webhooks).where(webhooks.c.job_id.in_([*job_ids]))
        with self.database.read() as connection:
            rows = connection.execute(query).mappings()
            return {row["job_id"]: Webhook.model_validate(dict(row)) for row in rows}

    def take(self) -> Message | None:
        """The message that was tried least and waits longest; None if none is due."""
        now = self.database.clock()
        due = (
            select(webhooks.c.job_id)
            .where(webhooks.c.state == Delivery.PENDING, webhooks.c.next_at <= now)
            .order_by(webhooks.c.attempts, webhooks.c.next_at)
            .limit(1)
        )
        with self.database.read() as connection:  # a look holds up nobody who writes
            if connection.execute(due).one_or_none() is None:
                return None
        with self.database.write() as connection:
            locked = due.with_for_update(skip_locked=True)
            job_id = connection.execute(locked).scalar_one_or_none()
            if job_id is None:
                return None
            change = (
                update(webhooks)
                .where(webhooks.c.job_id == job_id)
                .values(attempts=webhooks.c.attempts + 1, next_at=now + HOLD_SECONDS)
                .returning(webhooks)
            )
            row = connection.execute(change).mappings().one()
            job = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()
        return Message(
            row["message_id"],
            Job.model_validate(dict(job)),
            Endpoint(row["url"], row["secret"]),
            row["attempts"],
        )

    def delivered(self, message: Message) -> None:
        self._note(message, state=Delivery.DELIVERED, next_at=None, last_error=None)

    def failed(self, message: Message, error: str, wait: float | None) -> None:
        """Try again after ``wait`` seconds, or never.

        Whatever else is due at the same address waits as long: what is down for one is down for
        all.
        """
        if wait is None:
            self._note(message, state=Delivery.GIVEN_UP, next_at=None, last_error=error)
            return
        again = self.database.clock() + wait
        self._note(message, next_at=again, last_error=error)
        others = and_(
            webhooks.c.url == message.endpoint.url,
            webhooks.c.state == Delivery.PENDING,
            webhooks.c.next_at < again,
        )
        with self.database.write() as connection:
            connection.execute(update(webhooks).where(others).values(next_at=again))

    def _note(self, message: Message, **values: object) -> None:
        """What came of an attempt, unless another courier has the message meanwhile."""
        change = (
            update(webhooks)
            .where(
                webhooks.c.message_id == message.id,
                webhooks.c.attempts == message.attempt,
                webhooks.c.state == Delivery.PENDING,
            )
            .values(last_at=self.database.clock(), **values)
        )
        with self.database.write() as connection:
            connection.execute(change)
