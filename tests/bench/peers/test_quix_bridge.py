"""The Quix peer's edge: what is said of a question goes to who asked it, and to nobody else."""

import asyncio
import json

import httpx
import orjson
import pytest

from bench.peers.quix_bridge import QuixBridge, bridge_service
from bench.peers.quix_topics import ASKED, GENERATING, PROMPTS, SAID, TOPICS, group_of_step
from edge.client.server_sent_events import events_in


class Told:
    """A producer whose questions are answered on the consumer's side, by what a test says."""

    def __init__(self, answer):
        self._answer = answer
        self._said = []
        self.asked = []
        self.closed = False

    def produce(self, topic, value, key):
        question = json.loads(value)
        self.asked.append((topic, question, key))
        self._said += self._answer(question)

    def poll(self, _timeout=0):
        return self._said.pop(0) if self._said else None

    def consume(self, count, _timeout):
        taken, self._said = self._said[:count], self._said[count:]
        return taken

    def close(self):
        self.closed = True


class Said:
    def __init__(self, record, error=None):
        self._record, self._error = record, error

    def value(self):
        return orjson.dumps(self._record)

    def error(self):
        return self._error


def answered(question):
    request = question["request"]
    return [
        Said({"request": "of another one", "text": "no"}),
        Said({"request": request, "text": "It is"}),
        Said({"request": request, "text": "lost"}, error="broken"),
        Said({"request": request, "text": " so."}),
        Said({"request": request, "whole": "It is so.", "uris": ["a", "b"]}),
    ]


class Quiet:
    """The producer's side alone: its poll serves no records."""

    def __init__(self, told):
        self.produce = told.produce

    def poll(self, _timeout):
        return 0


@pytest.fixture
async def http():
    told = Told(answered)
    app = bridge_service(QuixBridge(Quiet(told), told))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            client.told = told
            yield client
    assert told.closed


async def frames(client, text):
    response = await client.post("/v1/messages", json={"text": text})
    assert response.headers["content-type"].startswith("text/event-stream")
    return [json.loads(event.data) for event in events_in([response.content])]


async def test_an_answer_comes_as_frames_and_another_ones_is_left_out(http):
    said = await frames(http, "What?")
    assert said == [
        {"type": "accepted"},
        {"type": "delta", "text": "It is"},
        {"type": "delta", "text": " so."},
        {"type": "completed", "text": "It is so.", "citations": [{"uri": "a"}, {"uri": "b"}]},
    ]
    [(topic, question, key)] = http.told.asked
    assert (topic, question["text"], key.decode()) == (ASKED, "What?", question["request"])


async def test_many_ask_at_once_and_each_gets_its_own(http):
    every = await asyncio.gather(*(frames(http, f"{n}?") for n in range(8)))
    assert all(said[-1]["text"] == "It is so." for said in every)
    assert len({question["request"] for _, question, _ in http.told.asked}) == 8


async def test_it_says_that_it_is_up(http):
    assert (await http.get("/healthz")).json() == {"status": "ok"}


def test_prompts_have_a_partition_for_each_process_that_generates():
    assert TOPICS == {ASKED: 1, PROMPTS: GENERATING, SAID: 1}
    assert len({group_of_step(topic) for topic in TOPICS}) == len(TOPICS)
