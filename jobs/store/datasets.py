"""SQL of data sets."""

import hashlib
import json
from typing import Any

from sqlalchemy import RowMapping, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from jobs import errors, ids
from jobs.records import JSON, Dataset
from jobs.states import UNFINISHED
from jobs.store.database import Database
from jobs.store.quotas import Quotas
from jobs.store.tables import datasets, jobs


def identity(sha256: str, options: JSON) -> str:
    """What makes two uploads the same data set: their bytes and how they are to be read."""
    return hashlib.sha256(f"{sha256} {json.dumps(options, sort_keys=True)}".encode()).hexdigest()


class Datasets:
    def __init__(self, database: Database, quotas: Quotas | None = None) -> None:
        self.database = database
        self.quotas = quotas or Quotas()

    def check_room(self, owner: str) -> None:
        """Whether it is worth while to read an upload. Raises QuotaExceeded."""
        with self.database.read() as connection:
            self.quotas.check_datasets(connection, owner, more=1)

    def add(self, **fields: Any) -> tuple[Dataset, bool]:
        """Insert a row; returns it and True, or the row that is there already and False.

        Raises:
            QuotaExceeded: if the owner may have no more.
        """
        fields["identity"] = identity(fields["sha256"], fields["options"])
        fields.setdefault("id", ids.new("ds"))
        fields["created_at"] = self.database.clock()
        try:
            with self.database.write() as connection:
                row = connection.execute(insert(datasets).values(fields).returning(datasets))
                self.quotas.check_datasets(connection, fields["owner"])
                return _record(row.mappings().one()), True
        except IntegrityError:
            twin = self.find(fields["owner"], fields["sha256"], fields["options"])
            if twin is None:
                raise
            return twin, False

    def find(self, owner: str, sha256: str, options: JSON) -> Dataset | None:
        """The owner's live data set of these bytes and options."""
        query = select(datasets).where(
            datasets.c.owner == owner,
            datasets.c.identity == identity(sha256, options),
            datasets.c.deleted_at.is_(None),
        )
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _record(row)

    def get(self, dataset_id: str, owner: str) -> Dataset:
        """Raises NotFound, or Gone after a deletion."""
        query = select(datasets).where(datasets.c.id == dataset_id, datasets.c.owner == owner)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise errors.NotFound(f"There is no data set {dataset_id!r}.")
        if row["deleted_at"] is not None:
            raise errors.Gone(f"The data set {dataset_id!r} has been deleted.")
        return _record(row)

    def page(self, owner: str, limit: int, after: str | None = None) -> list[Dataset]:
        """Newest first, those older than the id ``after``."""
        query = select(datasets).where(datasets.c.owner == owner, datasets.c.deleted_at.is_(None))
        if after is not None:
            query = query.where(datasets.c.id < after)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(datasets.c.id.desc()).limit(limit))
            return [_record(row) for row in rows.mappings()]

    def delete(self, dataset_id: str, owner: str) -> None:
        """Leave a tombstone. Raises DatasetInUse while an unfinished job needs it."""
        self.get(dataset_id, owner)
        unfinished = select(func.count()).where(
            jobs.c.dataset_id == dataset_id,
            jobs.c.status.in_(UNFINISHED),
            jobs.c.deleted_at.is_(None),
        )
        row = select(datasets.c.id).where(datasets.c.id == dataset_id).with_for_update()
        with self.database.write() as connection:
            connection.execute(row)  # a submission under way is finished first, then counted
            if count := connection.execute(unfinished).scalar_one():
                raise errors.DatasetInUse(
                    f"{count} unfinished job(s) need this data set: cancel them first."
                )
            connection.execute(
                update(datasets)
                .where(datasets.c.id == dataset_id)
                .values(deleted_at=self.database.clock())
            )

    def unused(self, age: float) -> list[Dataset]:
        """Those made ``age`` seconds ago that no job uses, deleted ones aside."""
        user = exists().where(jobs.c.dataset_id == datasets.c.id, jobs.c.deleted_at.is_(None))
        query = select(datasets).where(
            datasets.c.created_at < self.database.clock() - age,
            datasets.c.deleted_at.is_(None),
            ~user,
        )
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def live_ids(self) -> set[str]:
        with self.database.read() as connection:
            query = select(datasets.c.id).where(datasets.c.deleted_at.is_(None))
            return set(connection.execute(query).scalars())


def _record(row: RowMapping) -> Dataset:
    return Dataset.model_validate(dict(row))
