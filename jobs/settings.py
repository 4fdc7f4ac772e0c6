"""Settings: environment variables with the prefix ``S2CONVSCN_``, checked once at start."""

import hashlib
import ipaddress
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.logs import Form
from jobs.networks import Network, networks
from jobs.records import Limits

PREFIX = "S2CONVSCN_"
SOCKET_PATH_LIMIT = 100
"""Bytes that a Unix socket's path may have (the kernel's limit is 108)."""

GIB = 1024**3
Bytes = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    data_dir: Path = Field(
        Path("s2convscn-data"), description="Folder of the database, the artifacts and the broker."
    )
    database_url: str | None = Field(
        None, description="SQLAlchemy URL; by default SQLite inside the data folder."
    )
    broker_url: str | None = Field(
        None, description="redis:// URL; by default the embedded broker's socket."
    )
    artifacts_url: str | None = Field(
        None,
        description="s3://bucket or s3://bucket/prefix; by default a folder inside the data "
        "folder.",
    )
    s3_endpoint: str | None = Field(
        None, description="URL of a server that speaks S3; by default Amazon's."
    )
    s3_region: str | None = Field(None, description="The bucket's; by default boto3's.")
    s3_access_key_id: str | None = Field(
        None, description="By default the credentials that boto3 finds."
    )
    s3_secret_key_file: Path | None = Field(
        None, description="File that holds the secret of that access key."
    )
    database_password_file: Path | None = Field(
        None, description="File that holds the password of the user in the database's URL."
    )
    broker_password_file: Path | None = Field(None, description="File that holds the broker's.")
    host: str = Field("127.0.0.1", description="Address that the API listens on.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, description="Port of the API.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much the processes log."
    )
    log_format: Form = Field(
        "text", description="Lines for people, or JSON objects with request and job ids."
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Where a worker shows its figures to Prometheus; by default nowhere."
    )
    metrics_host: str = Field("127.0.0.1", description="Address of the same.")
    traces_endpoint: str | None = Field(
        None,
        description="URL of an OpenTelemetry collector that takes OTLP over HTTP, such as "
        "http://127.0.0.1:4318; by default nothing is traced.",
    )

    max_upload_bytes: Bytes = Field(2 * GIB, description="Largest upload, as sent.")
    max_dataset_bytes: Bytes = Field(
        4 * GIB, description="Largest data set once decoded (pixels x bytes a pixel)."
    )
    max_images: Annotated[int, Field(ge=2)] = Field(100_000, description="Most images in a set.")
    max_image_pixels: Annotated[int, Field(gt=0)] = Field(
        64_000_000, description="Most pixels in one image."
    )
    ingest_seconds: Seconds = Field(900, description="Longest time to read one upload.")
    ingest_memory_bytes: Bytes = Field(
        8 * GIB, description="Address space of the process that reads an upload; at least 1 GiB."
    )
    max_job_bytes: Bytes = Field(
        16 * GIB, description="Largest estimated memory of a job that is accepted."
    )

    max_owner_datasets: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Most data sets of an owner; by default no limit."
    )
    max_owner_bytes: Bytes | None = Field(
        None, description="Most bytes of an owner's data sets and results; by default no limit."
    )
    max_owner_jobs: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Most unfinished jobs of an owner; by default no limit."
    )
    max_requests_per_second: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Of an owner, on average; ten seconds' worth at once. By default no limit.",
    )

    retain_jobs_days: Days | None = Field(
        None,
        description="Jobs are deleted with their files so long after their end; by default never.",
    )
    retain_datasets_days: Days | None = Field(
        None,
        description="Data sets that no job uses are deleted so long after their upload; by default "
        "never.",
    )

    webhook_allow: str = Field(
        "",
        description="Networks such as 10.1.0.0/16, with commas between, that webhooks may reach, "
        "over plain HTTP, too; by default public addresses alone, over HTTPS.",
    )

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where trainers compute: auto takes a GPU when there is one."
    )
    worker_memory_bytes: Bytes | None = Field(
        None,
        description="A worker leaves alone jobs whose estimate is larger; by default what its "
        "machine or container has, and its GPU.",
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(
        None, description="CPU threads of a trainer; by default all cores."
    )
    lease_seconds: Seconds = Field(20, description="A worker silent for longer loses its job.")
    heartbeat_seconds: Seconds = Field(1, description="How often a worker renews its lease.")
    reap_seconds: Seconds = Field(2, description="How often lost jobs are looked for.")
    grace_seconds: Seconds = Field(
        20, description="Between asking a trainer to stop and killing it."
    )
    stall_seconds: Seconds = Field(
        300, description="A trainer is killed when silent for this long and for ten of its steps."
    )
    checkpoint_seconds: Annotated[float, Field(ge=0)] = Field(
        30, description="Least time between two checkpoints of a running job."
    )
    max_failures: Annotated[int, Field(ge=1)] = Field(
        3, description="Crashed or lost attempts after which a job fails."
    )

    @field_validator(
        "database_url",
        "broker_url",
        "artifacts_url",
        "s3_endpoint",
        "s3_region",
        "s3_access_key_id",
        "traces_endpoint",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("broker_url")
    @classmethod
    def _broker_is_redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "redis+socket://")):
            message = "must begin with redis://, rediss:// or redis+socket://"
            raise ValueError(message)
        return value

    @field_validator("traces_endpoint")
    @classmethod
    def _traces_go_over_http(cls, value: str | None) -> str | None:
        url = urlsplit(value or "http://none")
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
            message = "must be http://HOST:PORT or https://HOST:PORT, perhaps with a path"
            raise ValueError(message)
        return value

    @field_validator("artifacts_url")
    @classmethod
    def _artifacts_are_supported(cls, value: str | None) -> str | None:
        url = urlsplit(value or "s3://none")
        if url.scheme != "s3" or not url.netloc or url.query or url.fragment:
            message = "must be s3://bucket or s3://bucket/prefix"
            raise ValueError(message)
        return value

    @field_validator("webhook_allow")
    @classmethod
    def _networks(cls, value: str) -> str:
        networks(value)
        return value

    @property
    def owner_limits(self) -> Limits:
        """Of those whose key has none of its own."""
        return Limits(
            datasets=self.max_owner_datasets,
            bytes=self.max_owner_bytes,
            jobs=self.max_owner_jobs,
            requests_per_second=self.max_requests_per_second,
        )

    @property
    def webhook_networks(self) -> tuple[Network, ...]:
        return networks(self.webhook_allow)

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, value: str | None) -> str | None:
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            message = "must begin with sqlite:/// or postgresql+psycopg://"
            raise ValueError(message)
        return value

    @property
    def on_loopback(self) -> bool:
        """Whether nobody on another machine can reach the API."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def database(self) -> str:
        url = self.database_url or f"sqlite:///{self.data_dir.resolve() / 's2convscn.db'}"
        return with_password(url, self.database_password_file)

    @property
    def broker(self) -> str:
        url = self.broker_url or f"redis+socket://{self.broker_socket}"
        return with_password(url, self.broker_password_file)

    @property
    def s3_secret_key(self) -> str | None:
        """Raises SettingsError if its file cannot be read."""
        return None if self.s3_secret_key_file is None else _secret(self.s3_secret_key_file)

    @property
    def broker_socket(self) -> Path:
        """The embedded broker's socket; in the temporary folder if its path would be too long."""
        path = self.data_dir.resolve() / "broker" / "valkey.sock"
        if len(bytes(path)) <= SOCKET_PATH_LIMIT:
            return path
        name = hashlib.sha256(bytes(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"s2convscn-{name}.sock"

    @property
    def artifacts_dir(self) -> Path:
        return self.data_dir.resolve() / "artifacts"

    @property
    def scratch_dir(self) -> Path:
        """Half-made files: uploads being read, attempts under way."""
        return self.data_dir.resolve() / "scratch"


def with_password(url: str, file: Path | None) -> str:
    """A URL with the password that a file holds, put in so that any characters will do.

    Raises:
        SettingsError: if the file cannot be read.
    """
    if file is None:
        return url
    password = _secret(file)
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:{quote(password, safe='')}@{place if at else rest}"


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The password file {file} cannot be read: {error}.") from None


class SettingsError(Exception):
    """A setting in the environment is wrong."""


@lru_cache
def load() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: naming each wrong variable, its value and what would be right.
    """
    try:
        settings = Settings()
        _ = settings.database, settings.broker, settings.s3_secret_key  # their files are there
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'.'.join(map(str, e['loc'])).upper()}={e['input']!r}: {e['msg']}"
            for e in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from None
    return settings
