"""Pictures for the README, of a running Winnow with the demo dataset.

`python tests/browser/screenshots.py URL LOGIN_LINK`, the link being one that `winnow up` prints.
It decides on a few samples, so use a workbench that nobody needs.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parents[2] / "static" / "readme"
PICTURES = {
    "review": ("/datasets/demo/review", "#card"),
    "filters": ("/datasets/demo/filters?set=keep&at=1", "#threshold"),
    "catalog": ("/datasets/demo/samples?where=domain%3Amath", "#facets legend"),
}
DECISIONS = "rrfrarrr"  # so that the picture shows some
_MOST_BYTES = 250_000


def main(url: str, link: str) -> None:
    """Take them all, 1440 by 900, light."""
    TARGET.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        page.goto(link)
        for name, (path, shown) in PICTURES.items():
            page.goto(f"{url}{path}")
            page.locator(shown).first.wait_for()
            page.wait_for_load_state("networkidle")
            for key in DECISIONS if name == "review" else "":
                page.keyboard.press(key)
                page.locator(".review:not([aria-busy])").wait_for()
                page.wait_for_load_state("networkidle")
            page.mouse.move(1439, 899)
            picture = page.screenshot(path=TARGET / f"{name}.png")
            if len(picture) > _MOST_BYTES:
                raise SystemExit(f"{name}.png has {len(picture):,} bytes.")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
