"""The OpenAPI document: valid, complete, and with examples that fit their schemas."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_service import Service
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel, TypeAdapter

from app import examples, requests, schemas
from app.comparing import examples as comparison_examples
from app.comparing import requests as comparing
from app.comparing import schemas as compared
from app.problems import MEDIA_TYPE, kinds, status_of

METHODS = {"get", "post", "put", "patch", "delete", "head"}
MODELS = [
    model
    for module in (requests, schemas, compared, comparing)
    for model in vars(module).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__.startswith("app")
]


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    answer = service.http.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((path, verb, item[verb]) for verb in METHODS & set(item))


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_it_is_an_openapi_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPI.model_validate(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for node in nodes(document):
        reference = node.get("$ref")
        if isinstance(reference, str):
            target: Any = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]


def test_operations_are_named_and_described(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) > 20
    tags = {tag["name"] for tag in document["tags"]}
    for path, verb, operation in operations(document):
        assert operation["summary"], (path, verb)
        assert set(operation["tags"]) <= tags
        assert operation["tags"]


def test_every_path_of_the_service_is_there(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/livez",
        "/readyz",
        "/v1/datasets",
        "/v1/datasets/{dataset_id}",
        "/v1/datasets/{dataset_id}/images",
        "/v1/datasets/{dataset_id}/images/{index}",
        "/v1/methods",
        "/v1/methods/{name}",
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/events",
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/resume",
        "/v1/jobs/{job_id}/labels",
        "/v1/jobs/{job_id}/affinity",
        "/v1/jobs/{job_id}/spectrum",
        "/v1/jobs/{job_id}/predictions",
        "/v1/jobs/{job_id}/checkpoints",
        "/v1/jobs/{job_id}/checkpoints/{name}",
        "/v1/jobs/{job_id}/artifacts",
        "/v1/jobs/{job_id}/artifacts/{name}",
        "/v1/comparisons",
        "/v1/comparisons/{comparison_id}",
        "/v1/comparisons/{comparison_id}/cancel",
        "/v1/comparisons/{comparison_id}/ranking",
        "/v1/comparisons/{comparison_id}/chart",
        "/v1/workers",
        "/metrics",
        "/v1/problems",
        "/v1/problems/{slug}",
    }


def test_every_error_is_a_problem_of_known_kinds(document: dict[str, Any]) -> None:
    known = {kind.slug(): status_of(kind) for kind in kinds()}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, verb, operation in operations(document):
        failures = {c: r for c, r in operation["responses"].items() if c[0] in "45"}
        assert {"403", "500"} <= set(failures), (path, verb)
        if operation.get("parameters") or "requestBody" in operation:
            assert "422" in failures, (path, verb)
        for code, response in failures.items():
            assert set(response["content"]) == {MEDIA_TYPE}
            content = response["content"][MEDIA_TYPE]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for slug, example in content["examples"].items():
                schemas.Problem.model_validate(example["value"])
                assert known[slug] == int(code) == example["value"]["status"]


def test_links_lead_to_operations(document: dict[str, Any]) -> None:
    names = {operation["operationId"]: operation for _, _, operation in operations(document)}
    links = [
        link
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert links
    for link in links:
        parameters = {p["name"] for p in names[link["operationId"]].get("parameters", [])}
        assert set(link.get("parameters", [])) <= parameters


def test_links_with_a_body_send_what_the_operation_takes(document: dict[str, Any]) -> None:
    links = document["paths"]["/v1/datasets"]["post"]["responses"]["201"]["links"]
    takers = {
        "submit_job": requests.JobRequest,
        "submit_comparison": comparing.ComparisonRequest,
    }
    for operation, model in takers.items():
        body = links[operation]["requestBody"]
        assert body["dataset_id"] == "$response.body#/id"
        model.model_validate(body | {"dataset_id": "ds_1"})


def test_a_method_cannot_be_left_without_its_name(document: dict[str, Any]) -> None:
    for name in ("S2ConvSCN", "LSR", "KMeans"):
        assert "method" in document["components"]["schemas"][name]["required"]


def test_methods_are_a_discriminated_union(document: dict[str, Any]) -> None:
    method = document["components"]["schemas"]["JobRequest"]["properties"]["method"]
    by_name, by_object = method["anyOf"]
    assert by_object["discriminator"]["propertyName"] == "method"
    assert set(by_object["discriminator"]["mapping"]) == set(by_name["enum"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_examples_fit_their_schemas(model: type[BaseModel]) -> None:
    given = model.model_json_schema().get("examples", [])
    for example in given:
        read = TypeAdapter(model).validate_python(example)
        if model not in {requests.JobRequest, comparing.ComparisonRequest}:
            assert set(read.model_dump(mode="json")) >= set(example)


def test_the_main_shapes_have_examples() -> None:
    with_examples = {m.__name__ for m in MODELS if m.model_json_schema().get("examples")}
    assert {"JobRequest", "JobView", "DatasetView", "Labels", "Problem"} <= with_examples
    assert {"ComparisonRequest", "ComparisonView", "Ranking"} <= with_examples


def test_an_example_request_is_accepted_but_for_its_data_set(service: Service) -> None:
    answer = service.http.post("/v1/jobs", json=examples.JOB_REQUEST)
    service.problem(answer, 404, "not-found")
    answer = service.http.post("/v1/comparisons", json=comparison_examples.COMPARISON_REQUEST)
    service.problem(answer, 404, "not-found")


def test_the_docs_page(service: Service) -> None:
    answer = service.http.get("/docs")
    assert answer.status_code == 200
    assert "page/docs.js" in answer.text
    assert "v1/openapi.json" in service.http.get("/page/docs.js").text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
