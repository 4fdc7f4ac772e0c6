"""Couriers: signatures, addresses, deadlines, and what they note."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from shutil import which
from subprocess import run
from typing import Any

import httpcore
import pytest
from httpx import create_ssl_context
from live_receiver import SECRET, Receiver, receiving

from jobs.networks import networks, permitted
from jobs.records import Job
from jobs.settings import Settings
from jobs.store import Store
from jobs.store.webhooks import Endpoint
from worker.webhooks import sending
from worker.webhooks.courier import WAITS, Courier
from worker.webhooks.sending import Refused, Sender
from worker.webhooks.signature import headers, sign

LOOPBACK = networks("127.0.0.0/8")


def test_signatures_are_those_of_the_specification() -> None:
    """The example of standardwebhooks' own libraries."""
    body = b'{"test": 2432232314}'
    found = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("address", "allowed", "https", "http"),
    [
        ("93.184.216.34", "", True, False),
        ("2606:2800:220:1:248:1893:25c8:1946", "", True, False),
        ("127.0.0.1", "", False, False),
        ("10.1.2.3", "", False, False),
        ("10.1.2.3", "10.1.0.0/16", True, True),
        ("10.2.2.3", "10.1.0.0/16", False, False),
        ("169.254.169.254", "", False, False),
        ("100.64.0.1", "", False, False),
        ("0.0.0.0", "", False, False),  # noqa: S104 - refused, not bound
        ("224.0.0.1", "", False, False),
        ("255.255.255.255", "", False, False),
        ("::1", "", False, False),
        ("::1", "::1", True, True),
        ("fd00::1", "", False, False),
        ("fe80::1", "", False, False),
        ("::ffff:127.0.0.1", "", False, False),
        ("::ffff:10.1.2.3", "10.1.0.0/16", True, True),
        ("64:ff9b::7f00:1", "", False, False),
        ("64:ff9b::5db8:d822", "", True, False),
        ("64:ff9b:1::7f00:1", "", False, False),
        ("2002:7f00:1::", "", False, False),
        ("2002:5db8:d822::", "", True, False),
        ("2001:db8::1", "", False, False),
        ("3fff::1", "", False, False),
        ("5f00::1", "", False, False),
        ("5f00::1", "5f00::/16", True, True),
        ("fec0::1", "", False, False),
        ("::127.0.0.1", "", False, False),
        ("::93.184.216.34", "", False, False),
        ("::ffff:0:127.0.0.1", "", False, False),
    ],
)
def test_what_may_be_reached(address: str, allowed: str, https: bool, http: bool) -> None:
    found = ip_address(address)
    assert permitted(found, networks(allowed), encrypted=True) is https
    assert permitted(found, networks(allowed), encrypted=False) is http


@pytest.fixture
def sender() -> Sender:
    return Sender(LOOPBACK, create_ssl_context())


def test_a_name_that_leads_inside_is_refused() -> None:
    with receiving(200) as receiver:
        strict = Sender((), create_ssl_context())
        for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
            for scheme in ("https", "http"):
                with pytest.raises(Refused, match="which is not"):
                    strict.post(f"{scheme}://{host}:{receiver.server_port}/", {}, b"x")
        assert receiver.received == []


def test_a_redirect_is_not_followed(sender: Sender) -> None:
    with receiving(307) as receiver:
        assert sender.post(receiver.url, {}, b"x") == 307
        assert [r.path for r in receiver.received] == ["/hook"]


def test_a_receiver_that_trickles_has_a_deadline(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 1.0)
    over = threading.Event()

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            while not over.wait(0.1):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle)
        thread.start()
        began = time.monotonic()
        try:
            with pytest.raises((httpcore.TimeoutException, httpcore.ProtocolError)):
                sender.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"x")
        finally:
            over.set()
            thread.join()
    assert time.monotonic() - began < 5


def test_the_next_address_of_a_name_is_tried(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(204) as receiver:
        port = receiver.server_port
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in SEVERAL]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert sender.post(f"http://several.test:{port}/", {}, b"x") == 204


SEVERAL = ("10.0.0.1", "127.0.0.9", "127.0.0.1")
"""Not allowed, nobody there, the receiver."""


