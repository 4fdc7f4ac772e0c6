"""A real S3 server, SeaweedFS, on ports of its own."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS, SECRET = "access", "se/cr+et"
GRPC = 10_000
"""SeaweedFS listens at each port plus this one, too."""


def program() -> str:
    """Raises FileNotFoundError if it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("weed")
    return found


class ObjectStore:
    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder, self.host = folder, host
        self.ports = _free_ports(4)
        self.url = f"http://{host}:{self.ports[3]}"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir(exist_ok=True)

    def start(self) -> None:
        names = ("master.port", "volume.port", "filer.port", "s3.port")
        ports = [f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)]
        command = [program(), "server", f"-dir={self.folder / 'data'}", *ports]
        command += [f"-ip={self.host}", f"-ip.bind={self.host}", "-filer", "-s3"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += [f"-s3.config={self.folder / 's3.json'}"]
        command += ["-master.volumeSizeLimitMB=64", "-volume.max=1000"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def client(self, access: str = ACCESS, secret: str = SECRET) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def bucket(self, name: str) -> str:
        self.client().create_bucket(Bucket=name)
        return name

    def environment(self, bucket: str) -> dict[str, str]:
        """The settings of a service that keeps its artifacts here."""
        file = self.folder / "secret"
        file.write_text(SECRET + "\n")
        return {
            "S2CONVSCN_ARTIFACTS_URL": f"s3://{bucket}/a/prefix",
            "S2CONVSCN_S3_ENDPOINT": self.url,
            "S2CONVSCN_S3_REGION": "us-east-1",
            "S2CONVSCN_S3_ACCESS_KEY_ID": ACCESS,
            "S2CONVSCN_S3_SECRET_KEY_FILE": str(file),
        }

    def _answers(self) -> bool:
        """Whether it takes a bucket: its parts find each other some time after they listen."""
        client = self.client()
        try:
            if "first" not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket="first")
            client.put_object(Bucket="first", Key="x", Body=b"x")
        except (BotoCoreError, ClientError):
            return False
        return True


def running(folder: Path) -> Iterator[ObjectStore]:
    store = ObjectStore(folder)
    try:
        store.start()
        yield store
    finally:
        store.stop()


def _free_ports(count: int) -> list[int]:
    """Such that those of gRPC are there, too."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        for candidate in (port, port - GRPC, port - 2 * GRPC, port - 3 * GRPC):
            if 1024 < candidate < 65535 - GRPC and candidate not in found:
                found.append(candidate)
                break
    return found
