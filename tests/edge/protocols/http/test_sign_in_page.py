"""Signing in with a real browser, at an issuer by another hand. Skipped where there is no Chromium."""

import msgspec
import pytest
from playwright.async_api import expect

from tests.edge import chromium
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import answers_with
from tests.edge.sign_in_issuer import other_hands_issuer, people

pytestmark = chromium.MARKS
browser = chromium.browser


@pytest.fixture
async def gateway(tmp_path, log):
    with other_hands_issuer() as issuer:
        yield a_gateway(
            tmp_path / "run", log, None, {"people": people(tmp_path, issuer, "http://127.0.0.1:1")}
        )


@pytest.fixture
async def url(gateway):
    async with serving(gateway) as server:
        url = f"http://{address_of(server)}"
        tokens = gateway.people.tokens
        tokens.issuers = msgspec.structs.replace(tokens.issuers, public_url=url)
        yield url


@pytest.fixture
async def page(browser):
    """Open a page that goes to the issuer's, too: that one looks for a style sheet elsewhere."""
    page = await chromium.listened_to(await browser.new_context())
    yield page
    assert page.complaints == []


async def sign_in(page, sub):
    await page.get_by_role("button", name="Sign in with Acme").click()
    await page.locator(f"button[value={sub}]").first.click()


async def test_a_person_signs_in_asks_reloads_and_signs_out(page, url, gateway, log):
    log.answer = answers_with("VAT is due.")
    await page.goto(url)
    await expect(page.locator("#door")).to_be_visible()
    assert await chromium.faults(page, "document.getElementById('door')") == []
    await sign_in(page, "jane")
    await expect(page.locator("#state")).to_have_text("connected")
    assert page.url == f"{url}/"
    assert await page.evaluate("document.cookie") == "", "no script sees it"
    kept = "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])"
    assert "key" not in await page.evaluate(kept)
    await page.fill("#text", "Is VAT due?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer .text")).to_have_text("VAT is due.")
    await page.reload()
    await expect(page.locator("#state")).to_have_text("connected")
    await expect(page.locator(".answer .text")).to_have_text("VAT is due.")

    # a second page of the same browser is signed in, too; signing out in one ends both
    second = await page.context.new_page()
    await second.goto(url)
    await expect(second.locator("#state")).to_have_text("connected")
    await second.get_by_role("button", name="Sign out").click()
    await second.wait_for_url("**/oauth2/end_session**")
    await expect(page.locator("#wrong")).to_have_text("Your sign-in is over. Sign in again.")


async def test_what_went_wrong_is_said_and_a_key_is_the_other_way(page, url, gateway):
    await page.goto(f"{url}/review#sign-in=denied")
    await expect(page.locator("#wrong")).to_have_text(
        "Your account may not use this. Ask whoever runs it."
    )
    assert page.url == f"{url}/review"
    await page.fill("#key", a_key(gateway, scopes=["review", "restore"]))
    await page.keyboard.press("Enter")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    await page.get_by_role("button", name="Change key").click()
    await sign_in(page, "joe")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    assert page.url == f"{url}/review"
    assert await page.get_by_role("button", name="Sign out").count() == 1
    assert page.complaints == []


@pytest.mark.parametrize("path", ["/", "/review"])
async def test_a_link_has_nobody_ask_as_somebody_else(page, url, gateway, path):
    """With a key of the attacker's own tenant: where people sign in, no link chooses who one is."""
    key = a_key(gateway, "evil", scopes=["ask", "review"])
    asked = []
    page.on("request", lambda request: asked.append(request.headers.get("authorization", "")))
    page.on("websocket", lambda socket: asked.append(socket.url))
    await page.goto(f"{url}{path}#key={key}")
    await expect(page.locator("#door")).to_be_visible()
    assert not any(asked)
    await sign_in(page, "jane")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.complaints == []
