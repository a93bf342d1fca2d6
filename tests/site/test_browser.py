"""The built site in headless Chromium: what a reader does, and what the site must never do."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
API = "api/flash_attn/flash_attn_func/"
PHONE = {"width": 390, "height": 844}

# Under load, the search worker takes its time to read the index and jieba its dictionary.
expect.set_options(timeout=30_000)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install chromium to run these"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of single requests."""


@pytest.fixture(scope="module")
def origin(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, origin: str) -> Iterator[BrowserContext]:
    """A fresh profile; a request that leaves the site is stopped, and fails the test."""
    context = browser.new_context(base_url=origin, viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    strangers: list[str] = []

    def watch(route: Any) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(origin).netloc:
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    context.route("**/*", watch)
    yield context
    context.close()
    assert not strangers, "requests left the site"


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    yield tab
    assert not faults


def search(tab: Page, query: str) -> Any:
    tab.locator(".md-search__input").click()
    tab.locator(".md-search__input").press_sequentially(query)
    # An input method ends with a key; Playwright inserts Chinese without one, and nobody looks.
    tab.locator(".md-search__input").press("End")
    # The first three pages, each with the sections where the query stands.
    return tab.locator(".md-search-result__item:nth-child(-n+3) a.md-search-result__link")


@pytest.mark.parametrize(
    ("home", "query", "page"),
    [
        ("", "flash_attn_func", API),
        # Any of flash_attn's functions has it.
        ("", "window_size", "api/flash_attn/"),
        ("", "attn", API),
        ("", "flash_attn.flash_attn_func", API),
        ("zh/", "flash_attn_func", API),
        ("zh/", "window_size", "api/flash_attn/"),
        ("zh/", "滑动窗口", API),
    ],
)
def test_search_finds(tab: Page, home: str, query: str, page: str) -> None:
    tab.goto(home)
    found = search(tab, query)

    # The list changes while the query is typed and the index loads.
    found = found.and_(tab.locator(f"[href*='{page}']")).first
    expect(found).to_be_visible()
    found.click()
    tab.wait_for_url(f"**/{home}{page}**")


@pytest.mark.parametrize("home", ["", "zh/"])
def test_table_has_its_fourteen_rows(tab: Page, home: str) -> None:
    tab.goto(home + API)

    expect(tab.locator("table").first.locator("tbody tr")).to_have_count(14)


@pytest.mark.parametrize("home", ["", "zh/"])
def test_address_of_an_error_leads_to_its_row(tab: Page, home: str) -> None:
    tab.goto(f"{home}{API}#window_size")

    row = tab.locator("tr", has=tab.locator("#window_size"))
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("(-1, -1)")


def test_code_tabs_switch_together_and_copy(tab: Page) -> None:
    tab.goto(API)
    sets = tab.locator(".tabbed-set")
    first, second = sets.nth(0), sets.nth(1)
    code = first.locator(".tabbed-block").nth(1).locator("code")

    expect(first.locator(".tabbed-block").nth(0)).to_be_visible()
    expect(code).to_be_hidden()
    first.locator("label", has_text="Oarlock on Paddle").click()
    expect(code).to_be_visible()
    expect(second.locator(".tabbed-block").nth(1)).to_be_visible()

    first.locator(".tabbed-block").nth(1).locator("pre").hover()
    first.locator(".tabbed-block").nth(1).locator("button[data-md-type=copy]").click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == code.inner_text().strip()
    assert copied.startswith("import paddle\nfrom oarlock import flash_attn\n")


@pytest.mark.parametrize("home", ["", "zh/"])
@pytest.mark.parametrize("page", ["", "getting-started/", "records/", "api/", API])
def test_a_phone_reads_without_scrolling_sideways(tab: Page, home: str, page: str) -> None:
    tab.set_viewport_size(PHONE)  # type: ignore[arg-type]
    tab.goto(home + page)

    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    tab.mouse.wheel(200, 0)
    assert tab.evaluate("window.scrollX") == 0


def test_a_wide_table_scrolls_inside_its_frame_on_a_phone(tab: Page) -> None:
    tab.set_viewport_size(PHONE)  # type: ignore[arg-type]
    tab.goto(API)
    frame = tab.locator(".md-typeset__scrollwrap").first

    box = frame.bounding_box()
    assert box
    assert box["width"] <= PHONE["width"]
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth")
    assert frame.evaluate("e => getComputedStyle(e).overflowX") == "auto"


@pytest.mark.parametrize("page", ["", "how-it-works/", "api/", "api/flash_attn/", API])
def test_switching_the_language_stays_on_the_page(tab: Page, origin: str, page: str) -> None:
    tab.goto(page)
    tab.locator(".md-select button").hover()
    tab.get_by_role("link", name="中文").click()
    tab.wait_for_url(f"{origin}zh/{page}")
    expect(tab.locator("html")).to_have_attribute("lang", "zh")

    tab.locator(".md-select button").hover()
    tab.get_by_role("link", name="English").click()
    tab.wait_for_url(origin + page)
    expect(tab.locator("html")).to_have_attribute("lang", "en")


def test_both_themes_are_legible(tab: Page) -> None:
    tab.goto(API)
    for toggle in ("Switch to the dark theme", "Switch to the light theme"):
        tab.get_by_title(toggle).click()
        for element in (".md-typeset td", ".md-typeset p", ".md-typeset pre > code"):
            assert contrast(tab, element) >= 4.5, (toggle, element)


def contrast(tab: Page, selector: str) -> float:
    """The WCAG 2 contrast ratio of an element's text to what lies behind it."""
    return tab.locator(selector).first.evaluate(
        """element => {
            const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
            const layers = []
            for (let e = element; e; e = e.parentElement)
                layers.unshift(getComputedStyle(e).backgroundColor)
            const luminance = colours => {
                for (const colour of ["white", ...colours]) {
                    paint.fillStyle = colour
                    paint.fillRect(0, 0, 1, 1)
                }
                const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map(byte => {
                    const c = byte / 255
                    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
                })
                return 0.2126 * r + 0.7152 * g + 0.0722 * b
            }
            const [dark, light] = [luminance(layers),
                luminance([...layers, getComputedStyle(element).color])].sort((a, b) => a - b)
            return (light + 0.05) / (dark + 0.05)
        }"""
    )
