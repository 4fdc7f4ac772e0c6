"""Webhooks over HTTP: what is asked for, what is refused, what is shown."""

from pathlib import Path
from typing import Any

import pytest
from api_service import Service, add_dataset, finish, serving

from jobs.records import Dataset
from jobs.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - that of the specification
URL = "https://example.org/hooks/7"


def ask(service: Service, dataset: Dataset, webhook: object) -> Any:
    body = {"dataset_id": dataset.id, "n_clusters": 2, "webhook": webhook}
    return service.http.post("/v1/jobs", json=body)


def test_a_webhook_is_shown_without_its_secret(service: Service, dataset: Dataset) -> None:
    answer = ask(service, dataset, {"url": URL, "secret": SECRET})
    assert answer.status_code == 202
    expected = {
        "url": URL,
        "state": "waiting",
        "attempts": 0,
        "last_at": None,
        "last_error": None,
        "next_at": None,
    }
    path = f"/v1/jobs/{answer.json()['id']}"
    for text in (answer, service.http.get(path), service.http.get("/v1/jobs")):
        assert SECRET not in text.text
    assert answer.json()["webhook"] == expected
    finish(service.context, answer.json()["id"])
    shown = service.http.get(path).json()["webhook"]
    assert (shown["state"], shown["attempts"]) == ("pending", 0)
    listed = service.http.get("/v1/jobs").json()["items"]
    assert next(job["webhook"] for job in listed if job["id"] == answer.json()["id"]) == shown


@pytest.mark.parametrize("host", ["example.org.", f"{'a' * 63}.org", "[2606:2800:220:1::1]"])
def test_names_and_addresses_of_hosts(service: Service, dataset: Dataset, host: str) -> None:
    answer = ask(service, dataset, {"url": f"https://{host}/", "secret": SECRET})
    assert answer.status_code == 202


def test_without_one_there_is_none(submitted: dict[str, Any]) -> None:
    assert submitted["webhook"] is None


def test_a_resumed_job_tells_the_same(service: Service, dataset: Dataset) -> None:
    job = ask(service, dataset, {"url": URL, "secret": SECRET}).json()
    service.http.post(f"/v1/jobs/{job['id']}/cancel")
    resumed = service.http.post(f"/v1/jobs/{job['id']}/resume").json()
    assert resumed["webhook"]["url"] == URL
    assert resumed["webhook"]["state"] == "waiting"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "ftp://example.org/"}, "/webhook/url must be an https:// URL"),
        ({"url": "example.org"}, "/webhook/url must be an https:// URL"),
        ({"url": "https:///path"}, "/webhook/url must be an https:// URL"),
        ({"url": "https://bücher.example/"}, "/webhook/url must be an https:// URL, in ASCII"),
        ({"url": "https://example..org/hook"}, "/webhook/url must have a host whose parts"),
        ({"url": "https://.example.org/"}, "/webhook/url must have a host whose parts"),
        ({"url": f"https://{'a' * 64}.org/"}, "/webhook/url must have a host whose parts"),
        ({"url": "https://example.org:99999/"}, "/webhook/url must be a URL"),
        ({"url": "https://example.org/a b"}, "/webhook/url must not have spaces"),
        ({"url": "https://example.org/\nHost: x"}, "/webhook/url must not have spaces"),
        ({"url": "https://me:pw@example.org/"}, "must not have a user or a password"),
        ({"url": "http://example.org/"}, "/webhook/url must begin with https://"),
        ({"url": "https://127.0.0.1/"}, "/webhook/url must lead to a public address"),
        ({"url": "https://[::1]:8443/"}, "/webhook/url must lead to a public address"),
        ({"url": "https://169.254.169.254/latest"}, "must lead to a public address"),
        ({"secret": "hunter2hunter2hunter2hunter2"}, "/webhook/secret must be whsec_"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64 random bytes"),
        ({"secret": "whsec_not base64 at all, is it?"}, "/webhook/secret must be whsec_"),
        ({"retries": 3}, "/webhook/retries is not known"),
    ],
)
def test_what_is_wrong_is_refused(
    service: Service, dataset: Dataset, changes: dict[str, Any], said: str
) -> None:
    with service.unchanged():
        answer = ask(service, dataset, {"url": URL, "secret": SECRET} | changes)
        problem = service.problem(answer, 422, "invalid-request")
    assert said in problem["detail"]
    assert "hunter2" not in answer.text


def test_a_secret_is_needed(service: Service, dataset: Dataset) -> None:
    problem = service.problem(ask(service, dataset, {"url": URL}), 422, "invalid-request")
    assert "/webhook/secret is needed" in problem["detail"]


def test_an_operator_may_allow_networks(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, webhook_allow="10.1.0.0/16, ::1")
    with serving(settings) as service:
        dataset = add_dataset(service.context, ["a/0.png", "b/1.png"])
        for url in ("https://10.1.2.3/", "http://10.1.2.3/", "http://[::1]/", "http://a.local/"):
            assert ask(service, dataset, {"url": url, "secret": SECRET}).status_code == 202
        answer = ask(service, dataset, {"url": "http://10.2.0.1/", "secret": SECRET})
        service.problem(answer, 422, "invalid-request")


def test_networks_that_are_none_stop_the_start() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        Settings(webhook_allow="10.1.0.0/16, elsewhere")
