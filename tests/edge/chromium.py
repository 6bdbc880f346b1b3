"""A real browser, and what its pages may not do; skipped where there is no Chromium.

A module of tests takes the fixtures that it wants: `browser, url = chromium.browser, chromium.url`.
"""

from __future__ import annotations

import importlib.resources
import shutil

import pytest
from playwright.async_api import async_playwright

from tests.edge.conftest import address_of, serving

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
MARKS = [
    pytest.mark.stack,  # a browser takes seconds
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium: apt-get install chromium"),
]
RULES = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
PHONE = {"width": 360, "height": 640}
EXPECTED = ("Failed to load resource", "HTTP Authentication failed", "WebSocket connection to")
"""What the browser says by itself of an answer that is an error, or of a network that is away."""


@pytest.fixture
async def url(gateway):
    """Serve a gateway; the address of its pages."""
    async with serving(gateway) as server:
        yield f"http://{address_of(server)}"


@pytest.fixture
async def browser():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser, url):
    """Open a page that may complain of nothing, and ask nobody but its gateway."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await listened_to(context)
    yield page
    assert page.complaints == []
    assert [one for one in page.asked if not one.startswith((url, "data:"))] == []
    await context.close()


async def listened_to(context):
    """Open a page whose complaints, and what it asks for, are noted."""
    page = await context.new_page()
    page.set_default_timeout(20_000)
    page.complaints, page.asked = [], []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: _complain(page, said))
    page.on("request", lambda request: page.asked.append(request.url))
    return page


def _complain(page, said):
    if said.type == "error" and not any(one in said.text for one in EXPECTED):
        page.complaints.append(said.text)


async def faults(page, within="document"):
    """Rules of WCAG 2.2 (A and AA) that the page breaks, by axe.

    Evaluated through the debugger, so that the page's own policy stays as strict as it is served.
    """
    await page.evaluate(RULES.read_text("utf-8"))
    rules = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
    found = await page.evaluate(f"axe.run({within}, {{runOnly: {rules}}})")
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


async def is_no_wider_than_its_window(page):
    return await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