def test_a_certificate_must_be_the_hosts(tmp_path: Path) -> None:
    openssl = which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    run([openssl, *made, *named, *files], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiving(200) as receiver:
        receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
        port = receiver.server_port
        assert Sender(LOOPBACK, trusting).post(f"https://localhost:{port}/", {}, b"x") == 200
        for context, host in ((trusting, "127.0.0.1"), (create_ssl_context(), "localhost")):
            with pytest.raises(httpcore.ConnectError, match=r"(?i)certificate"):
                Sender(LOOPBACK, context).post(f"https://{host}:{port}/", {}, b"x")
        assert len(receiver.received) == 1


class Desk:
    """A store with a job for whoever listens, and a courier whose time is moved by hand."""

    def __init__(self, folder: Path, receiver: Receiver, sender: Sender) -> None:
        self.now = 1_000_000.0
        self.store = Store(Settings(data_dir=folder, broker_url=None), lambda: self.now)
        self.courier = Courier(self.store.webhooks, sender)
        self.receiver = receiver

    def job(self, url: str | None = None) -> Job:
        """One that has failed."""
        endpoint = Endpoint(url or self.receiver.url, SECRET)
        dataset, _ = self.store.datasets.add(**ROW)
        method = {"method": "s2convscn"}
        wish = {"owner": "local", "request": {}, "method": method, "metadata": {"run": "7"}}
        job = self.store.jobs.submit(dataset_id=dataset.id, webhook=endpoint, **wish)
        return self.store.jobs.cancel(job.id, "local")

    def shown(self, job: Job) -> Any:
        return self.store.webhooks.of([job.id])[job.id]


ROW: dict[str, Any] = {
    "owner": "local",
    "name": "set",
    "sha256": "a" * 64,
    "options": {},
    "notices": [],
    "n_images": 4,
    "height": 8,
    "width": 8,
    "channels": 1,
    "dtype": "uint8",
    "classes": None,
    "bytes": 256,
}


@pytest.fixture
def desk(tmp_path: Path, sender: Sender) -> Iterator[Desk]:
    with receiving(503, 500, 200) as receiver:
        desk = Desk(tmp_path, receiver, sender)
        yield desk
        desk.store.close()


def test_it_is_told_until_it_has_heard(desk: Desk) -> None:
    job = desk.job()
    for wait, state in ((WAITS[0], "pending"), (WAITS[1], "pending"), (0, "delivered")):
        desk.courier.look()
        assert desk.shown(job).state == state
        if wait:
            assert wait <= desk.shown(job).next_at - desk.now <= 1.1 * wait
        desk.now += 2 * wait
    first, *others = desk.receiver.received
    assert {r.headers["webhook-id"] for r in others} == {first.headers["webhook-id"]}
    assert {r.body for r in others} == {first.body}
    for received in desk.receiver.received:
        at = int(received.headers["webhook-timestamp"])
        assert abs(at - time.time()) < 60
        expected = headers(SECRET, received.headers["webhook-id"], at, received.body)
        assert expected.items() <= received.headers.items()
        assert received.headers["content-type"] == "application/json"
    told = json.loads(first.body)
    assert told["type"] == "job.cancelled"
    assert told["data"]["id"] == job.id
    assert told["data"]["metadata"] == {"run": "7"}
    assert told["data"]["links"]["self"] == f"/v1/jobs/{job.id}"
    assert SECRET not in first.body.decode()


def test_after_three_days_it_is_given_up(desk: Desk) -> None:
    desk.receiver.statuses = [500]
    job = desk.job()
    for _ in range(len(WAITS) + 3):
        desk.courier.look()
        desk.now += 2 * max(WAITS)
    assert len(desk.receiver.received) == len(WAITS) + 1
    shown = desk.shown(job)
    assert (shown.state, shown.last_error) == ("given_up", "the answer was 500")


@pytest.mark.parametrize(
    ("url", "error", "state"),
    [
        ("https://10.0.0.1/", "which is not public", "given_up"),
        ("https://example..org/", "no name of a host", "given_up"),
        (f"https://{'a' * 64}.example.org/", "no name of a host", "given_up"),
        ("http://127.0.0.1:9/", "refused", "pending"),
        ("https://no-such-name.invalid/", "", "pending"),
    ],
)
def test_what_cannot_be_reached_harms_nobody(desk: Desk, url: str, error: str, state: str) -> None:
    lost, job = desk.job(url), desk.job()
    desk.receiver.statuses = [200]
    desk.courier.look()
    assert desk.shown(lost).state == state
    assert error in desk.shown(lost).last_error
    assert desk.shown(job).state == "delivered"


def test_a_receiver_may_say_that_it_wants_no_more(desk: Desk) -> None:
    desk.receiver.statuses = [410]
    job = desk.job()
    desk.courier.look()
    assert desk.shown(job).state == "given_up"
    assert len(desk.receiver.received) == 1
