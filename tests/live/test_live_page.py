"""The web page in a real browser, from dropping images to taking groups away."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from live_images import subspaces, write_npz, write_zip
from live_page import FILE, FOLDER
from live_service import Service, running
from playwright.sync_api import Browser, Page, expect
from sklearn.datasets import load_digits

from jobs.records import Scope
from jobs.settings import Settings
from jobs.store import Store

PHONE = {"width": 390, "height": 844}
SLOW = 120_000
BRIEF = {
    "method": "s2convscn",
    "encoder": [[3, 8]],
    "pretrain_max_steps": 200,
    "pretrain_window": 100,
}
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zip(tmp_path_factory.mktemp("upload") / "photos.zip", *subspaces())


@pytest.fixture(scope="module")
def finished(service: Service, archive: Path) -> dict[str, Any]:
    dataset = service.client.datasets.upload(archive, truth="folders")
    return service.client.jobs.submit(dataset, 4, method=BRIEF | {"epochs": 10}).wait().answer


def accessible(page: Page) -> None:
    """No violation that axe calls serious, in light and in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page).response["violations"]
        wrong = [
            (v["id"], [n["html"] for n in v["nodes"]]) for v in found if v["impact"] in SERIOUS
        ]
        assert wrong == [], scheme


def fits(page: Page) -> None:
    """Nothing runs out of a phone's width."""
    page.set_viewport_size(PHONE)
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]


def test_from_a_zip_to_groups_and_labels(page: Page, archive: Path, tmp_path: Path) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Sort images into groups, without labels"
    )
    page.get_by_label("true classes").check()
    page.set_input_files(FILE, archive)
    expect(page.get_by_role("heading", level=1)).to_have_text("photos.zip", timeout=SLOW)
    expect(page.get_by_text("96 images of 16 x 16, 4 true classes")).to_be_visible()
    expect(page.get_by_label("How many groups")).to_have_value("4")
    page.get_by_role("button", name="Start").click()
    progress = page.get_by_role("progressbar", name="Progress")
    expect(progress).to_be_attached(timeout=SLOW)
    expect(page.get_by_role("heading", name="Group 3")).to_be_visible(timeout=SLOW)
    expect(page.locator(".cluster")).to_have_count(4)
    expect(page.get_by_text("accuracy")).to_be_visible()
    expect(page.locator(".cluster img").first).to_have_js_property("naturalWidth", 16)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Labels, CSV").click()
    assert saved.value.suggested_filename.endswith("labels.csv")
    saved.value.save_as(tmp_path / "labels.csv")
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 97
    accessible(page)
    fits(page)


def test_real_images_from_upload_to_new_ones(page: Page, tmp_path: Path) -> None:
    """Handwritten digits, by the settings that the page proposes."""
    digits = load_digits(n_class=4)
    pixels = np.round(digits.images * 15.9375).astype(np.uint8)
    known = write_zip(tmp_path / "digits.zip", pixels[:300], digits.target[:300])
    new = write_zip(tmp_path / "more.zip", pixels[300:360], digits.target[300:360])
    page.goto("/")
    page.get_by_label("true classes").check()
    page.set_input_files(FILE, known)
    page.get_by_role("button", name="Start").click(timeout=SLOW)
    expect(page.get_by_role("heading", name="Group 3")).to_be_visible(timeout=SLOW)
    accuracy = page.locator(".facts div", has_text="accuracy").locator("dd")
    assert float(accuracy.inner_text().removesuffix(" %")) > 60
    expect(page.get_by_role("img", name="Map of 300 images")).to_be_visible()
    accessible(page)
    page.set_input_files("#file-Assign-new-images", new)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "new images into 4 groups", timeout=SLOW
    )
    expect(page.get_by_role("img", name="Map of 60 images")).to_be_visible(timeout=SLOW)
    accessible(page)
    fits(page)


