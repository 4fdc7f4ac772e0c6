"""Who may: keys, owners and scopes, over every operation of the OpenAPI document."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from api_service import Service, broker_running, finish, png_zip, serving
from sqlalchemy.exc import OperationalError

from app import keys as command
from app.documentation import PUBLIC
from jobs.records import Dataset, Scope
from jobs.settings import Settings
from s2convscn import ApiProblem, Client

VERBS = ("get", "post", "put", "patch", "delete")
OPEN = {"/docs", "/v1/openapi.json", *PUBLIC}
SAFE = {"GET"}
ARCHIVE = png_zip()


class Owned(NamedTuple):
    """A service on which alice has one object of each kind, and the keys to it."""

    service: Service
    secrets: dict[str, str]
    objects: dict[str, str]

    def ask(self, verb: str, path: str, who: str | None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secrets[who]}"} if who else {}
        return self.service.http.request(verb, path, headers=headers, **more)

    def operations(self) -> list[tuple[str, str, str]]:
        """Verb, template and a path to alice's objects, for every operation that needs a key."""
        paths = self.service.http.get("/v1/openapi.json").json()["paths"]
        return [
            (verb.upper(), path, path.format(**self.objects))
            for path, operations in paths.items()
            for verb in VERBS
            if verb in operations and path not in PUBLIC
        ]


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owned]:
    data_dir = tmp_path_factory.mktemp("owned")
    with broker_running(data_dir), serving(Settings(data_dir=data_dir)) as service:
        store = service.context.store
        made = {
            "alice": store.keys.make("alice", "laptop", Scope.WRITE),
            "reader": store.keys.make("alice", "dashboard", Scope.READ),
            "bob": store.keys.make("bob", "", Scope.WRITE),
        }
        secrets = {who: secret for who, (_, secret) in made.items()}
        found = Owned(service, secrets, {})
        dataset = found.ask("POST", "/v1/datasets", "alice", content=ARCHIVE).json()["id"]
        body = {"dataset_id": dataset, "n_clusters": 2}
        job = found.ask("POST", "/v1/jobs", "alice", json=body).json()["id"]
        finish(service.context, job)
        compared = body | {"methods": ["lsr", "kmeans"]}
        comparison = found.ask("POST", "/v1/comparisons", "alice", json=compared).json()["id"]
        objects = {"dataset_id": dataset, "job_id": job, "comparison_id": comparison}
        rest = {"index": "0", "name": "labels.npy", "slug": "gone"}
        yield found._replace(objects=objects | rest)


def test_without_a_key_nothing_is_told(owned: Owned) -> None:
    for verb, _, path in owned.operations():
        answer = owned.ask(verb, path, None)
        owned.service.problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "alice" not in answer.text
    for path in OPEN:
        assert owned.service.http.get(path.format(**owned.objects)).status_code in {200, 404}


@pytest.mark.parametrize(
    "said", ["Bearer s2c_wrong", "Bearer", "Basic YTpi", "s2c_wrong", "Bearer \u00e9"]
)
def test_what_is_no_key_opens_nothing(owned: Owned, said: str) -> None:
    headers = {b"Authorization": said.encode("latin-1")}
    for path in ("/v1/jobs", "/v1/methods"):
        answer = owned.service.http.get(path, headers=headers)
        owned.service.problem(answer, 401, "unauthenticated")


def test_an_object_is_its_owners(owned: Owned) -> None:
    """Every operation on an object of alice's is 404 to bob; lists have nothing of hers."""
    body = {"dataset_id": owned.objects["dataset_id"], "n_clusters": 2}
    seen = 0
    with owned.service.unchanged():
        for verb, template, path in owned.operations():
            sent = {"json": body | {"methods": ["lsr", "kmeans"]}} if "comparisons" in path else {}
            if path.endswith("/predictions"):
                sent = {"json": {"dataset_id": body["dataset_id"]}}
            sent = sent or {"json": body}
            if verb == "GET":
                sent = {}
            answer = owned.ask(verb, path, "bob", **sent)
            of_alice = "_id}" in template or (verb == "POST" and path != "/v1/datasets")
            if of_alice:
                owned.service.problem(answer, 404, "not-found")
                seen += 1
            for identity in ("dataset_id", "job_id", "comparison_id"):
                if not of_alice:
                    assert owned.objects[identity] not in answer.text
    assert seen > 20


