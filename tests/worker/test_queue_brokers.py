import json
from collections.abc import Iterator

import pytest
import redis
from bench import wait_until
from embedded_broker import Broker

from jobs.errors import BrokerUnavailable
from jobs.queue import QUEUE, Queue, celery_app
from jobs.settings import Settings

REAL = "redis://127.0.0.1:6379/13"


def queue_at(url: str) -> Queue:
    return Queue(celery_app(Settings(broker_url=url)))


@pytest.fixture(params=["embedded", "redis"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "embedded":
        yield request.getfixturevalue("broker").url
        return
    client = redis.Redis.from_url(REAL)
    try:
        client.ping()
    except redis.ConnectionError as error:
        pytest.skip(f"no Redis at 127.0.0.1:6379: {error}")
    client.flushdb()
    yield REAL
    client.flushdb()
    client.close()


def test_a_message_is_the_job_id_and_nothing_else(url: str) -> None:
    queue = queue_at(url)
    queue.ping()
    queue.send("job_1")
    with queue.celery.connection_for_read() as connection:
        message = connection.SimpleQueue(QUEUE).get(timeout=10)
        message.ack()
    args, keywords, _ = json.loads(message.body)
    assert (args, keywords) == (["job_1"], {})
    assert message.headers["task"] == "s2convscn.run"
    queue.celery.close()


def test_what_is_sent_again_comes_first(url: str) -> None:
    queue = queue_at(url)
    for job_id, again in (("job_1", False), ("job_2", False), ("job_0", True)):
        queue.send(job_id, again=again)
    with queue.celery.connection_for_read() as connection:
        messages = connection.SimpleQueue(QUEUE)
        received = [messages.get(timeout=10) for _ in range(3)]
        for message in received:
            message.ack()
    order = [json.loads(message.body)[0][0] for message in received]
    assert order == ["job_0", "job_1", "job_2"]
    queue.celery.close()


def test_without_a_broker_sending_fails_and_works_again_later(broker: Broker) -> None:
    queue = queue_at(broker.url)
    queue.send("job_1")
    broker.stop()
    with pytest.raises(BrokerUnavailable, match="does not take messages"):
        queue.send("job_2")
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        queue.ping()
    broker.start()
    wait_until(lambda: sent(queue, "job_3"))
    queue.celery.close()


def sent(queue: Queue, job_id: str) -> bool:
    try:
        queue.send(job_id)
    except BrokerUnavailable:
        return False
    return True
