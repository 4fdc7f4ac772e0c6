"""A bucket of Amazon S3, or of a server that speaks its protocol."""

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from jobs.artifacts import CHUNK, Alive, Stored, checked, digest, idle, sha256
from jobs.errors import DomainError, KeyTaken, StoreRefused, StoreUnavailable
from jobs.settings import Settings

PART = 16 * 1024**2
"""Bytes of a part of an upload, and up to which a file goes in one."""
TRIES, PAUSE_SECONDS = 4, 0.5
CONNECT_SECONDS, READ_SECONDS = 3, 10
"""Shorter than a lease, so that a worker can renew it between two tries."""
DELETED_AT_ONCE = 1000
GONE = frozenset({"404", "NoSuchKey", "NotFound"})
TAKEN = frozenset({"412", "PreconditionFailed", "NoSuchUpload"})
"""There is another object, or an upload in parts is over, perhaps because it was completed."""
BUSY = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout"})
"""Excuses of S3 that have the status of a mistake of ours."""
DENIED = frozenset(
    {"401", "403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
NO_BUCKET = "NoSuchBucket"
TOO_MANY, SERVER_ERROR = 429, 500

Answer = TypeVar("Answer")


def connect(settings: Settings) -> Any:
    """A client with the settings' credentials, else with those that boto3 finds by itself."""
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=settings.s3_secret_key,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
        ),
    )


