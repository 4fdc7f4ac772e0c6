"""What the page does where an answer is lost or late, or the person is faster than the service."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live_images import subspaces, write_npz
from live_page import FILE
from live_service import Service
from PIL import Image
from playwright.sync_api import Page, Route, expect

Made = dict[str, Any]

PLAIN_HTTP = "delete Crypto.prototype.randomUUID"


@pytest.fixture(scope="module")
def finished(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Made:
    file = write_npz(tmp_path_factory.mktemp("upload") / "some.npz", *subspaces(n=32))
    dataset = service.client.datasets.upload(file)
    return service.client.jobs.submit(dataset, 4, method="lsr").wait().answer


@pytest.fixture
def told(page: Page, finished: Made) -> Callable[..., None]:
    """Has the service tell other things of the finished job, such as that it still waits."""

    def tell(**other: Any) -> None:
        url = re.compile(rf"/v1/jobs/{finished['id']}$")
        page.unroute(url)
        page.route(url, lambda route: route.fulfill(json=finished | other))

    return tell


class Lossy:
    """Answers to POST: the first is lost on its way, the others are what ``answer`` gives."""

    def __init__(self, answer: Callable[[Route], Any]) -> None:
        self.answer = answer
        self.keys: list[str] = []

    def __call__(self, route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        self.keys.append(route.request.headers["idempotency-key"])
        answer = self.answer(route)
        return route.fulfill(**answer) if self.keys[1:] else route.abort()


def test_what_is_started_again_after_a_lost_answer_is_one_job(
    page: Page, service: Service, finished: Made
) -> None:
    lossy = Lossy(lambda route: {"response": route.fetch()})
    page.add_init_script(PLAIN_HTTP)
    page.route("**/v1/jobs", lossy)
    page.goto(f"/#/datasets/{finished['dataset_id']}")
    page.get_by_label("Method").select_option("lsr")
    start = page.get_by_role("button", name="Start")
    start.click()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    start.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lsr, 4 groups")
    assert len(lossy.keys) == 2
    assert len(set(lossy.keys)) == 1
    assert len(service.get("/v1/jobs", dataset_id=finished["dataset_id"])["items"]) == 2


def test_a_job_is_gone_on_with_under_one_key_until_the_service_answers(
    page: Page, finished: Made, told: Callable[..., None]
) -> None:
    lossy = Lossy(lambda _: {"status": 409, "json": {"detail": f"Refusal {len(lossy.keys)}"}})
    told(status="cancelled")
    page.route("**/resume", lossy)
    page.goto(f"/#/jobs/{finished['id']}")
    for said in ("The service does not answer", "Refusal 2", "Refusal 3"):
        page.get_by_role("button", name="Go on from its checkpoint").click()
        expect(page.get_by_role("alert").first).to_contain_text(said)
    first, again, another = lossy.keys
    assert first == again != another


@pytest.mark.parametrize("late", ["**/v1/methods", "**/labels?format=json"])
def test_a_view_that_was_left_is_not_shown(page: Page, finished: Made, late: str) -> None:
    views = {
        "**/v1/methods": f"#/datasets/{finished['dataset_id']}",
        "**/labels?format=json": f"#/compare/{finished['id']}/{finished['id']}",
    }
    page.goto("/")
    holding(page, late)
    with page.expect_request(late):
        go(page, views[late])
    with page.expect_event("requestfailed"):
        go(page, "#/jobs/job_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job")


def test_an_upload_that_ends_late_takes_nobody_away(
    page: Page, finished: Made, tmp_path: Path
) -> None:
    page.add_init_script(
        "const { send } = XMLHttpRequest.prototype;"
        "XMLHttpRequest.prototype.send = function (body) {"
        "  this.addEventListener('loadend', () => { window.sent = true; });"
        "  send.call(this, body);"
        "};"
    )
    held = holding(page, "**/v1/datasets?name=*")
    page.goto("/")
    page.set_input_files(FILE, write_npz(tmp_path / "more.npz", *subspaces(n=8)))
    until_held(page, held, 1)
    go(page, "#/jobs/job_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job")
    held[0].fulfill(status=201, json={"id": finished["dataset_id"]})
    page.wait_for_function("window.sent")
    assert page.url.endswith("#/jobs/job_none")


def test_the_hint_of_the_map_shows_the_image_that_was_chosen_last(
    page: Page, finished: Made
) -> None:
    page.add_init_script(
        "window.kept = 0;"
        "const { createObjectURL, revokeObjectURL } = URL;"
        "URL.createObjectURL = (blob) => { kept += 1; return createObjectURL(blob); };"
        "URL.revokeObjectURL = (url) => { kept -= 1; revokeObjectURL(url); };"
    )
    page.goto(f"/#/jobs/{finished['id']}")
    canvas = page.get_by_role("img", name="Map of 32 images")
    expect(canvas).to_be_visible()
    canvas.focus()
    page.evaluate("sessionStorage.setItem('s2convscn-key', 's2c_some')")
    held = holding(page, re.compile(r"/images/\d+$"))
    for number in (1, 2, 3):
        page.keyboard.press("ArrowRight" if number != 3 else "ArrowLeft")
        until_held(page, held, number)
    seen = page.locator(".map .hint img")
    held[2].fulfill(body=png(3), content_type="image/png")
    expect(seen).to_have_js_property("naturalWidth", 3)
    held[1].fulfill(status=500, json={})
    held[0].fulfill(body=png(1), content_type="image/png")
    page.evaluate("fetch('v1/methods').then((answer) => answer.text())")
    expect(seen).to_be_visible()
    expect(seen).to_have_js_property("naturalWidth", 3)
    page.wait_for_function("kept === 0")


def png(side: int) -> bytes:
    drawn = io.BytesIO()
    Image.new("L", (side, side)).save(drawn, "png")
    return drawn.getvalue()


def holding(page: Page, url: str | re.Pattern[str]) -> list[Route]:
    """What is asked there stays without an answer."""
    held: list[Route] = []
    page.route(url, lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks handlers
    return held


def until_held(page: Page, held: list[Route], count: int) -> None:
    """expect_request may return before the route's handler has run; this waits for the handler."""
    while len(held) < count:
        page.wait_for_timeout(10)


