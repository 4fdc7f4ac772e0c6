"""A job's end is told to a real receiver that was down at first, through the whole stack."""

import json
from pathlib import Path

from live_images import subspaces, write_zip
from live_receiver import SECRET, receiving
from live_service import running, wait_until


def test_a_receiver_hears_of_the_end(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip", *subspaces(clusters=2))
    with (
        receiving(503, 204) as receiver,
        running(tmp_path / "data", {"S2CONVSCN_WEBHOOK_ALLOW": "127.0.0.0/8"}) as service,
    ):
        dataset = service.client.upload(archive, truth="folders")
        body = {
            "dataset_id": dataset["id"],
            "n_clusters": 2,
            "method": "kmeans",
            "webhook": {"url": receiver.url, "secret": SECRET},
        }
        job = service.http.post("/v1/jobs", json=body).json()
        assert job["webhook"]["state"] == "waiting"
        ended = service.finish(job["id"])

        def told() -> bool:
            return bool(service.get(f"/v1/jobs/{job['id']}")["webhook"]["state"] == "delivered")

        wait_until(told)
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-signature"].startswith("v1,")
    message = json.loads(second.body)
    assert message["type"] == "job.succeeded"
    assert message["timestamp"].startswith(str(ended["finished_at"])[:19])
    assert message["data"]["id"] == job["id"]
