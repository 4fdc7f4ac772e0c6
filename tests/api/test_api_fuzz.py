"""The service holds to its OpenAPI document, whatever is sent; `make fuzz` sends more."""

from pathlib import Path

import pytest
from api_service import Service
from openapi_fuzz import fuzz


@pytest.mark.fuzz
def test_the_document_holds(service: Service, tmp_path: Path) -> None:
    fuzz(f"http://127.0.0.1:{service.port}", 5, tmp_path)
