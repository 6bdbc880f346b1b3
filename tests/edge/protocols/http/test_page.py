"""The chat page in a real browser, over a log in memory. Skipped where there is no Chromium."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket

import httpx
import pytest
import uvicorn
import websockets

from edge.protocols.http.app import create_app
from schemas import QuestionAsked
from tests.edge.fake_log import Answers, FakeLog, a_citation, a_gateway, a_key

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.stack,  # a browser takes seconds
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


class Page:
    """A tab, through the browser's debugging protocol."""

    def __init__(self, tab):
        self._tab = tab
        self._number = 0
        self.complaints = []

    async def command(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        await self._tab.send(json.dumps(message))
        while True:
            reply = json.loads(await self._tab.recv())
            if reply.get("method") in ("Runtime.exceptionThrown", "Security.securityStateChanged"):
                self.complaints.append(reply["params"])
            elif reply.get("method") == "Log.entryAdded":
                entry = reply["params"]["entry"]
                if entry["source"] != "network":
                    self.complaints.append(entry)
            if reply.get("id") == self._number:
                return reply["result"]

    async def run(self, script):
        reply = await self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        return reply["result"].get("value")

    async def until(self, script):
        async with asyncio.timeout(20):
            while not (found := await self.run(script)):  # noqa: ASYNC110 - the page's own events
                await asyncio.sleep(0.05)
        return found

    async def enter(self, key):
        await self.run(
            f"document.getElementById('key').value = {json.dumps(key)};"
            "document.getElementById('enter').requestSubmit()"
        )

    async def ask(self, text):
        await self.run(
            f"document.getElementById('text').value = {json.dumps(text)};"
            "document.getElementById('ask').requestSubmit()"
        )


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
async def gateway(tmp_path, log):
    return a_gateway(tmp_path / "run", log)


@pytest.fixture
async def url(gateway):
    server = uvicorn.Server(
        uvicorn.Config(create_app(gateway), port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def page(url, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--remote-debugging-port={port}",
        f"--user-data-dir={tmp_path / 'browser'}",
        "about:blank",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    tabs = (await client.get(f"http://127.0.0.1:{port}/json")).json()
                    address = next(t for t in tabs if t["type"] == "page")["webSocketDebuggerUrl"]
                    break
                except (httpx.TransportError, StopIteration):
                    await asyncio.sleep(0.1)
        async with websockets.connect(address, max_size=None) as tab:
            page = Page(tab)
            for domain in ("Page", "Runtime", "Log"):
                await page.command(f"{domain}.enable")
            await page.command("Page.navigate", url=url)
            await page.until("document.getElementById('door')?.open")
            yield page
    finally:
        browser.terminate()
        await browser.wait()


async def test_a_person_can_ask_and_see_where_it_stands(page, log, gateway):
    def answer(event):
        whole = Answers(event).whole("VAT <b>is</b> ", "due.", citations=(a_citation(),))
        return whole if isinstance(event, QuestionAsked) else ()

    log.answer = answer
    await page.enter("ph_wrong")
    await page.until("document.getElementById('wrong').textContent.includes('not valid')")
    await page.enter(a_key(gateway))
    await page.until("document.getElementById('state').textContent === 'connected'")
    await page.ask("Is VAT due?")
    await page.until("document.querySelectorAll('.citations').length")
    shown = await page.run("document.getElementById('turns').innerText")
    assert "Is VAT due?" in shown
    assert "VAT <b>is</b> due." in shown, "an answer is text, never markup"
    assert "file:vat" in shown
    log.append(Answers(log.published(QuestionAsked)[-1]).retracted("not allowed", 1))
    await page.until("document.getElementById('turns').innerText.includes('withdrawn')")
    assert "due." not in await page.run("document.querySelector('.answer').innerText")
    assert page.complaints == []


async def test_an_address_with_a_key_opens_with_it_and_hides_it(page, url, gateway):
    key = a_key(gateway)
    await page.command("Page.navigate", url=f"{url}/#key={key}")
    await page.until("document.getElementById('state')?.textContent === 'connected'")
    assert await page.run("location.href") == f"{url}/"
    assert await page.run("sessionStorage.getItem('playhead.key')") == key
    assert not await page.run("document.getElementById('door').open")
    assert page.complaints == []


async def test_a_reload_keeps_the_conversation_and_asks_the_log_for_its_answers(page, log, gateway):
    def answer(event):
        whole = Answers(event).whole(
            f"Answer {len(log.published(QuestionAsked))}.", citations=(a_citation(),)
        )
        return whole if isinstance(event, QuestionAsked) else ()

    log.answer = answer
    await page.enter(a_key(gateway))
    await page.until("document.getElementById('state').textContent === 'connected'")
    for number in (1, 2):
        await page.ask(f"Question {number}?")
        await page.until(f"document.querySelectorAll('.citations').length === {number}")
    session = await page.run("sessionStorage.getItem('playhead.session')")
    kept = await page.run("sessionStorage.getItem('playhead.turns')")
    assert "Answer" not in kept
    log.append(Answers(log.published(QuestionAsked)[0]).retracted("not allowed", 1))
    await page.until("document.getElementById('turns').innerText.includes('withdrawn')")

    await page.command("Page.reload")
    await page.until("document.querySelectorAll('.answer:not(.busy)').length === 2")
    shown = await page.run("document.getElementById('turns').innerText")
    places = [
        shown.index(text) for text in ("Question 1?", "withdrawn", "Question 2?", "Answer 2.")
    ]
    assert places == sorted(places)
    assert "Answer 1." not in shown, "what was withdrawn stays so"
    assert await page.run("document.querySelectorAll('.citations').length") == 1
    await page.ask("Question 3?")
    await page.until("document.querySelectorAll('.citations').length === 2")
    assert await page.run("sessionStorage.getItem('playhead.session')") == session

    await page.run("document.getElementById('fresh').click()")
    await page.command("Page.reload")
    await page.until("document.getElementById('state')?.textContent === 'connected'")
    assert "Question" not in await page.run("document.getElementById('turns').innerText")
    assert page.complaints == []