def test_a_folder_of_images_is_packed_by_the_page(
    page: Page, archive: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "holiday"
    zipfile.ZipFile(archive).extractall(folder)
    (folder / "notes.txt").write_text("none")
    page.goto("/")
    page.set_input_files(FOLDER, folder)
    expect(page.get_by_role("heading", level=1)).to_have_text("holiday", timeout=SLOW)
    expect(page.get_by_text("96 images of 16 x 16")).to_be_visible()
    expect(page.locator(".thumbs img").first).to_have_js_property("naturalWidth", 16)
    accessible(page)
    fits(page)


def test_what_is_no_image_is_said(page: Page, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("none")
    page.goto("/")
    page.set_input_files(FILE, tmp_path / "a.txt")
    expect(page.get_by_role("alert")).to_contain_text("Drop a folder of images")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    page.set_input_files(FILE, tmp_path / "empty.zip")
    expect(page.get_by_role("alert")).to_contain_text("The upload holds no image")
    accessible(page)


def test_what_is_wrong_stands_at_its_field(page: Page, finished: dict[str, Any]) -> None:
    page.goto(f"/#/datasets/{finished['dataset_id']}")
    page.get_by_label("How many groups").fill("1000")
    page.get_by_role("button", name="Start").click()
    field = page.get_by_label("How many groups")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("96")
    page.get_by_label("How many groups").fill("4")
    page.get_by_text("More settings").click()
    page.locator("#knob-tau").fill("-1")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#knob-tau")).to_have_attribute("aria-invalid", "true")
    accessible(page)


def test_a_running_job_is_watched_stopped_and_gone_on_with(
    page: Page, service: Service, finished: dict[str, Any]
) -> None:
    long = BRIEF | {"epochs": 4000}
    job = service.client.jobs.submit(finished["dataset_id"], 4, method=long)
    page.goto(f"/#/jobs/{job.id}")
    expect(page.locator(".spark figure").nth(4)).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Training the whole network")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".state.cancelled")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Go on from its checkpoint").click()
    expect(page).not_to_have_url(f"{service.stack.url}/#/jobs/{job.id}")
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".state.cancelled")).to_be_visible(timeout=SLOW)


def test_truth_and_two_jobs_side_by_side(
    page: Page, service: Service, finished: dict[str, Any]
) -> None:
    jobs = service.client.jobs
    other = jobs.submit(finished["dataset_id"], 5, method="lsr", seed=3).wait()
    page.goto(f"/#/jobs/{finished['id']}")
    table = page.get_by_role("region", name="class and group")
    expect(table.locator("tbody tr")).to_have_count(4)
    diagonal = [row.locator("td").nth(i) for i, row in enumerate(table.locator("tbody tr").all())]
    assert [cell.inner_text() for cell in diagonal] == ["24"] * 4
    page.get_by_role("link", name="lsr, 5 groups, seed 3").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Two jobs side by side")
    sides = page.locator(".sides > section")
    expect(sides.nth(0).locator(".cluster")).to_have_count(4)
    expect(sides.nth(1).locator(".cluster")).to_have_count(5)
    accessible(page)
    fits(page)
    page.goto(f"/#/compare/{other.id}/job_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job")


def test_the_map_is_looked_at_and_walked_through(page: Page, finished: dict[str, Any]) -> None:
    page.goto(f"/#/jobs/{finished['id']}")
    sheet = page.get_by_role("region", name="Map")
    canvas = sheet.get_by_role("img", name="Map of 96 images")
    expect(canvas).to_be_visible(timeout=SLOW)
    hint = sheet.locator(".hint")
    expect(hint).to_be_hidden()
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "+", "ArrowLeft", "-"):
        page.keyboard.press(key)
    expect(hint).to_contain_text("% sure")
    expect(hint).to_contain_text("class-0")
    expect(hint.locator("img")).to_have_js_property("naturalWidth", 16)
    page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    sheet.get_by_role("button", name="Zoom in").click()
    sheet.get_by_role("button", name="Show all").click()
    group = sheet.get_by_role("button", name="2", exact=True)
    group.click()
    expect(group).to_have_attribute("aria-pressed", "true")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(hint).to_contain_text("group 2")
    accessible(page)
    fits(page)


def test_large_groups_are_shown_part_by_part(page: Page, service: Service, tmp_path: Path) -> None:
    file = write_npz(tmp_path / "many.npz", *subspaces(n=1200, clusters=2))
    dataset = service.client.datasets.upload(file)
    brief = {"method": "kmeans", "view": "plain"}
    job = service.client.jobs.submit(dataset, 2, method=brief).wait()
    page.goto(f"/#/jobs/{job.id}")
    group = page.locator(".cluster").first
    images, more = group.locator("li"), group.get_by_role("button")
    expect(images).to_have_count(24, timeout=SLOW)
    expect(page.get_by_role("img", name="Map of 1200 images")).to_be_visible()
    classes = page.get_by_role("region", name="True classes")
    expect(classes.get_by_role("table")).to_be_visible()
    counts = classes.locator("tbody td").all_inner_texts()
    assert sum(int(count or 0) for count in counts) == 1200
    more.click()
    expect(images).to_have_count(504)
    expect(more).to_contain_text("Show all")
    more.click()
    expect(more).to_have_count(0)
    assert images.count() > 504
    accessible(page)


def test_new_images_are_dropped_on_a_job(
    page: Page, finished: dict[str, Any], archive: Path
) -> None:
    page.goto(f"/#/jobs/{finished['id']}")
    page.set_input_files("#file-Assign-new-images", archive, timeout=SLOW)
    expect(page.get_by_role("heading", level=1)).to_contain_text("new images into", timeout=SLOW)
    expect(page.locator(".cluster").first).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("link", name="Affinity")).to_have_count(0)
    accessible(page)
    fits(page)
    page.get_by_role("link", name="The job it was trained in").click()
    listed = page.get_by_role("region", name="New images").locator("a.item")
    expect(listed).to_contain_text("96 images", timeout=SLOW)