def test_all_of_it_answers_its_owner(owned: Owned) -> None:
    for verb, template, path in owned.operations():
        if verb == "GET" and template != "/v1/jobs/{job_id}/checkpoints/{name}":
            answer = owned.ask(verb, path, "reader")
            assert answer.status_code in {200, 409} or "/methods/" in path, (path, answer.text)


def test_a_reader_changes_nothing(owned: Owned) -> None:
    with owned.service.unchanged():
        for verb, _, path in owned.operations():
            if verb not in SAFE:
                answer = owned.ask(verb, path, "reader")
                owned.service.problem(answer, 403, "insufficient-scope")


def test_the_same_bytes_are_two_data_sets_of_two_owners(owned: Owned) -> None:
    answer = owned.ask("POST", "/v1/datasets", "bob", content=ARCHIVE)
    assert answer.status_code == 201
    assert answer.json()["id"] != owned.objects["dataset_id"]
    assert owned.ask("POST", "/v1/datasets", "alice", content=ARCHIVE).status_code == 200


def test_an_idempotency_key_is_its_owners(owned: Owned) -> None:
    dataset = owned.ask("POST", "/v1/datasets", "bob", content=ARCHIVE).json()["id"]
    ids = set()
    for who, set_id in (("alice", owned.objects["dataset_id"]), ("bob", dataset)):
        body = {"dataset_id": set_id, "n_clusters": 2}
        secret = owned.secrets[who]
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "shared"}
        answer = owned.service.http.post("/v1/jobs", json=body, headers=headers)
        assert answer.status_code == 202
        ids.add(answer.json()["id"])
    assert len(ids) == 2


def test_a_worker_tells_of_ones_own_job_alone(owned: Owned) -> None:
    workers = owned.service.context.store.workers
    workers.beat("worker@test", "cpu", owned.objects["job_id"])
    told = {
        who: owned.ask("GET", "/v1/workers", who).json()["items"][0]["job_id"]
        for who in ("alice", "bob")
    }
    workers.leave("worker@test")
    assert told == {"alice": owned.objects["job_id"], "bob": None}


def test_a_revoked_key_is_worthless_at_once_and_leaves_no_open_door(tmp_path: Path) -> None:
    with serving(Settings(data_dir=tmp_path)) as service:
        assert service.http.get("/v1/jobs").status_code == 200
        key, secret = service.context.store.keys.make("alice", "", Scope.WRITE)
        headers = {"Authorization": f"Bearer {secret}"}
        assert service.http.get("/v1/jobs", headers=headers).status_code == 200
        service.context.store.keys.revoke(key.id)
        answer = service.http.get("/v1/jobs", headers=headers)
        service.problem(answer, 401, "unauthenticated")
        service.problem(service.http.get("/v1/jobs"), 401, "unauthenticated")


def test_where_keys_are_needed_any_host_name_will_do(owned: Owned) -> None:
    """A proxy that keeps the name: pages and probes come without a key, the rest asks for one."""
    foreign = {"host": "cluster.example"}
    for path in ("/", "/docs", "/livez", "/v1/openapi.json"):
        assert owned.service.http.get(path, headers=foreign).status_code == 200
    answer = owned.service.http.get("/v1/jobs", headers=foreign)
    owned.service.problem(answer, 401, "unauthenticated")
    secret = owned.secrets["alice"]
    headers = foreign | {"Authorization": f"Bearer {secret}"}
    assert owned.service.http.get("/v1/jobs", headers=headers).status_code == 200


def test_a_page_behind_a_proxy_makes_changes_with_a_key(owned: Owned) -> None:
    """A proxy that sets Host to the service's own address, and leaves the page's Origin."""
    headers = {"origin": "https://cluster.example", "content-type": "application/json"}
    answer = owned.service.http.post("/v1/jobs", headers=headers, content=b"{}")
    owned.service.problem(answer, 403, "forbidden-origin")
    for said, status, slug in (
        (owned.secrets["alice"], 422, "invalid-request"),
        ("s2c_wrong", 401, "unauthenticated"),
    ):
        keyed = headers | {"Authorization": f"Bearer {said}"}
        answer = owned.service.http.post("/v1/jobs", headers=keyed, content=b"{}")
        owned.service.problem(answer, status, slug)


