"""The client that loses its connections, at the real gateway over a log in memory."""

import asyncio
import random

import httpx
import pytest

from schemas import ChunksIndexed, DocumentSubmitted, QuestionAsked
from tests.chaos import gateway_client
from tests.chaos.gateway_client import ChaosClient
from tests.chaos.gateway_tale import Tale, wrong_in
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import Answers, FakeLog, a_gateway, a_key

WORDS = ("V", "A", "T", " is", " due", ".")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(gateway_client, "PAUSE_S", (0.0, 0.0))


@pytest.fixture
async def log():
    log = FakeLog()
    log.answer = lambda event: (
        Answers(event).whole(*WORDS) if isinstance(event, QuestionAsked) else ()
    )
    return log


@pytest.fixture
async def client(tmp_path, log):
    gateway = a_gateway(tmp_path, log)
    gateway.start()
    async with serving(gateway) as server:
        url = f"http://{address_of(server)}"
        client = ChaosClient(url, a_key(gateway), random.Random(1), lambda: False)
        yield client
        await client.close()
    await gateway.stop()


async def asked(client):
    tale = Tale("k-1", "question", "s-1")
    await client.ask(tale, "x")
    await client.look_again(tale)
    return tale


@pytest.mark.parametrize("cut", [0.0, 0.9])
async def test_an_answer_is_whole_however_often_the_connection_is_cut(client, monkeypatch, cut):
    monkeypatch.setattr(gateway_client, "CUT", cut)
    monkeypatch.setattr(gateway_client, "FRAMES_MAX", 2)
    tale = await asked(client)
    assert list(wrong_in(tale)) == []
    assert bool(tale.cuts) == bool(cut)
    deltas = [frame["text"] for frame in tale.frames if frame["type"] == "delta"]
    assert "".join(deltas) == tale.final["text"] == "".join(WORDS)


async def test_a_gateway_that_says_a_part_twice_after_a_cut_is_told_of(client, monkeypatch):
    monkeypatch.setattr(gateway_client, "CUT", 1.0)
    monkeypatch.setattr(gateway_client, "FRAMES_MAX", 3)
    opening = ChaosClient._opening

    def from_the_beginning(self, tale, text):
        return {**opening(self, tale, text), "cursor": ""}

    monkeypatch.setattr(ChaosClient, "_opening", from_the_beginning)
    tale = Tale("k-1", "question", "s-1")
    client.ended = lambda: tale.cuts > 3
    await client.ask(tale, "x")
    assert any("at a cursor behind" in line for line in wrong_in(tale))


async def test_a_document_that_is_sent_again_under_its_key_is_one_request(client, log, monkeypatch):
    monkeypatch.setattr(gateway_client, "AGAIN", 1.0)
    tale = Tale("k-1", "document")
    body = {"uri": "1:plain", "media_type": "text/plain", "content": "x"}
    await client.hand_in(tale, body)
    assert len(tale.accepted) == 3
    assert len(log.published(DocumentSubmitted)) == 1
    client.ended = lambda: True
    await client.look_again(tale)
    assert list(wrong_in(tale)) == [
        f"document {tale.accepted[0]} was accepted and is accepted when all is quiet"
    ]
    assert not log.published(ChunksIndexed)


async def test_a_gateway_that_is_gone_is_given_up_when_clients_are_told_to_end(client):
    client.ended = lambda: True
    tale = Tale("k-1", "question", "s-1")
    await client.ask(tale, "x")
    assert tale.given_up
    assert list(wrong_in(tale)) == []


class CutAtOnce(random.Random):
    """Has every connection cut after its first frame, and comes back at once."""

    def random(self):
        return 0.0

    def randint(self, first, _last):
        return first

    def uniform(self, _least, _most):
        return 0.0


async def test_one_that_is_told_to_end_before_the_answer_came_gave_up_and_lost_nothing(client, log):
    log.answer = lambda _: ()
    tale = Tale("k-1", "question", "s-1")
    client.ended, client.chance = lambda: bool(tale.accepted), CutAtOnce()
    await client.ask(tale, "x")
    assert (len(tale.accepted), tale.given_up) == (1, True)
    [asked] = log.published(QuestionAsked)
    for outcome in Answers(asked).whole(*WORDS):
        log.append(outcome)
    assert await client.look(tale)
    assert list(wrong_in(tale)) == []


# ---------------------------------------------------------------------- looking


def looking_at(answer):
    """A client whose requests a function answers."""
    return ChaosClient(
        "http://gateway", "k", random.Random(1), lambda: False, httpx.MockTransport(answer)
    )


async def test_looks_are_few_at_once_however_many_there_are():
    under_way, turn = 0, asyncio.Event()

    async def answer(_):
        nonlocal under_way
        under_way += 1
        await turn.wait()
        return httpx.Response(200, json={"status": "completed"})

    client = looking_at(answer)
    tales = [Tale(f"k-{n}", "question", accepted=[f"r-{n}"]) for n in range(200)]
    looks = asyncio.gather(*map(client.look, tales))
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert under_way == gateway_client.LOOKS_AT_ONCE
    turn.set()
    assert all(await looks)
    assert under_way == len(tales)
    await client.close()


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        (lambda _: httpx.Response(503, text="others wait"), "503 others wait"),
        (lambda _: httpx.Response(404, text="no such"), "404 no such"),
    ],
)
async def test_a_look_that_tells_nothing_leaves_what_is_known_and_says_so(answer, unread):
    client = looking_at(answer)
    tale = Tale("k", "document", "d", accepted=["r-1"], final={"status": "accepted"})
    assert not await client.look(tale)
    assert (tale.final, tale.unread) == ({"status": "accepted"}, unread)
    await client.close()


async def test_a_look_that_nobody_answers_says_so_until_one_is_answered():
    def away(_):
        raise httpx.ReadTimeout("slow")

    client = looking_at(away)
    tale = Tale("k", "document", "d", accepted=["r-1"])
    assert not await client.look(tale)
    assert tale.unread == "ReadTimeout"
    await client.close()
    client = looking_at(lambda _: httpx.Response(200, json={"status": "ingested"}))
    assert not await client.look(tale)
    assert (tale.final["status"], tale.unread) == ("ingested", "")
    await client.close()
