"""The same at length, with a worker that computes what the fuzzer submits."""

from pathlib import Path

import pytest
from live_service import Service
from openapi_fuzz import fuzz

pytestmark = pytest.mark.fuzz
EXAMPLES = 200


def test_the_document_holds_while_jobs_run(service: Service, tmp_path: Path) -> None:
    fuzz(service.stack.url, EXAMPLES, tmp_path)
    service.stack.check()
    assert service.http.get("/readyz").status_code == 200
