"""Steps of the Quix peer: what they say of a prompt, token by token."""

import asyncio

import pytest

pytest.importorskip("quixstreams", reason="of the dependency group peers: make bench ONLY=peers")

from bench.chats.stub_server import STUB
from bench.peers.peer_work import PeerPlaces
from bench.peers.quix_steps import Generating, application
from streams.settings import Settings
from tests.connectors.triton.server import FakeStream, FakeTritonServer, serve

PROMPT = {"request": "r-1", "prompt": "Text: It is so.", "uris": ["a", "b"]}


class FakeOpenStream(FakeTritonServer):
    """Answers each request of a stream when it comes: the step keeps one stream for all of them."""

    async def ModelStreamInfer(self, request_iterator, context):  # noqa: N802 - the protocol's name
        async for request in request_iterator:
            self.requests.append(request)
            await self.script(FakeStream(context))


@pytest.fixture
async def triton():
    fake = FakeOpenStream()
    server, port = await serve(fake)
    fake.places = PeerPlaces.on(Settings(), (f"127.0.0.1:{port}", STUB), 1)
    yield fake
    await server.stop(None)


async def said(triton, *prompts):
    def run():
        step = Generating(triton.places)
        try:
            return [list(step(prompt)) for prompt in prompts]
        finally:
            step.close()

    return await asyncio.to_thread(run)


async def test_an_answer_is_a_record_a_token_and_one_with_all_of_it(triton):
    async def say(stream):
        await stream.token("It is")
        await stream.token(" so.")
        await stream.end()

    triton.script = say
    first, records = await said(triton, {**PROMPT, "request": "r-0"}, PROMPT)
    assert {record["request"] for record in first} == {"r-0"}
    assert records == [
        {"request": "r-1", "text": "It is"},
        {"request": "r-1", "text": " so."},
        {"request": "r-1", "whole": "It is so.", "uris": ["a", "b"]},
    ]


async def test_an_answer_that_breaks_off_fails_the_step(triton):
    async def breaks(stream):
        await stream.token("It")
        await stream.error("out of memory")

    triton.script = breaks
    with pytest.raises(Exception, match="out of memory"):
        await said(triton, PROMPT)


def test_records_are_acknowledged_by_all_replicas_and_wait_for_no_batch(tmp_path):
    places = PeerPlaces.on(Settings(run=tmp_path), ("127.0.0.1:1", STUB), 1)
    made = application(places, "group-x")
    assert made.config.consumer_group == "group-x"
    assert made.config.auto_offset_reset == "earliest"
    assert made.config.producer_extra_config == {
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 0,
    }
