"""The reviewers' page in a real browser, over a log in memory. Skipped where there is no Chromium."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from playwright.async_api import expect

from schemas import AnswerJudged, QuestionAsked
from tests.edge import chromium
from tests.edge.chromium import PHONE, faults, is_no_wider_than_its_window
from tests.edge.fake_log import Answers, FakeLog, a_gateway, a_key
from tests.edge.reviewed import a_reviewed_answer, a_turn, know

pytestmark = chromium.MARKS
browser, page, url = chromium.browser, chromium.page, chromium.url


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
async def gateway(tmp_path, log):
    return a_gateway(tmp_path / "run", log)


@pytest.fixture
async def key(gateway):
    return a_key(gateway, scopes=["review", "restore"])


async def answered(gateway, log, url, count=1):
    """Have so many questions answered; returns their ids in the order of the draw."""
    know(log)
    log.answer = a_reviewed_answer(gateway, (a_turn(),))
    headers = {"Authorization": f"Bearer {a_key(gateway)}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=60
    ) as client:
        for number in range(count):
            reply = await client.post("/v1/messages", json={"text": f"Question {number}?"})
            assert reply.status_code == 200, reply.text
    queue = log.queue("acme")
    return [one.request for one in queue.waiting("nobody")]


async def opened(page, url, key):
    await page.goto(f"{url}/review#key={key}")
    return page


def grades(log):
    return [(given.about, given.grade) for given in log.published(AnswerJudged)]


# ---------------------------------------------------------------------- by keys alone


async def test_an_answer_is_read_and_judged_by_keys_alone(page, gateway, log, url, key):
    first, second = await answered(gateway, log, url, 2)
    await opened(page, url, key)
    item = page.locator("#item")
    await expect(item).to_contain_text("Does Jane Roe owe VAT?")
    for shown in (
        "Is there VAT?",
        "There is.",
        "Yes, Jane Roe: VAT is due.",
        "file:vat",
        "And after.",
    ):
        await expect(item).to_contain_text(shown)
    await expect(item.locator("mark")).to_have_text("VAT is due.")
    await expect(page.locator("#state")).to_have_text("2 answers wait for you")
    await page.keyboard.press("c")
    await page.keyboard.press("n")
    await page.keyboard.type("4 of these: no c, no u")
    await page.keyboard.press("Escape")
    await page.keyboard.press("3")
    await expect(page.locator("#state")).to_have_text("1 answer waits for you")
    await page.keyboard.press("1")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    assert grades(log) == [(first, "wrong"), (second, "right")]
    [given, plain] = log.published(AnswerJudged)
    assert (given.citations_wrong, plain.citations_wrong, plain.note) == (True, False, None)
    assert gateway.keyring.unseal("acme", given.note) == b"4 of these: no c, no u"


async def test_one_goes_on_and_back_and_undoes(page, gateway, log, url, key):
    first, second, third = await answered(gateway, log, url, 3)
    await opened(page, url, key)
    await expect(page.locator("#state")).to_have_text("3 answers wait for you")
    await page.keyboard.press("j")
    await expect(page.locator("#back")).to_be_enabled()
    await page.keyboard.press("2")  # the second one
    await expect(page.locator("#state")).to_have_text("2 answers wait for you")
    await page.keyboard.press("k")
    await expect(page.locator("button[value=partly]")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("1")  # it is judged, and stays so
    await page.keyboard.press("u")
    await expect(page.locator("button[value=partly]")).to_be_enabled()
    await expect(page.locator("button[value=partly]")).to_have_attribute("aria-pressed", "false")
    await page.keyboard.press("4")
    await expect(page.locator("#item")).to_have_attribute("data-request", third)
    assert grades(log) == [(second, "partly"), (second, "undone"), (second, "useless")]
    await page.keyboard.press("1")  # the third one
    await expect(page.locator("#trouble")).to_contain_text("the first that you left out")
    await page.keyboard.press("1")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    assert grades(log)[3:] == [(third, "right"), (first, "right")]


async def test_a_key_that_is_held_down_judges_one_answer(page, gateway, log, url, key):
    await answered(gateway, log, url, 3)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    for _ in range(4):
        await page.keyboard.down("1")
    await page.keyboard.up("1")
    await expect(page.locator("#state")).to_have_text("2 answers wait for you")
    assert len(grades(log)) == 1


async def test_keys_are_told_by_a_key(page, gateway, log, url, key):
    await answered(gateway, log, url)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("1")  # nothing is judged behind it
    assert await faults(page) == []
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_be_hidden()
    assert grades(log) == []


async def test_what_is_shown_is_text_never_markup(page, gateway, log, url, key):
    know(log)
    log.answer = a_reviewed_answer(gateway, (a_turn("<img src=x>"),), question="<b>Is</b> it?")
    headers = {"Authorization": f"Bearer {a_key(gateway)}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=60
    ) as client:
        await client.post("/v1/messages", json={"text": "x"})
    await opened(page, url, key)
    await expect(page.locator("#item")).to_contain_text("<b>Is</b> it?")
    assert await page.locator("#item b, #item img").count() == 0


# ---------------------------------------------------------------------- keys of the gateway


async def test_a_key_is_asked_for_and_one_that_may_not_is_told_so(page, gateway, log, url, key):
    await answered(gateway, log, url)
    await page.goto(f"{url}/review")
    for wrong, why in (("ph_wrong", "not valid"), (a_key(gateway), "may not review")):
        await page.fill("#key", wrong)
        await page.keyboard.press("Enter")
        await expect(page.locator("#wrong")).to_contain_text(why)
    await expect(page.get_by_text("Which key?")).to_have_count(1)  # nothing behind says it again
    assert await faults(page) == []
    await page.fill("#key", key)
    await page.keyboard.press("Enter")
    await expect(page.locator("#item")).to_be_visible()
    assert page.url == f"{url}/review"
    await page.reload()
    await expect(page.locator("#item")).to_be_visible()
    await page.click("#leave")
    await expect(page.locator("#item")).to_be_hidden()
    await expect(page.locator("#message")).to_have_text(
        "Answers to judgeOne after the other, by buttons or by keys."
    )
    assert await page.evaluate("sessionStorage.length") == 0


async def test_the_page_is_served_with_a_policy_of_its_own(url):
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        policies = [
            (await client.get(path)).headers["content-security-policy"] for path in ("/", "/review")
        ]
    assert len(set(policies)) == 2
    assert all("default-src 'none'" in one and "unsafe" not in one for one in policies)


# ---------------------------------------------------------------------- when it does not go well


async def test_nothing_waits_and_then_something_does(page, gateway, log, url, key):
    await opened(page, url, key)
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    assert await faults(page) == []
    await answered(gateway, log, url)
    await page.click("text=Try again")
    await expect(page.locator("#item")).to_be_visible()


async def test_an_error_says_what_and_can_be_tried_again(page, gateway, log, url, key):
    await answered(gateway, log, url)
    log.broker = False
    await opened(page, url, key)
    await expect(page.locator("#message")).to_contain_text("That did not work")
    assert await faults(page) == []
    log.broker = True
    await page.click("text=Try again")
    await expect(page.locator("#item")).to_be_visible()
    log.broker = False
    await page.keyboard.press("1")
    await expect(page.locator("#trouble")).to_contain_text("can't be read")
    assert grades(log) == []
    log.broker = True
    await page.keyboard.press("1")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    assert len(grades(log)) == 1


async def test_offline_is_shown_and_what_was_written_stays(page, gateway, log, url, key):
    await answered(gateway, log, url)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.locator("#offline")).to_be_visible()
    assert await faults(page) == []
    await page.fill("#note", "so it is")
    await page.keyboard.press("Escape")
    await page.keyboard.press("2")
    await expect(page.locator("#trouble")).to_contain_text("can’t be reached")
    await page.context.set_offline(False)
    await expect(page.locator("#offline")).to_be_hidden()
    assert await page.input_value("#note") == "so it is"
    await page.keyboard.press("2")
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
    [given] = log.published(AnswerJudged)
    assert gateway.keyring.unseal("acme", given.note) == b"so it is"


@pytest.mark.parametrize("came", ["answered", "failed"])
async def test_an_answer_from_before_says_nothing_of_the_connection(
    page, gateway, log, url, key, came
):
    """A request that was under way as the connection went, or came, ends a moment later."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def held(route):
        begun.set()
        await may_end.wait()
        await (route.fulfill(json={"answers": 0}) if came == "answered" else route.abort())

    await page.route("**/v1/review/agreement", held)
    page.on("requestfinished", lambda one: "agreement" in one.url and ended.set())
    page.on("requestfailed", lambda one: "agreement" in one.url and ended.set())
    await answered(gateway, log, url)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    await begun.wait()
    await page.context.set_offline(True)
    await expect(page.locator("#offline")).to_be_visible()
    if came == "failed":
        await page.context.set_offline(False)
        await expect(page.locator("#offline")).to_be_hidden()
    may_end.set()
    await ended.wait()
    # what waits for the answer has run once a task of the page's own has
    await page.evaluate("new Promise((go) => setTimeout(go, 50))")
    await expect(page.locator("#offline")).to_be_visible(visible=came == "answered")