def test_jobs_are_compared_when_their_images_are_deleted(page: Page, finished: Made) -> None:
    page.route("**/v1/datasets/*", lambda route: route.fulfill(status=404, json={}))
    page.goto(f"/#/compare/{finished['id']}/{finished['id']}")
    expect(page.locator(".sides .cluster")).to_have_count(8)
    expect(page.locator(".sides .cluster").first).to_contain_text("class-0")


def test_a_job_that_waits_is_stopped_by_keyboard(
    page: Page, finished: Made, told: Callable[..., None]
) -> None:
    waits = {"terminal": False, "result": None}
    told(**waits, status="queued", message="Two are before it.")
    holding(page, "**/events")
    page.route("**/cancel", lambda route: route.abort())
    page.clock.install()
    page.goto(f"/#/jobs/{finished['id']}")
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    told(**waits, status="queued", message="One is before it.")
    page.clock.run_for(2000)
    expect(page.get_by_text("One is before it.")).to_be_visible()
    expect(stop).to_be_focused()
    told(**waits, status="running", message="It begins.")
    page.clock.run_for(2000)
    expect(page.locator(".state.running")).to_be_visible()
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(stop).to_be_enabled()


def test_what_cannot_be_read_or_saved_is_said(page: Page, finished: Made, tmp_path: Path) -> None:
    page.goto("/")
    page.evaluate(
        "const gone = { isFile: true, name: 'a.png', file: (_, no) => no(Error('It is gone')) };"
        "const drop = new Event('drop', { cancelable: true });"
        "drop.dataTransfer = { items: [{ webkitGetAsEntry: () => gone }], files: [] };"
        "document.querySelector('.drop').dispatchEvent(drop);"
    )
    expect(page.get_by_role("alert")).to_contain_text("It is gone")
    page.route("**/v1/datasets?name=*", lambda route: route.abort())
    page.set_input_files(FILE, write_npz(tmp_path / "more.npz", *subspaces(n=8)))
    expect(page.get_by_role("alert")).to_have_text(
        "No connectionThe service does not answer. Is it running?"
    )
    expect(page.locator(FILE)).to_have_value("")
    go(page, f"#/jobs/{finished['id']}")
    expect(page.locator(".cluster")).to_have_count(4)
    page.evaluate("sessionStorage.setItem('s2convscn-key', 's2c_some')")
    page.get_by_role("link", name="Labels, CSV").click()
    expect(page.get_by_role("alert")).to_contain_text("This key is not known")


def test_what_is_wrong_within_a_value_stands_at_its_field(page: Page, finished: Made) -> None:
    page.goto(f"/#/datasets/{finished['dataset_id']}")
    page.get_by_label("Resize to").fill("4")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_label("Resize to")).to_have_attribute("aria-invalid", "true")


def test_only_what_the_page_tries_again_is_said_to_be(page: Page) -> None:
    page.route("**/v1/jobs/*", lambda route: route.abort())
    page.clock.install()
    page.goto("/#/jobs/job_none")
    expect(page.get_by_text("This page tries again")).to_be_visible()
    page.unroute("**/v1/jobs/*")
    page.clock.run_for(5000)
    expect(page.get_by_role("alert")).to_contain_text("There is no job")


@pytest.mark.parametrize(
    ("other", "words", "rings"),
    [
        ({}, "A ring marks images whose affinity", 32),
        ({"method": {"method": "kmeans"}}, "much nearer than the next one", 0),
        ({"predicts": "job_other"}, "less than half a chance", 32),
    ],
)
def test_how_sure_it_is_is_said_in_the_words_of_a_method(
    page: Page, finished: Made, told: Callable[..., None], other: Made, words: str, rings: int
) -> None:
    told(**other)
    page.route("**/labels?format=json", unsure)
    page.route("**/v1/datasets/*", lambda route: route.fulfill(status=404, json={}))
    page.goto(f"/#/jobs/{finished['id']}")
    expect(page.get_by_text("The surest images first")).to_contain_text(words)
    styles = "items => items.map(item => getComputedStyle(item).outlineStyle)"
    ringed = page.locator(".cluster .thumbs li").evaluate_all(styles)
    assert ringed.count("solid") == rings
    go(page, f"#/compare/{finished['id']}/{finished['id']}")
    expect(page.locator(".sides .unsure")).to_have_count(2 * rings)


def unsure(route: Route) -> None:
    answer = route.fetch().json()
    for row in answer["labels"]:
        row["confidence"] = 0.3
    route.fulfill(json=answer)


def go(page: Page, address: str) -> None:
    page.evaluate("address => { location.hash = address; }", address)
