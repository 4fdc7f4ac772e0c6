import hashlib
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from s2convscn import ApiProblem, Client, DownloadCorrupted, patience
from s2convscn.errors import ApiProblem as Problem

FILE = bytes(range(256)) * 8192
ETAG = f'"{hashlib.sha256(FILE).hexdigest()}"'


class Unreliable(BaseHTTPRequestHandler):
    """Breaks off every answer after at most a third of the file; ``/bad`` sends wrong bytes."""

    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers["Range"])
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        if start:
            assert self.headers["If-Range"] == ETAG
        self.send_response(206 if start else 200)
        self.send_header("ETag", ETAG)
        self.send_header("Content-Length", str(len(FILE) - start))
        self.end_headers()
        part = FILE[start : start + len(FILE) // 3 + 1]
        self.wfile.write(part if self.path == "/good" else bytes(len(part)))

    def do_POST(self) -> None:
        """Takes a submission, and loses the first answer; the second one is that it is full."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers["Idempotency-Key"])
        if len(self.seen) == 1:
            return
        body = b'{"id": "job_1"}'
        self.send_response(503 if len(self.seen) == 2 else 202)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "BACK_OFF", 0.01)


@pytest.fixture
def server() -> Iterator[str]:
    Unreliable.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Unreliable) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def test_download_goes_on_where_it_broke_off(server: str, tmp_path: Path) -> None:
    with Client(server) as client:
        target = client.download("/good", tmp_path / "file")
    assert target.read_bytes() == FILE
    third = len(FILE) // 3 + 1
    assert Unreliable.seen == [None, f"bytes={third}-", f"bytes={2 * third}-"]
    assert list(tmp_path.iterdir()) == [target]


def test_download_of_other_bytes_than_announced_leaves_nothing(server: str, tmp_path: Path) -> None:
    with Client(server) as client, pytest.raises(DownloadCorrupted, match="sha-256"):
        client.download("/bad", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_submission_is_repeated_under_its_key(server: str) -> None:
    with Client(server) as client:
        assert client.submit("ds_1", 2)["id"] == "job_1"
    assert len(Unreliable.seen) == 3
    assert len(set(Unreliable.seen)) == 1
    assert Unreliable.seen[0]


def test_download_gives_up_when_nobody_answers(tmp_path: Path) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as taken:
        url = f"http://127.0.0.1:{taken.server_address[1]}"
    with Client(url) as client, pytest.raises(httpx.ConnectError):
        client.download("/good", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_problem_carries_what_the_service_said() -> None:
    problem = {"type": "/v1/problems/not-found", "title": "No.", "detail": "There is no job 'x'."}
    headers = {"Content-Type": "application/problem+json; charset=utf-8"}
    error = Problem.of(httpx.Response(404, json=problem, headers=headers))
    assert isinstance(error, ApiProblem)
    assert (error.status, error.type, error.problem) == (404, problem["type"], problem)
    assert str(error) == "No. There is no job 'x'."
    assert not error.temporary


def test_problem_of_something_that_is_no_service_names_the_status() -> None:
    error = Problem.of(httpx.Response(502, text="<html>"))
    assert str(error) == "Bad Gateway"
    assert error.temporary


class Busy:
    """Puts off so many requests for so many seconds each, and then answers; nobody does wait."""

    def __init__(self, times: int, seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times, self.seconds = times, seconds
        self.waits: list[float] = []
        monkeypatch.setattr(patience.time, "sleep", self.waits.append)
        self.client = Client("http://127.0.0.1:9")
        transport = httpx.MockTransport(self.answer)
        self.client._http = httpx.Client(base_url="http://x", transport=transport)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.times:
            self.times -= 1
            return httpx.Response(429, headers={"Retry-After": self.seconds}, json={})
        if "artifacts" in request.url.path:
            return httpx.Response(200, json={"items": []})
        return httpx.Response(200, headers={"ETag": ETAG}, stream=httpx.ByteStream(FILE))


@pytest.mark.parametrize(
    "read",
    [
        lambda client, _: client.read("/v1/x"),
        lambda client, _: client.get("/v1/artifacts"),
        lambda client, _: client.artifacts("job_1"),
        lambda client, folder: client.download("/v1/x", folder / "file"),
    ],
)
def test_what_reads_waits_as_long_as_the_service_wishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    busy = Busy(2, "7", monkeypatch)
    read(busy.client, tmp_path)
    assert busy.waits == [7, 7]


@pytest.mark.parametrize(("times", "seconds", "waits"), [(9, "7", [7] * 5), (1, "61", [])])
def test_patience_has_an_end(
    monkeypatch: pytest.MonkeyPatch, times: int, seconds: str, waits: list[float]
) -> None:
    busy = Busy(times, seconds, monkeypatch)
    with pytest.raises(ApiProblem) as refused:
        busy.client.read("/v1/x")
    assert refused.value.retry_after == float(seconds)
    assert busy.waits == waits
