"""``make pictures``: the README's pictures of the web page, on scikit-learn's digits."""

import tempfile
from pathlib import Path

from live_page import FILE, launched
from playwright.sync_api import Page, sync_playwright

from s2convscn import digits
from s2convscn.stack import LocalStack, free_port

FOLDER = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1180, "height": 820}
SLOW = 600_000


def main() -> None:
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        archive = Path(work) / "digits.zip"
        digits.write_zip(archive)
        browser = launched(playwright)
        with LocalStack(Path(work) / "data", port=free_port()) as stack:
            draw(browser.new_page(base_url=stack.url, viewport=SIZE), archive)
        browser.close()


def draw(page: Page, archive: Path) -> None:
    page.goto("/")
    page.get_by_label("true classes").check()
    page.set_input_files(FILE, archive)
    page.get_by_role("button", name="Start").click(timeout=SLOW)
    page.locator(".spark figure").nth(7).wait_for(timeout=SLOW)
    page.wait_for_timeout(6000)
    page.screenshot(path=FOLDER / "page-training.png", clip={"x": 0, "y": 0, **SIZE, "height": 590})
    page.get_by_role("heading", name="Group 9").wait_for(timeout=SLOW)
    page.wait_for_timeout(4000)
    page.screenshot(path=FOLDER / "page-groups.png")
    sheet = page.get_by_role("region", name="Map")
    sheet.scroll_into_view_if_needed()
    sheet.locator("canvas").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    sheet.screenshot(path=FOLDER / "page-map.png")


if __name__ == "__main__":
    main()
