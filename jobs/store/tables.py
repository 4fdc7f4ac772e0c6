"""The tables. Times are seconds since 1970, UTC."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

metadata = MetaData()
RowId = BigInteger().with_variant(Integer, "sqlite")

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("options", JSON, nullable=False),
    Column("n_images", Integer, nullable=False),
    Column("height", Integer),
    Column("width", Integer),
    Column("channels", Integer, nullable=False),
    Column("dtype", String(16), nullable=False),
    Column("classes", JSON(none_as_null=True)),
    Column("bytes", BigInteger, nullable=False),
    Column("notices", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
)
Index(
    "datasets_identity",
    datasets.c.owner,
    datasets.c.identity,
    unique=True,
    sqlite_where=datasets.c.deleted_at.is_(None),
    postgresql_where=datasets.c.deleted_at.is_(None),
)
Index("datasets_owner", datasets.c.owner, datasets.c.id)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("dataset_id", ForeignKey("datasets.id"), nullable=False),
    Column("method_name", String(64), nullable=False),
    Column("request", JSON, nullable=False),
    Column("method", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", Integer, nullable=False, default=5, server_default="5"),
    Column("attempt", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("progress", JSON(none_as_null=True)),
    Column("worker", String(255)),
    Column("lease_until", Float),
    Column("error", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("notices", JSON, nullable=False),
    Column("resumed_from", String(64)),
    Column("predicts", String(64)),
    Column("needs_bytes", BigInteger),
    Column("device", String(8)),
    Column("trace", String(64)),
    Column("thrifty", Boolean, nullable=False, default=False, server_default=false()),
    Column("max_seconds", Float),
    Column("seconds_used", Float, nullable=False, default=0.0),
    Column("created_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("deleted_at", Float),
)
Index("jobs_status", jobs.c.status, jobs.c.id)
Index("jobs_dataset", jobs.c.dataset_id)
Index("jobs_owner", jobs.c.owner, jobs.c.id)
Index("jobs_predicts", jobs.c.predicts)

artifacts = Table(
    "artifacts",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("key", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", JSON, nullable=False),
)
Index("events_job", events.c.job_id, events.c.id)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
)
"""``digest`` is that of the first request with the key, ``object_id`` what it made."""

keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", String(16), nullable=False),
    Column("limits", JSON, nullable=False, default={}, server_default="{}"),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)
"""``digest`` is the sha-256 of the key's secret, which is kept nowhere."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("message_id", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Float),
    Column("last_at", Float),
    Column("last_error", Text),
)
"""``secret`` signs, and so is kept as it is."""
Index("webhooks_next", webhooks.c.state, webhooks.c.next_at)

workers = Table(
    "workers",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("job_id", String(64)),
    Column("kind", String(8)),
    Column("memory_bytes", BigInteger),
    Column("version", String(64)),
    Column("versions", JSON(none_as_null=True)),
    Column("since", Float),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("dataset_id", ForeignKey("datasets.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("notices", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
)
Index("comparisons_owner", comparisons.c.owner, comparisons.c.id)

members = Table(
    "comparison_jobs",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False),
    Column("place", Integer, nullable=False),
)
"""``place`` counts methods x seeds; of the jobs at one place the newest that is there counts."""
Index("comparison_jobs_comparison", members.c.comparison_id)
