"""Traces, as a collector receives them: one from the request to the last phase of training."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from live_images import subspaces, write_npz
from live_receiver import SECRET, Receiver, receiving
from live_service import Service, running, wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
S2CONVSCN = {"method": "s2convscn"}
QUICK = {"pretrain_max_steps": 40, "pretrain_window": 20, "epochs": 20, "round_epochs": 10}
OVERFLOWING = QUICK | {
    "pixel_scale": 65535,
    "cost_scale": "sum",
    "learning_rate": 1,
    "pretrain_max_steps": 1,
    "encoder": [[3, 64]] * 8,
    "self_expression_epochs": 5,
}


class Seen(NamedTuple):
    process: str
    span: Span

    @property
    def attributes(self) -> dict[str, str | int]:
        found = {}
        for pair in self.span.attributes:
            kind = pair.value.WhichOneof("value")
            found[pair.key] = getattr(pair.value, kind) if kind else ""
        return found


class Trace:
    """The spans of one trace that a collector was sent, by name."""

    def __init__(self, collector: Receiver, trace_id: str) -> None:
        self.spans: dict[str, Seen] = {}
        for received in [*collector.received]:
            assert received.path == "/hook/v1/traces"
            for part in ExportTraceServiceRequest.FromString(received.body).resource_spans:
                named = {pair.key: pair.value.string_value for pair in part.resource.attributes}
                for span in (span for scope in part.scope_spans for span in scope.spans):
                    if span.trace_id.hex() == trace_id:
                        self.spans[span.name] = Seen(named["service.name"], span)

    def parent(self, name: str) -> str:
        """The name of its parent; the id of one that is elsewhere."""
        above = self.spans[name].span.parent_span_id
        return next((n for n, s in self.spans.items() if s.span.span_id == above), above.hex())


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiving(200) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def service(collector: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "S2CONVSCN_TRACES_ENDPOINT": collector.url,
        "S2CONVSCN_LOG_FORMAT": "json",
        "S2CONVSCN_WEBHOOK_ALLOW": "127.0.0.0/8",
    }
    with running(tmp_path_factory.mktemp("live"), settings) as service:
        yield service


@pytest.fixture(scope="module")
def dataset_id(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_npz(tmp_path_factory.mktemp("upload") / "images.npz", *subspaces(n=48, clusters=3))
    return service.client.upload(path)["id"]


def submit(
    service: Service, dataset_id: str, trace_id: str, method: dict[str, object], **more: object
) -> str:
    answer = service.http.post(
        "/v1/jobs",
        json={"dataset_id": dataset_id, "n_clusters": 3, "method": S2CONVSCN | method, **more},
        headers={"traceparent": f"00-{trace_id}-{PARENT}-01", "X-Request-ID": "asked-by-test"},
    )
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def traced(collector: Receiver, trace_id: str, last: str) -> Trace:
    wait_until(lambda: last in Trace(collector, trace_id).spans, 30)
    return Trace(collector, trace_id)


def test_a_request_and_its_job_are_one_trace(
    service: Service, collector: Receiver, dataset_id: str
) -> None:
    job_id = submit(service, dataset_id, TRACE, QUICK)
    job = service.finish(job_id)
    found = traced(collector, TRACE, "attempt")
    phases = {"loading", "preparing", "pretraining", "initialising", "training", "scoring"}
    assert phases | {"publishing"} <= set(found.spans)
    above = {name: found.parent(name) for name in found.spans}
    assert above["POST /v1/jobs"] == PARENT
    assert above["send jobs"] == above["queued"] == above["attempt"] == "POST /v1/jobs"
    assert above["fetch"] == above["trainer"] == above["publish"] == "attempt"
    assert {above[phase] for phase in phases} == {"trainer"}
    processes = {name: seen.process for name, seen in found.spans.items()}
    assert processes["POST /v1/jobs"] == processes["send jobs"] == "s2convscn-api"
    assert processes["queued"] == processes["attempt"] == "s2convscn-worker"
    assert {processes[name] for name in {"trainer", *phases}} == {"s2convscn-trainer"}

    asked, sent = found.spans["POST /v1/jobs"], found.spans["send jobs"]
    assert (asked.span.kind, sent.span.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_PRODUCER)
    assert asked.attributes["http.response.status_code"] == 202
    assert asked.attributes["s2convscn.request_id"] == "asked-by-test"
    assert sent.attributes["messaging.destination.name"] == "jobs"
    attempt = found.spans["attempt"]
    told = attempt.attributes
    assert (told["s2convscn.job.id"], told["s2convscn.attempt"]) == (job_id, 1)
    assert told["s2convscn.worker"] == (job["worker"] or {}).get("name")
    assert told["s2convscn.ending"] == "succeeded"
    assert found.spans["training"].attributes["s2convscn.steps"] == QUICK["epochs"]
    assert_in_order(found, ["queued", "fetch", "loading", "pretraining", "training", "publish"])


def assert_in_order(found: Trace, names: list[str]) -> None:
    """Each begins when the one before has ended, within the time that all of them took."""
    spans = [found.spans[name].span for name in names]
    for before, after in pairwise(spans):
        assert before.start_time_unix_nano <= before.end_time_unix_nano
        assert before.end_time_unix_nano <= after.start_time_unix_nano
    assert spans[-1].end_time_unix_nano < time.time_ns()


def test_what_failed_says_with_what_problem(
    service: Service, collector: Receiver, dataset_id: str
) -> None:
    trace_id = TRACE[::-1]
    service.follow(submit(service, dataset_id, trace_id, OVERFLOWING))
    found = traced(collector, trace_id, "attempt")
    for name in ("trainer", "attempt"):
        assert found.spans[name].attributes["error.type"] == "diverged"
        assert found.spans[name].span.status.code == 2
        assert "NaN" in found.spans[name].span.status.message


def test_a_webhook_is_told_in_which_trace(service: Service, dataset_id: str) -> None:
    trace_id = "c" * 32
    with receiving(200) as receiver:
        webhook = {"url": receiver.url, "secret": SECRET}
        service.finish(submit(service, dataset_id, trace_id, {"method": "lsr"}, webhook=webhook))
        wait_until(lambda: receiver.received)
    told = receiver.received[0].headers["traceparent"].split("-")
    assert told[1] == trace_id
    assert told[2] != PARENT


def test_lines_of_the_log_name_the_trace(service: Service) -> None:
    logs = [path.read_text() for path in (service.data_dir / "logs").glob("worker*")]
    assert any(f'"trace_id": "{TRACE}"' in log for log in logs)


def test_what_machines_ask_is_not_traced(service: Service, collector: Receiver) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        service.http.get(path, headers={"traceparent": f"00-{'a' * 32}-{PARENT}-01"})
    service.http.get("/v1/methods", headers={"traceparent": f"00-{'a' * 32}-{PARENT}-01"})
    wait_until(lambda: Trace(collector, "a" * 32).spans)
    assert set(Trace(collector, "a" * 32).spans) == {"GET /v1/methods"}


def test_the_last_spans_are_sent_when_the_service_stops(tmp_path: Path) -> None:
    with receiving(200) as collector:
        settings = {"S2CONVSCN_TRACES_ENDPOINT": collector.url}
        with running(tmp_path / "data", settings) as service:
            service.http.get("/v1/methods", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert set(Trace(collector, TRACE).spans) == {"GET /v1/methods"}


def test_without_its_collector_all_works(tmp_path: Path) -> None:
    with receiving(200) as gone:
        url = gone.url
    with running(tmp_path / "data", {"S2CONVSCN_TRACES_ENDPOINT": url}) as service:
        path = write_npz(tmp_path / "images.npz", *subspaces(n=48, clusters=3))
        job = service.client.submit(service.client.upload(path)["id"], 3, method="lsr")
        service.finish(job["id"])