@pytest.mark.parametrize("gone", ["retracted", "erased", "judged elsewhere"])
async def test_an_answer_that_is_gone_meanwhile_is_told_and_left(
    page, gateway, log, url, key, gone
):
    first, _ = await answered(gateway, log, url, 2)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    asked = next(one for one in log.published(QuestionAsked) if one.meta.request == first)
    if gone == "retracted":
        log.append(Answers(asked).retracted("not allowed", 1))
    elif gone == "erased":
        gateway.keyring.destroy("acme", f"user/{asked.subject}")
    else:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, timeout=60
        ) as client:
            body = {"request_id": first, "grade": "useless"}
            assert (await client.post("/v1/review/judge", json=body)).status_code == 202
    await page.keyboard.press("1")
    words = {"retracted": "withdrawn", "erased": "erased", "judged elsewhere": "judged this answer"}
    # of an erased person, the other answer is gone too
    where = "#message" if gone == "erased" else "#trouble"
    await expect(page.locator(where)).to_contain_text(words[gone])
    await expect(page.locator("#item")).to_be_visible(visible=gone != "erased")
    assert (first, "right") not in grades(log)


# ---------------------------------------------------------------------- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
async def test_it_is_for_everybody_in_either_light_and_on_a_phone(
    page, gateway, log, url, key, scheme, width
):
    await answered(gateway, log, url)
    await page.emulate_media(color_scheme=scheme)
    if width == "phone":
        await page.set_viewport_size(PHONE)
    await opened(page, url, key)
    await expect(page.locator("#item")).to_be_visible()
    assert await faults(page) == []
    assert await is_no_wider_than_its_window(page)
    await page.keyboard.press("c")
    assert await faults(page) == []
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 245, 241)", "dark": "rgb(20, 24, 29)"}[scheme]
    await page.locator("button[value=right]").click()
    await expect(page.locator("#message")).to_contain_text("Nothing waits for you")
