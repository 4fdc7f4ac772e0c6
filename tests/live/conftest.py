from collections.abc import Iterator

import pytest
from live_page import CHROMIUM, launched
from live_service import Service, running
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The embedded stack, of a module's tests."""
    with running(tmp_path_factory.mktemp("live"), {}) as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        found = launched(playwright)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """At the service's address; no error of a script is borne."""
    context = browser.new_context(base_url=service.stack.url, accept_downloads=True)
    opened, errors = context.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []
