"""Askers against a gateway that serves, over each of its streams."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from edge.client.loading.load_askers import ASKERS, COMPLETED, LOST, LoadedQuestion
from edge.protocols.serving import Server
from schemas import QuestionAsked
from tests.edge.fake_log import a_key
from tests.edge.http_client import answers_with

pytestmark = pytest.mark.parametrize("via", sorted(ASKERS))


@pytest.fixture
def served(tmp_path, log):
    """The address and a key of a gateway that serves on a thread of its own."""
    from tests.edge.fake_log import a_gateway

    gateway = a_gateway(tmp_path, log)
    server = Server(gateway, "127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    server.install_signal_handlers = lambda: None
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", a_key(gateway), gateway
    server.should_exit = True
    gateway.stopping = True
    thread.join(60)


async def asked_over(via, url, key, *questions):
    asker = ASKERS[via](url, key, 10)
    done = []
    for question in questions:
        asked = LoadedQuestion(time.monotonic(), 7)
        async with asyncio.timeout(60):
            await asker.ask(question, asked)
        asked.ended_s = time.monotonic()
        done.append(asked)
    await asker.close()
    return done


async def test_it_notes_when_what_came_and_how_it_ended(served, log, via):
    log.answer = answers_with("VAT ", "is ", "due.")
    url, key, _ = served
    first, second = await asked_over(via, url, key, "Is VAT due?", "And now?")
    for one in (first, second):
        assert (one.outcome, one.text) == (COMPLETED, "VAT is due.")
        assert one.tokens > 0
        assert len(one.parts_s) >= 1
        assert one.due_s <= one.sent_s <= one.parts_s[0] <= one.parts_s[-1] <= one.ended_s
        assert len(one.gaps_s()) == len(one.parts_s) - 1
    assert [question.ask.max_tokens for question in log.published(QuestionAsked)] == [7, 7]


async def test_what_is_refused_says_why(served, log, via):
    url, _, gateway = served
    [one] = await asked_over(via, url, "no-key", "x")
    assert one.outcome.startswith("401")
    gateway.stopping = True
    assert one.parts_s == []


async def test_a_gateway_that_is_not_there_is_an_outcome(served, via):
    [one] = await asked_over(via, "http://127.0.0.1:1", "key", "x")
    assert one.outcome == LOST