class S3Store:
    """Implements ``ArtifactStore``. ``prefix`` is put before every key."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""

    def check(self) -> None:
        """Asks for the bucket; nothing is written."""
        try:
            self._ask("head_bucket")
        except FileNotFoundError:
            raise self._no_bucket() from None

    def take(self, source: Path, key: str, alive: Alive = idle) -> None:
        """In one part or several; it is there with the last word, if no other is by then."""
        send = self._send if source.stat().st_size <= PART else self._send_in_parts
        try:
            send(source, self._name(key), alive)
        except FileExistsError:  # perhaps of a try whose answer was lost
            self._compare(source, key)
        source.unlink()

    def _compare(self, source: Path, key: str) -> None:
        try:
            with self.open(key) as there:
                if digest(there) != sha256(source):
                    raise KeyTaken(f"{key} is there already, with other bytes.") from None
        except FileNotFoundError as error:  # it was broken off, or has been deleted since
            raise StoreUnavailable(f"{key} did not get into the artifact store.") from error

    def _send(self, source: Path, name: str, alive: Alive) -> None:
        self._ask("put_object", alive, Key=name, Body=source.read_bytes(), IfNoneMatch="*")

    def _send_in_parts(self, source: Path, name: str, alive: Alive) -> None:
        begun = self._ask("create_multipart_upload", alive, Key=name)
        ask = partial(self._ask, Key=name, UploadId=begun["UploadId"])
        try:
            parts = []
            for number, body in enumerate(_blocks(source, PART), start=1):
                sent = ask("upload_part", alive, PartNumber=number, Body=body)
                parts.append({"ETag": sent["ETag"], "PartNumber": number})
            whole = {"Parts": parts}
            ask("complete_multipart_upload", alive, MultipartUpload=whole, IfNoneMatch="*")
        except BaseException:
            with suppress(DomainError, OSError):  # else the bucket's own rules clear it away
                ask("abort_multipart_upload")
            raise

    def open(self, key: str) -> BinaryIO:
        about = self._ask("head_object", Key=self._name(key))
        body = io.BufferedReader(_Object(self, key, about["ContentLength"]), CHUNK)
        return cast("BinaryIO", body)

    def stream(self, key: str, start: int) -> Any:
        """The bytes from ``start`` on, as they come. Raises FileNotFoundError."""
        return self._ask("get_object", Key=self._name(key), Range=f"bytes={start}-")["Body"]

    def fetch(self, key: str, folder: Path, alive: Alive = idle) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / checked(key).name
        with self.open(key) as source, target.open("wb") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
                alive()
        return target

    def fetch_all(self, prefix: str, folder: Path, alive: Alive = idle) -> Path:
        keys = [found.key for found in self.listed(prefix)]
        if not keys:
            raise FileNotFoundError(prefix)
        for key in keys:
            self.fetch(key, folder, alive)
        return folder

    def listed(self, prefix: str) -> Iterator[Stored]:
        more: dict[str, str] = {}
        while True:
            where = {"Prefix": f"{self._name(prefix)}/"} | more
            page = self._ask("list_objects_v2", idle, **where)
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self.prefix)
                yield Stored(key, found["Size"], found["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def remove(self, key: str) -> None:
        self._ask("delete_object", Key=self._name(key))

    def delete(self, prefix: str) -> int:
        found = list(self.listed(prefix))
        for begin in range(0, len(found), DELETED_AT_ONCE):
            some = found[begin : begin + DELETED_AT_ONCE]
            names = [{"Key": self._name(file.key)} for file in some]
            answer = self._ask("delete_objects", Delete={"Objects": names, "Quiet": True})
            self._check_deleted(answer.get("Errors", ()))
        return sum(file.bytes for file in found)

    def _name(self, key: str) -> str:
        return f"{self.prefix}{checked(key)}"

    def _ask(self, what: str, alive: Alive = idle, **about: Any) -> Any:
        """Ask, and again where there was no answer or a server's excuse.

        Raises:
            FileNotFoundError: there is no such object, or no such bucket.
            FileExistsError: a condition does not hold, or the upload is over.
            StoreRefused: the credentials or the bucket are wrong.
            StoreUnavailable: after several tries.
        """
        call = partial(getattr(self.client, what), Bucket=self.bucket, **about)
        for left in reversed(range(TRIES)):
            alive()
            try:
                return call()
            except (BotoCoreError, ClientError) as error:
                if (answer := self._understood(error)) is not None:
                    raise answer from error
                if not left:
                    raise away(error) from error
            time.sleep(PAUSE_SECONDS)
        raise AssertionError

    def _understood(self, error: Exception) -> Exception | None:
        """What an answer means; None for no answer and for a server's excuse."""
        if not isinstance(error, ClientError):
            return self._denied() if isinstance(error, NoCredentialsError) else None
        code = str(error.response["Error"]["Code"])
        known = {
            NO_BUCKET: self._no_bucket(),
            **dict.fromkeys(GONE, FileNotFoundError(code)),
            **dict.fromkeys(TAKEN, FileExistsError(code)),
            **dict.fromkeys(DENIED, self._denied()),
        }
        if code in known:
            return known[code]
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        if code in BUSY or status == TOO_MANY or status >= SERVER_ERROR:
            return None
        return StoreRefused(f"The artifact store says: {error}.")

    def _check_deleted(self, failed: Iterable[dict[str, str]]) -> None:
        """An answer to a request for several keys has an error for each that stayed."""
        for error in failed:
            if error["Code"] in DENIED:
                raise self._denied()
            if error["Code"] not in GONE:
                raise StoreUnavailable(f"The artifact store keeps {error['Key']}: {error['Code']}.")

    def _no_bucket(self) -> StoreRefused:
        return StoreRefused(
            f"There is no bucket {self.bucket!r}: make it, or correct S2CONVSCN_ARTIFACTS_URL."
        )

    def _denied(self) -> StoreRefused:
        return StoreRefused(
            f"The bucket {self.bucket!r} may not be used with these credentials: correct "
            "S2CONVSCN_S3_ACCESS_KEY_ID and S2CONVSCN_S3_SECRET_KEY_FILE, or what they may do."
        )


class _Object(io.RawIOBase):
    """An object as a file: one request from each place that is read from."""

    def __init__(self, store: S3Store, key: str, size: int) -> None:
        self.store, self.key, self.size = store, key, size
        self.at = 0
        self.body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        if begin + offset != self.at:
            self._hang_up()
            self.at = begin + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        if self.at >= self.size:
            return 0
        for left in reversed(range(TRIES)):
            try:
                chunk = self._next(len(buffer))
                break
            except FileNotFoundError:
                raise
            except (BotoCoreError, EOFError, OSError) as error:
                self._hang_up()
                if not left:
                    raise away(error) from error
        buffer[: len(chunk)] = chunk
        self.at += len(chunk)
        return len(chunk)

    def _next(self, size: int) -> bytes:
        """Up to ``size`` bytes, at least one. Raises EOFError if the connection ended."""
        self.body = self.body or self.store.stream(self.key, self.at)
        chunk: bytes = self.body.read(size)
        if not chunk:
            raise EOFError
        return chunk

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        if self.body is not None:
            self.body.close()
            self.body = None


def away(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"The artifact store does not answer ({type(error).__name__}).")


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(size):
            yield block
