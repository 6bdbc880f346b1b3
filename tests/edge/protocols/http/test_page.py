"""The chat page in a real browser, over a log in memory. Skipped where there is no Chromium."""

from __future__ import annotations

import hashlib
import importlib.resources

import pytest
from msgspec import structs
from playwright.async_api import expect

from edge.protocols.http.service import PART, ServedPage
from schemas import DocumentSubmitted, FeedbackGiven, QuestionAsked
from tests.edge import chromium
from tests.edge.chromium import PHONE, faults, is_no_wider_than_its_window
from tests.edge.fake_log import Answers, FakeLog, a_citation, a_gateway, a_key
from tests.edge.http_client import outcomes_of
from tests.edge.reviewed import a_reviewed_answer

pytestmark = chromium.MARKS
browser, page, url = chromium.browser, chromium.page, chromium.url

CONNECTED = "connected"


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
async def gateway(tmp_path, log):
    receipt = {"offset": 3, "topic": "t", "partition": 0}
    parts = {"receipts": lambda *_, **__: receipt}
    return a_gateway(tmp_path / "run", log, parts=parts)


@pytest.fixture
def key(gateway):
    return a_key(gateway)


async def opened(page, url, key, more=""):
    await page.goto(f"{url}/#key={key}{more}")
    await expect(page.locator("#state")).to_have_text(CONNECTED)


async def ask(page, text):
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")


def answers(*parts, **more):
    """Has each question answered so."""

    def answer(event):
        return Answers(event).whole(*parts, **more) if isinstance(event, QuestionAsked) else ()

    return answer


def last_answer(page):
    return page.locator(".answer").last


# ---------------------------------------------------------------------- keys