def test_no_other_site_may_send_a_key(owned: Owned) -> None:
    headers = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    answer = owned.service.http.options("/v1/jobs", headers=headers)
    assert not answer.is_success
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_database_that_is_away_is_said_under_any_name(
    owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> bool:
        raise OperationalError("SELECT", {}, ConnectionError())

    monkeypatch.setattr(owned.service.context.store.keys, "exist", away)
    answer = owned.service.http.get("/livez", headers={"host": "cluster.example"})
    assert answer.status_code == 503
    assert answer.json()["type"] == "/v1/problems/service-not-ready"


def test_the_client_takes_a_key(owned: Owned, monkeypatch: pytest.MonkeyPatch) -> None:
    url = str(owned.service.http.base_url)
    with Client(url, key=owned.secrets["alice"]) as client:
        assert client.job(owned.objects["job_id"])["status"] == "succeeded"
    with Client(url) as client, pytest.raises(ApiProblem, match="key is needed"):
        client.job(owned.objects["job_id"])
    monkeypatch.setenv("S2CONVSCN_API_KEY", owned.secrets["bob"])
    with Client(url) as client, pytest.raises(ApiProblem, match="no such object"):
        client.job(owned.objects["job_id"])


def test_secrets_are_stored_and_logged_nowhere(
    owned: Owned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    owned.ask("GET", "/v1/jobs", "alice")
    stored = b"".join(p.read_bytes() for p in owned.service.context.settings.data_dir.glob("*.db*"))
    for secret in owned.secrets.values():
        assert secret not in caplog.text
        assert secret.encode() not in stored


def test_every_answer_forbids_frames_and_guesses(service: Service, dataset: Dataset) -> None:
    for path in ("/livez", f"/v1/datasets/{dataset.id}/images/0", "/v1/nothing"):
        headers = service.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def keys(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name("s2convscn")
    command = [str(executable), "keys", *arguments]
    environment = os.environ | {"S2CONVSCN_DATA_DIR": str(data_dir)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_keys_are_made_listed_and_revoked_by_a_command(tmp_path: Path) -> None:
    limits = ("--max-jobs", "3", "--max-requests-per-second", "0.5")
    who = ("--owner", "alice", "--name", "laptop", "--scope", "read")
    made = keys(tmp_path, "create", *who, *limits)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("s2c_")
    assert secret not in made.stderr
    listed = keys(tmp_path, "list").stdout.splitlines()
    assert listed[0].split("\t") == ["id", "owner", "scope", "made", "revoked", "limits", "name"]
    key_id, owner, scope, _, revoked, limited, name = listed[1].split("\t")
    assert (owner, scope, revoked, name) == ("alice", "read", "-", "laptop")
    assert limited == "jobs=3 requests_per_second=0.5"
    with serving(Settings(data_dir=tmp_path)) as service:
        headers = {"Authorization": f"Bearer {secret}"}
        assert service.http.get("/v1/jobs", headers=headers).status_code == 200
        assert keys(tmp_path, "revoke", key_id).returncode == 0
        assert service.http.get("/v1/jobs", headers=headers).status_code == 401
    assert keys(tmp_path, "list").stdout.splitlines()[1].split("\t")[4] != "-"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create"], "--owner"),
        (["create", "--owner", "a b"], "'a b' is no owner"),
        (["create", "--owner", "a", "--scope", "all"], "invalid"),
        (["create", "--owner", "a", "--name", "two\nlines"], "one line"),
        (["create", "--owner", "a", "--max-jobs", "0"], "'0' is no int above 0"),
        (["create", "--owner", "a", "--max-requests-per-second", "inf"], "no float above 0"),
        (["revoke", "key_none"], "no key 'key_none'"),
        ([], "create | list | revoke"),
    ],
)
def test_what_the_command_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setattr(command, "load", lambda: Settings(data_dir=tmp_path))
    try:
        status = command.main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    assert words in capsys.readouterr().err


def test_another_address_is_served_with_a_key_alone(tmp_path: Path) -> None:
    environment = os.environ | {
        "S2CONVSCN_HOST": "0.0.0.0",  # noqa: S104 - what is tested
        "S2CONVSCN_DATA_DIR": str(tmp_path),
    }
    check = "from app.__main__ import checked; checked()"
    run = [sys.executable, "-c", check]
    refused = subprocess.run(run, check=False, capture_output=True, text=True, env=environment)
    assert "keys create" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert keys(tmp_path, "create", "--owner", "alice").returncode == 0
    assert subprocess.run(run, check=False, env=environment).returncode == 0
    settings = Settings(data_dir=tmp_path, host="0.0.0.0")  # noqa: S104 - as above
    with serving(settings) as service:
        answer = service.http.get("/v1/jobs", headers={"host": "elsewhere.example"})
        service.problem(answer, 401, "unauthenticated")
