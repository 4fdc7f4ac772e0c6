"""The log of a job over HTTP: in pages, and as a stream of server-sent events."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_service import Service, add_dataset, serving, wait_until
from httpx_sse import EventSource, ServerSentEvent

from app import streams
from app.pages import encode
from app.streams import Streams
from jobs.errors import TimeLimit
from jobs.records import Dataset, Progress
from jobs.settings import Settings
from jobs.states import Phase

STREAM = {"Accept": "text/event-stream"}
SOON = 5.0
PROGRESS = Progress(
    phase=Phase.TRAINING, fraction=0.5, epoch=3, epochs=6, losses={"L0": 1.5}, finish_at=2e9
)


def path(job: dict[str, Any]) -> str:
    return f"/v1/jobs/{job['id']}/events"


def claim(service: Service, job: dict[str, Any]) -> int:
    found = service.context.store.attempts.claim(job["id"], "worker@test")
    assert found is not None
    return found.attempt


def progress(service: Service, job: dict[str, Any], fraction: float) -> None:
    there = PROGRESS.model_copy(update={"fraction": fraction})
    assert service.context.store.attempts.heartbeat(job["id"], 1, there)


def fail(service: Service, job: dict[str, Any]) -> None:
    error = TimeLimit("It ran longer than 60 seconds.", seconds=60)
    assert service.context.store.attempts.fail(job["id"], 1, error)


@contextmanager
def following(
    service: Service, job: dict[str, Any], after: int | None = None, **params: Any
) -> Iterator[Iterator[ServerSentEvent]]:
    headers = STREAM | ({} if after is None else {"Last-Event-ID": str(after)})
    with service.http.stream("GET", path(job), headers=headers, params=params) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield EventSource(response).iter_sse()


def submit(service: Service, dataset: Dataset) -> dict[str, Any]:
    body = {"dataset_id": dataset.id, "n_clusters": 2}
    found: dict[str, Any] = service.http.post("/v1/jobs", json=body).json()
    return found


def test_events_in_pages(service: Service, submitted: dict[str, Any]) -> None:
    claim(service, submitted)
    progress(service, submitted, 0.5)
    fail(service, submitted)
    first = service.http.get(path(submitted), params={"limit": 2}).json()
    rest = service.http.get(path(submitted), params={"cursor": first["next_cursor"]}).json()
    kinds = [event["kind"] for event in first["items"] + rest["items"]]
    assert kinds == ["submitted", "claimed", "progress", "failed"]
    assert rest["next_cursor"] is None
    assert rest["items"][1]["data"] == {"error": "time-limit"}
    assert rest["items"][0]["data"] == {
        "message": "Training the whole network: epoch 3 of 6.",
        "phase": "training",
        "progress": 0.5,
        "epoch": 3,
        "epochs": 6,
        "losses": {"L0": 1.5},
        "estimated_finish": "2033-05-18T03:33:20Z",
    }
    moves = service.http.get(path(submitted), params={"kind": ["claimed", "failed"]}).json()
    assert [event["kind"] for event in moves["items"]] == ["claimed", "failed"]
    service.problem(
        service.http.get(path(submitted), params={"kind": "none"}), 422, "invalid-request"
    )


def test_a_stream_tells_what_was_and_what_comes(
    service: Service, submitted: dict[str, Any]
) -> None:
    claim(service, submitted)
    with following(service, submitted) as events:
        assert [next(events).event for _ in range(2)] == ["submitted", "claimed"]
        progress(service, submitted, 0.5)
        told = next(events)
        assert (told.event, told.json()["data"]["progress"]) == ("progress", 0.5)
        assert told.id == str(told.json()["id"])
        fail(service, submitted)
        assert [event.event for event in events] == ["failed"], "the stream ends with the job"
    page = service.http.get(path(submitted)).json()["items"]
    assert told.json() == page[2]


def test_a_stream_goes_on_after_what_was_seen(service: Service, submitted: dict[str, Any]) -> None:
    claim(service, submitted)
    ids = [event["id"] for event in service.http.get(path(submitted)).json()["items"]]
    with following(service, submitted, after=ids[0]) as events:
        assert next(events).id == str(ids[1])
        fail(service, submitted)
        last = next(events)
        assert last.event == "failed"
    with following(service, submitted, after=ids[1]) as events:
        assert [event.event for event in events] == ["failed"]
    answer = service.http.get(path(submitted), headers=STREAM | {"Last-Event-ID": last.id})
    assert (answer.status_code, answer.content) == (204, b"")
    page = service.http.get(path(submitted), params={"limit": 1}).json()
    with following(service, submitted, cursor=page["next_cursor"]) as events:
        assert [event.event for event in events] == ["claimed", "failed"]


def test_an_id_that_the_log_does_not_reach_is_told_everything(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.1)
    monkeypatch.setattr(streams, "LONGEST_SECONDS", SOON)
    claim(service, submitted)
    newest = service.http.get(path(submitted)).json()["items"][-1]["id"]
    with following(service, submitted, after=2**63 - 1) as first:
        assert [event.event for event in islice(first, 2)] == ["submitted", "claimed"]
        with following(service, submitted, after=newest) as second:
            fail(service, submitted)
            assert [event.event for event in second] == ["failed"]
        assert [event.event for event in first] == ["failed"]
    with following(service, submitted, cursor=encode(10**17)) as events:
        assert [event.event for event in events] == ["submitted", "claimed", "failed"]


def test_a_stream_of_some_kinds(service: Service, submitted: dict[str, Any]) -> None:
    claim(service, submitted)
    progress(service, submitted, 0.5)
    fail(service, submitted)
    with following(service, submitted, kind=["progress", "claimed"]) as events:
        assert [event.event for event in events] == ["claimed", "progress"]


def test_streams_of_one_job_and_of_others_each_get_their_own(
    service: Service, dataset: Dataset
) -> None:
    made = [submit(service, dataset) for _ in range(2)]
    for job in made:
        claim(service, job)
    found: dict[int, list[tuple[str, str]]] = {}

    def follow(number: int) -> None:
        with following(service, made[number % 2]) as events:
            found[number] = [(event.id, event.event) for event in events]

    before = service.context.streams.open
    threads = [threading.Thread(target=follow, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for step in range(1, 6):
        for job in made:
            progress(service, job, step / 10)
        time.sleep(0.2)
    for job in made:
        fail(service, job)
    for thread in threads:
        thread.join()
    for number, told in found.items():
        page = service.http.get(path(made[number % 2])).json()["items"]
        assert told == [(str(event["id"]), event["kind"]) for event in page]
    assert len(found) == 8
    wait_until(lambda: service.context.streams.open == before)


def test_a_stream_ends_with_a_job_that_is_deleted_before_its_end_was_told(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.0)
    store = service.context.store

    async def read() -> list[bytes]:
        following = Streams(store.events).follow(submitted["id"], 0)
        seen = [await anext(following)]
        store.jobs.cancel(submitted["id"], "local")
        store.jobs.delete(submitted["id"], "local")
        return seen + [chunk async for chunk in following]

    (told,) = asyncio.run(asyncio.wait_for(read(), SOON))
    assert b"event: submitted\n" in told
    service.problem(service.http.get(path(submitted), headers=STREAM), 410, "gone")


def test_a_reader_who_leaves_is_forgotten(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.1)
    before = service.context.streams.open
    with following(service, submitted) as events:
        next(events)
        assert service.context.streams.open == before + 1
    wait_until(lambda: service.context.streams.open == before)


def test_a_silent_stream_says_that_it_is_alive(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.1)
    with service.http.stream("GET", path(submitted), headers=STREAM) as response:
        assert ": ping" in response.iter_lines()


def test_a_stream_ends_after_an_hour_for_the_key_to_be_shown_again(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(streams, "PING_SECONDS", 0.1)
    with following(service, submitted) as events:
        assert [event.event for event in events if event.data] == ["submitted"]


def test_what_is_no_stream_is_a_problem(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = service.http.get("/v1/jobs/job_none/events", headers=STREAM)
    service.problem(answer, 404, "not-found")
    for wrong in ("x", "-1", str(2**63)):
        answer = service.http.get(path(submitted), headers=STREAM | {"Last-Event-ID": wrong})
        service.problem(answer, 422, "invalid-request")
    answer = service.http.get(path(submitted), headers={"Accept": "text/html"})
    problem = service.problem(answer, 406, "not-acceptable")
    assert problem["offered"] == ["application/json", "text/event-stream"]
    monkeypatch.setattr(streams, "MOST", 0)
    answer = service.http.get(path(submitted), headers=STREAM)
    service.problem(answer, 503, "too-many-streams")
    assert answer.headers["retry-after"] == "5"
    assert service.http.get(path(submitted)).status_code == 200


def test_a_service_that_stops_ends_its_streams(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        dataset = add_dataset(service.context, ["a.png", "b.png", "c.png"])
        job = service.context.store.jobs.submit(
            owner="local", dataset_id=dataset.id, request={}, method={"method": "lsr"}
        )
        told: list[str] = []
        opened = threading.Event()

        def follow() -> None:
            address = f"http://127.0.0.1:{service.port}/v1/jobs/{job.id}/events"
            with httpx.stream("GET", address, headers=STREAM, timeout=30) as response:
                for event in EventSource(response).iter_sse():
                    told.append(event.event)
                    opened.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert opened.wait(SOON)
        began = time.monotonic()
    thread.join()
    assert told == ["submitted"]
    assert time.monotonic() - began < SOON, "no stream holds up the end"


def test_a_reader_who_is_too_slow_comes_back_for_the_rest(
    service: Service, submitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BACKLOG", 3)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.0)
    claim(service, submitted)

    async def read() -> list[bytes]:
        following = Streams(service.context.store.events).follow(submitted["id"], 0)
        seen = [await anext(following) for _ in range(2)]
        coming = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0.1)
        for step in range(1, 9):
            progress(service, submitted, step / 10)
        seen.append(await coming)
        await asyncio.sleep(0.2)
        return seen + [chunk async for chunk in following]

    seen = asyncio.run(read())
    page = service.http.get(path(submitted)).json()["items"]
    assert len(seen) < len(page)
    for event, chunk in zip(page, seen, strict=False):
        assert f"id: {event['id']}\n".encode() in chunk
    last = page[len(seen) - 1]["id"]
    fail(service, submitted)
    rest = service.http.get(path(submitted)).json()["items"][len(seen) :]
    with following(service, submitted, after=last) as events:
        assert [int(event.id) for event in events] == [event["id"] for event in rest]