async def test_a_person_can_ask_and_see_where_it_stands(page, url, log, key):
    log.answer = answers("VAT <b>is</b> ", "due.", citations=(a_citation(),))
    await page.goto(url)
    await page.locator("#key").fill("ph_wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator("#wrong")).to_contain_text("not valid")
    await page.locator("#key").fill(key)
    await page.keyboard.press("Enter")
    await expect(page.locator("#state")).to_have_text(CONNECTED)
    await ask(page, "Is VAT due?")
    await expect(page.locator(".question")).to_have_text("Is VAT due?")
    await expect(last_answer(page)).to_contain_text("VAT <b>is</b> due.")  # markup is text
    await expect(page.locator(".citations")).to_contain_text("file:vat")
    log.append(Answers(log.published(QuestionAsked)[-1]).retracted("not allowed", 1))
    await expect(last_answer(page)).to_contain_text("withdrawn: not allowed")
    await expect(last_answer(page)).not_to_contain_text("due.")


async def test_an_address_with_a_key_opens_with_it_and_hides_it(page, url, key):
    await opened(page, url, key)
    assert page.url == f"{url}/"
    assert await page.evaluate("sessionStorage.getItem('playhead.key')") == key
    await expect(page.locator("#door")).to_be_hidden()


async def test_another_key_sees_nothing_of_the_one_before(page, url, log, gateway, key):
    log.answer = answers("VAT is due.")
    await opened(page, url, key)
    await ask(page, "Is VAT due?")
    await expect(page.locator("#sessions button")).to_have_text("Is VAT due?")
    await page.locator("#leave").click()
    await page.locator("#key").fill(gateway.keys.create("acme", user="bob")[1])
    await page.keyboard.press("Enter")
    await expect(page.locator("#state")).to_have_text(CONNECTED)
    await expect(page.locator("#turns")).to_contain_text("Ask your documents")
    assert await page.locator("#sessions button").count() == 0
    assert await page.evaluate("sessionStorage.getItem('playhead.session')") is None


# ---------------------------------------------------------------------- conversations


async def test_a_reload_keeps_the_conversation_and_reads_it_from_the_log(page, url, log, key):
    def numbered(event):
        return answers(f"Answer {len(log.published(QuestionAsked))}.")(event)

    log.answer = numbered
    await opened(page, url, key)
    for number in (1, 2):
        await ask(page, f"Question {number}?")
        await expect(last_answer(page)).to_contain_text(f"Answer {number}.")
        log.tick()
    log.append(Answers(log.published(QuestionAsked)[0]).retracted("not allowed", 1))
    await page.reload()
    await expect(page.locator(".answer:not(.busy)")).to_have_count(2)
    shown = await page.locator("#turns").inner_text()
    told = ("Question 1?", "withdrawn", "Question 2?", "Answer 2.")
    places = [shown.index(text) for text in told]
    assert places == sorted(places)
    assert "Answer 1." not in shown, "what was withdrawn stays so"
    kept = await page.evaluate("Object.keys({...sessionStorage}).sort().join()")
    assert kept == "playhead.key,playhead.session", "nothing of an answer stays in the browser"
    await ask(page, "Question 3?")
    await expect(last_answer(page)).to_contain_text("Answer 3.")
    assert len({one.meta.session for one in log.published(QuestionAsked)}) == 1


async def test_an_answer_that_is_not_there_yet_comes_after_a_reload(page, url, log, key):
    log.answer = lambda _: ()
    await opened(page, url, key)
    await ask(page, "Is VAT due?")
    await expect(last_answer(page)).to_contain_text("looking")
    await page.reload()
    await expect(page.locator(".answer.busy")).to_have_count(1)
    for event in Answers(log.published(QuestionAsked)[0]).whole("VAT ", "is due."):
        log.append(event)
    await expect(last_answer(page)).to_contain_text("VAT is due.")
    await expect(page.locator(".answer.busy")).to_have_count(0)


async def test_conversations_are_listed_opened_and_left(page, url, log, key):
    log.answer = answers("Yes.")
    await opened(page, url, key)
    for text in ("First?", "Second?"):
        await page.locator("#fresh").click()
        await ask(page, text)
        await expect(last_answer(page)).to_contain_text("Yes.")
        log.tick()
    await expect(page.locator("#sessions button")).to_have_text(["Second?", "First?"])
    await page.locator("#sessions button", has_text="First?").click()
    await expect(page.locator(".question")).to_have_text(["First?"])
    await expect(page.locator("#sessions [aria-current=true]")).to_have_text("First?")
    await ask(page, "And then?")
    await expect(last_answer(page)).to_contain_text("Yes.")
    first, _, third = log.published(QuestionAsked)
    assert first.meta.session == third.meta.session


async def test_a_question_of_a_conversation_that_was_left_is_not_taken_for_another(
    page, url, log, gateway, key
):
    def echoes(event):
        return answers(f"Of {gateway.keyring.unseal('acme', event.text).decode()}")(event)

    held, log.answer = [], echoes

    def hold(socket):
        server = socket.connect_to_server()
        server.on_message(lambda frame: held.append((socket, frame)))

    await page.route_web_socket("**/v1/chat", hold)
    await opened(page, url, key)
    await ask(page, "First?")
    await page.locator("#fresh").click()
    await ask(page, "Second?")
    while sum("completed" in frame for _, frame in held) < 2:
        await page.wait_for_timeout(20)
    for socket, frame in held:
        socket.send(frame)
    await expect(last_answer(page)).to_contain_text("Of Second?")
    await expect(page.locator(".question")).to_have_text(["Second?"])
    await expect(page.locator("#sessions button")).to_have_count(2)
    shown = await page.evaluate("sessionStorage.getItem('playhead.session')")
    assert shown == log.published(QuestionAsked)[-1].meta.session


async def test_a_long_conversation_is_read_page_by_page(page, url, log, gateway, key):
    log.answer = answers("Yes.")
    await opened(page, url, key)
    script = """async ([key, count]) => {
        for (let one = 0; one < count; one++) await fetch("/v1/messages", {method: "POST",
          headers: {Authorization: "Bearer " + key, "Content-Type": "application/json"},
          body: JSON.stringify({text: "Question " + one, session_id: "s-long"})});
    }"""
    for _ in range(3):
        await page.evaluate(script, [key, 9])
        log.tick()
    await page.reload()
    await page.locator("#sessions button").click()
    await expect(page.locator(".question")).to_have_count(20)
    await page.locator("#before").click()
    await expect(page.locator(".question")).to_have_count(27)
    await expect(page.locator("#before")).to_be_hidden()
    await expect(page.locator(".question").first).to_have_text("Question 0")
    await expect(page.locator(".question").last).to_have_text("Question 8")


async def test_a_link_leads_to_ones_own_answer_and_to_nobody_elses(page, url, log, gateway, key):
    log.answer = answers("VAT is due.")
    await opened(page, url, key)
    await ask(page, "Is VAT due?")
    await last_answer(page).get_by_role("button", name="Copy link").click()
    link = await page.evaluate("navigator.clipboard.readText()")
    await page.goto("about:blank")
    await opened(page, url, key, "&" + link.partition("#")[2])
    await expect(last_answer(page)).to_contain_text("VAT is due.")
    other = gateway.keys.create("acme", user="bob")[1]
    await page.goto("about:blank")
    await opened(page, url, other, "&" + link.partition("#")[2])
    await expect(page.locator("#turns")).to_contain_text("not one of yours")


# ---------------------------------------------------------------------- hostile text

HOSTILE = (
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"
    "![pixel](http://evil.test/pixel.png) [press](javascript:window.hit=3) "
    "[data](data:text/html,<script>window.hit=4</script>) <javascript:window.hit=5>\n\n"
    '[https://ours.test](https://evil.test/a "https://ours.test") \u202eb\n\n'
    "| a |\n|:-:|\n| **b** |\n\n```\n</code></pre><script>window.hit = 6</script>\n```\n"
)


async def test_no_script_of_an_answer_or_a_document_runs_and_no_picture_is_fetched(
    page, url, log, key
):
    fields = {"title": HOSTILE, "uri": "javascript:window.hit=7", "quote": HOSTILE}
    citation = structs.replace(a_citation(), **fields)
    log.answer = answers(HOSTILE, citations=(citation,))
    await opened(page, url, key)
    await ask(page, HOSTILE)
    await expect(page.locator(".citations")).to_contain_text("javascript:window.hit=7")
    text = last_answer(page).locator(".text")
    await expect(text).to_contain_text("<img src=x onerror=")
    assert (
        await text.locator("script, img, iframe, a[href^=javascript], a[href^=data]").count() == 0
    )
    await expect(text.locator("td strong")).to_have_text("b")
    # what a link says hides nowhere where it leads; what turns around stays within its paragraph
    link = text.locator("a", has_text="ours.test")
    assert await link.get_attribute("title") == "https://evil.test/a"
    bidi = "one => getComputedStyle(one).unicodeBidi"
    assert await text.locator("p").first.evaluate(bidi) == "plaintext"
    await page.locator(".citations button").click()
    await expect(page.locator("#paper")).to_contain_text("window.hit = 1")
    await page.locator("#close").click()
    assert await page.evaluate("window.hit") is None


# ---------------------------------------------------------------------- what an answer offers


async def test_an_answer_shows_its_passage_its_making_and_its_receipt(page, url, log, gateway, key):
    log.answer = a_reviewed_answer(gateway)
    await opened(page, url, key)
    await ask(page, "Does Jane owe VAT?")
    await page.locator(".citations button").first.click()
    await expect(page.locator("#shown mark")).to_have_text("VAT is due.")
    await expect(page.locator("#shown .passage")).to_contain_text("And after.")
    await page.keyboard.press("Escape")
    await last_answer(page).get_by_role("button", name="How was this made?").click()
    await expect(page.locator("#shown table")).to_contain_text("retrieve")
    await page.locator("#close").click()
    await last_answer(page).get_by_role("button", name="Receipt").click()
    async with page.expect_download() as saved:
        await page.locator("#shown a").click()
    assert (await saved.value).suggested_filename.startswith("receipt-")
    await page.locator("#close").click()
    await last_answer(page).get_by_role("button", name="Not helpful").click()
    await expect(page.locator("[aria-pressed=true]")).to_have_text("Not helpful")
    assert [given.rating for given in log.published(FeedbackGiven)] == [-1]
    await last_answer(page).get_by_role("button", name="Copy", exact=True).click()
    assert "VAT is due." in await page.evaluate("navigator.clipboard.readText()")


async def test_an_answer_is_stopped_by_a_key_and_asked_for_again(page, url, log, key):
    log.answer = lambda _: ()
    await opened(page, url, key)
    await ask(page, "Is VAT due?")
    await expect(last_answer(page)).to_contain_text("looking")
    await page.keyboard.press("Escape")
    await expect(last_answer(page)).to_contain_text("stopped")
    log.answer = answers("VAT is due.")
    await last_answer(page).get_by_role("button", name="Ask again").click()
    await expect(last_answer(page)).to_contain_text("VAT is due.")


async def test_documents_are_handed_in_and_told_of_until_they_can_be_searched(
    page, url, log, gateway, key
):
    log.answer = lambda event: outcomes_of(event, "failed" if "no" in event.uri else "indexed")
    await opened(page, url, key)
    files = [
        {"name": "VAT.md", "mimeType": "", "buffer": b"VAT is due."},
        {"name": "no.txt", "mimeType": "text/plain", "buffer": b"x"},
    ]
    await page.locator("#files").set_input_files(files)
    told = page.locator("#uploads li")
    await expect(told.first).to_contain_text("VAT.md: can be searched, 2 parts")
    await expect(told.nth(1)).to_have_class("gone")
    event, _ = log.published(DocumentSubmitted)
    assert (event.uri, event.media_type) == ("upload/VAT.md", "text/markdown")
    assert gateway.keyring.unseal("acme", event.content) == b"VAT is due."


# ---------------------------------------------------------------------- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_breaks_no_rule_of_wcag_on_desk_and_phone(page, url, log, gateway, key, scheme):
    await page.emulate_media(color_scheme=scheme)
    log.answer = a_reviewed_answer(gateway)
    await opened(page, url, key)
    assert await faults(page) == []
    await ask(page, "Does Jane owe VAT?")
    await expect(page.locator(".citations")).to_be_visible()
    assert await faults(page) == []
    await page.locator(".citations button").first.click()
    assert await faults(page) == []
    await page.locator("#close").click()
    await page.set_viewport_size(PHONE)
    assert await is_no_wider_than_its_window(page)
    assert await faults(page) == []
    await page.locator("#menu").click()
    await expect(page.locator("#sessions button")).to_be_visible()
    assert await faults(page) == []
    await page.keyboard.press("Escape")
    await expect(page.locator("#side")).to_be_hidden()
    await page.locator("#menu").click()
    await page.mouse.click(PHONE["width"] - 5, 300)
    await expect(page.locator("#side")).to_be_hidden()


# ---------------------------------------------------------------------- what it is made of


def test_the_page_is_whole_and_its_policy_names_what_it_holds():
    served = ServedPage.of("chat")
    assert not PART.search(served.content)
    assert served.content.count("</script>") == served.content.count("<script>") == 3
    assert served.policy.count("sha256-") == 4
    assert "unsafe" not in served.policy


def test_what_is_of_others_is_as_they_published_it():
    """markdown-it 15.0.3, MIT, as npm has it: dist/browser/markdown-it.umd.min.js."""
    vendor = importlib.resources.files("edge.protocols.http").joinpath("vendor")
    digest = hashlib.sha256(vendor.joinpath("markdown-it.umd.min.js").read_bytes()).hexdigest()
    assert digest == "391f2aa638e75e6c7859d0a5c5650ef0956722a45998f17e05b83bc655778e1e"
    assert "Permission is hereby granted" in vendor.joinpath("markdown-it.LICENSE").read_text()
