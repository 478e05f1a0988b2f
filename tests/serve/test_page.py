"""The page and the description of the API in a real Chromium, the system's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serve.conftest import API_SECRET, Served
from tests.serve.test_service import page, post_event

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> teapot"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here: install the package `chromium`"
)


class Looked:
    """A tab, with all that it complained of and all that it asked for."""

    def __init__(self, browser: Any, served: Served, width: int, scheme: str) -> None:
        self.tab = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme=scheme, base_url=served.url
        )
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.tab.on("console", self._console)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.tab.on("request", lambda one: self._asked(one.url, served.url))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:")):
            self.elsewhere.append(url)

    def too_wide(self) -> bool:
        return bool(self.tab.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def filled(served: Served) -> Served:
    text = f"# {HOSTILE}\n\nA teapot, no teapots. {HOSTILE}"
    event = page("https://tea.example/pot", text, HOSTILE)
    served.result(post_event(served, event).json()["job_ids"][0])
    return served


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_search_by_keyboard_alone(
    browser: Any, filled: Served, width: int, scheme: str, tmp_path: Any
) -> None:
    looked = Looked(browser, filled, width, scheme)
    tab = looked.tab
    tab.goto("/")
    tab.wait_for_selector("#key-form:not([hidden])")
    looked.press("Tab", "Tab")  # past the link that skips to the results
    tab.keyboard.type(API_SECRET)
    looked.press("Enter")
    tab.wait_for_selector("#domains:not([hidden])")
    tab.get_by_role("searchbox", name="Search what was crawled").focus()
    tab.keyboard.type("teapot")
    looked.press("Enter")
    hit = tab.get_by_role("listitem").filter(has_text="tea.example/pot").first
    hit.wait_for()
    assert HOSTILE in hit.inner_text()  # shown as text
    assert tab.locator("main img, main script").count() == 0
    assert set(hit.locator("mark").all_inner_texts()) == {"teapot"}, "whole words are marked"
    assert "teapots" in hit.inner_text()
    tab.screenshot(path=tmp_path / f"page-{width}-{scheme}.png", full_page=True)
    assert not looked.too_wide()
    assert looked.complaints == []
    assert looked.elsewhere == []
    tab.reload()
    tab.wait_for_selector("#domains:not([hidden])")
    assert tab.locator("#key-form").is_hidden()  # asked once
    tab.close()


def test_what_a_screen_reader_is_told(browser: Any, filled: Served) -> None:
    looked = Looked(browser, filled, 1280, "light")
    looked.tab.goto("/")
    told = looked.tab.locator("body").aria_snapshot()
    for part in ("banner:", "main:", "search:", "contentinfo:", 'heading "pulse" [level=1]'):
        assert part in told
    for name in ("What is indexed", "What is being done", "Last runs", "Last failures"):
        assert f'region "{name}"' in told
    looked.tab.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_api_is_described_without_a_request_elsewhere(
    browser: Any, filled: Served, width: int, tmp_path: Any
) -> None:
    looked = Looked(browser, filled, width, "light")
    looked.tab.goto("/docs")
    looked.tab.get_by_role("heading", name="POST /api/search").wait_for()
    described = looked.tab.locator("main").inner_text()
    assert "Getting started" in described
    assert "`" not in described, "names are set as code"
    looked.tab.screenshot(path=tmp_path / f"docs-{width}.png")
    assert not looked.too_wide()
    assert (looked.complaints, looked.elsewhere) == ([], [])
    looked.tab.close()