def test_the_number_of_groups_may_be_left_open(page: Page, finished: dict[str, Any]) -> None:
    page.goto(f"/#/datasets/{finished['dataset_id']}")
    page.get_by_label("let the images suggest it").check()
    expect(page.get_by_label("How many groups")).to_be_disabled()
    page.get_by_label("Method").select_option("lsr")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("clusters were chosen")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", level=1)).to_have_text("lsr, 4 groups")
    expect(page.get_by_text("What speaks for this number of groups")).to_be_visible()


def test_jobs_and_sets_are_listed(page: Page, finished: dict[str, Any]) -> None:
    page.goto("/")
    page.locator(f'a[href="#/jobs/{finished["id"]}"]').click()
    expect(page.locator(".under .state.succeeded")).to_be_visible()
    page.go_back()
    page.locator(f'a[href="#/datasets/{finished["dataset_id"]}"]').click()
    expect(page.get_by_role("heading", name="Cluster them")).to_be_visible()
    accessible(page)


def test_all_of_it_by_keyboard(page: Page, finished: dict[str, Any]) -> None:
    page.goto("/")
    page.locator(f'a[href="#/jobs/{finished["id"]}"]').wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.textContent || document.activeElement.id")
        )
    assert {"Images and jobs", "Choose a folder", "Choose a file", "truth-Upload-images"} <= reached


def test_the_content_of_any_view_is_skipped_to(page: Page) -> None:
    page.goto("/#/jobs/job_none")
    expect(page.get_by_role("alert")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.url.endswith("#/jobs/job_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job")


def test_what_is_not_there_is_said(page: Page) -> None:
    page.goto("/#/jobs/job_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job 'job_none'")
    page.get_by_role("link", name="To the images and jobs").click()
    expect(page.get_by_role("button", name="Choose a folder")).to_be_visible()


def test_names_of_files_are_text(page: Page, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.zip"
    write_zip(path, *subspaces(n=8))
    dataset = service.client.upload(path)
    page.goto(f"/#/datasets/{dataset['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(path.name)


@pytest.mark.slow
def test_a_service_that_goes_away_and_comes_back(
    browser: Browser, tmp_path: Path, archive: Path
) -> None:
    with running(tmp_path / "data", {}) as service:
        dataset = service.client.datasets.upload(archive)
        job = service.client.jobs.submit(dataset, 4, method=BRIEF | {"epochs": 600})
        page = browser.new_page(base_url=service.stack.url)
        page.goto(f"/#/jobs/{job.id}")
        expect(page.locator(".spark figure").first).to_be_visible(timeout=SLOW)
        service.stack.stop()
        expect(page.get_by_role("alert")).to_contain_text("Connection lost", timeout=SLOW)
        service.start_again()
        expect(page.get_by_role("heading", name="Group 3")).to_be_visible(timeout=SLOW)
        page.close()


def test_where_keys_are_on_one_is_asked_for(
    browser: Browser, tmp_path: Path, archive: Path
) -> None:
    with running(tmp_path / "data", {}) as service:
        dataset = service.client.upload(archive)
        store = Store(Settings(data_dir=service.data_dir))
        _, secret = store.keys.make("local", "", Scope.WRITE)
        store.close()
        page = browser.new_page(base_url=service.stack.url)
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("This service wants a key")
        accessible(page)
        page.get_by_label("Key").fill(f"{secret}\u2026")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_text("This is no key")).to_be_visible()
        page.get_by_label("Key").fill("s2c_wrong")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_text("not known, or was revoked")).to_be_visible()
        page.get_by_label("Key").fill(secret)
        page.get_by_role("button", name="Enter").click()
        page.locator(f'a[href="#/datasets/{dataset["id"]}"]').click()
        expect(page.locator(".thumbs img").first).to_have_js_property("naturalWidth", 16)
        page.close()


def test_the_api_is_documented_without_the_internet(page: Page, service: Service) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    expect(page.locator(".opblock")).not_to_have_count(0, timeout=SLOW)
    expect(page.get_by_text("Assign new images to a job's clusters")).to_be_visible()
    own = ("data:", "blob:", service.stack.url)
    assert [url for url in asked if not url.startswith(own)] == []


def test_the_page_is_of_this_service_alone(service: Service) -> None:
    answer = service.http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert service.http.get("/page/main.js").headers["content-type"].startswith("text/javascript")
    etag = service.http.get("/page/style.css").headers["etag"]
    again = service.http.get("/page/style.css", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert service.http.get("/page/../middleware.py").status_code == 404
    assert service.http.get("/page/%2e%2e/middleware.py").status_code == 404
