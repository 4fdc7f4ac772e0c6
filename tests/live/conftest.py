from collections.abc import Iterator

import pytest
from live_service import Service, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The embedded stack, of a module's tests."""
    with running(tmp_path_factory.mktemp("live"), {}) as service:
        yield service
