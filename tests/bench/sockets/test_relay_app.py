"""The bare relay: what the log says about a request comes to the socket that made it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from bench.sockets.relay_app import Relay
from bench.sockets.talks import LoggedTokens, number_of, released
from schemas import TokensReleased
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer

CODEC = a_codec()


@pytest.fixture
def broker():
    broker = MemoryBroker(partitions=2)
    broker.create(topic_of(TokensReleased))
    return broker


class Talk:
    """Both ends of one connection."""

    def __init__(self, *messages):
        self.messages, self.sent = asyncio.Queue(), []
        for message in messages:
            self.messages.put_nowait(message)

    async def send(self, message):
        self.sent.append(message)

    def texts(self):
        return [json.loads(one["text"]) for one in self.sent if one["type"] == "websocket.send"]

    async def told(self, count):
        async with asyncio.timeout(60):
            while len(self.texts()) < count:  # noqa: ASYNC110 - another thread makes it so
                await asyncio.sleep(0.005)
        return self.texts()


@asynccontextmanager
async def relaying(broker):
    """A relay whose server has started; ended after the block."""
    consumer = broker.consumer()
    relay, server = Relay(CODEC, consumer, 2), Talk({"type": "lifespan.startup"})
    living = asyncio.create_task(relay({"type": "lifespan"}, server.messages.get, server.send))
    yield relay
    server.messages.put_nowait({"type": "lifespan.shutdown"})
    await living
    await asyncio.to_thread(relay._thread.join)
    assert consumer.closed


async def status_of(relay):
    talk = Talk()
    await relay({"type": "http"}, talk.messages.get, talk.send)
    return talk.sent[0]["status"]


async def test_it_serves_once_it_has_come_to_the_end_of_every_lane(broker):
    broker.away = True
    async with relaying(broker) as relay:
        assert await status_of(relay) == 503
        broker.away = False
        async with asyncio.timeout(60):
            while await status_of(relay) != 200:  # noqa: ASYNC110 - another thread makes it so
                await asyncio.sleep(0.005)


async def test_tokens_come_to_the_socket_that_asked_until_it_leaves(broker):
    async with relaying(broker) as relay:
        talks = [Talk({"type": "websocket.connect"}, {"type": "websocket.receive"}) for _ in "ab"]
        held = [
            asyncio.create_task(relay({"type": "websocket"}, one.messages.get, one.send))
            for one in talks
        ]
        asked = [(await one.told(1))[0]["request_id"] for one in talks]
        metas = [a_meta(tenant="acme", request=request, lane=1) for request in asked]
        logged = LoggedTokens(MemoryProducer(broker), CODEC, metas)
        for number in range(3):
            await logged.say(0, number)
        await logged.say(1, 7)
        first, second = [await one.told(count) for one, count in zip(talks, (4, 2), strict=True)]
        assert [number_of(one["text"]) for one in first[1:]] == [0, 1, 2]
        assert [logged.number_in(json.dumps(one)) for one in second] == [None, 7]
        for one in talks:
            one.messages.put_nowait({"type": "websocket.disconnect"})
        await asyncio.gather(*held)
        assert not relay._sockets


async def test_what_nobody_asked_for_is_passed_over(broker):
    async with relaying(broker) as relay:
        stranger = released(replace(a_meta(tenant="acme", lane=0), request="nobody's"), 1)
        relay._hand([(stranger.meta.request, stranger.text)])
        assert not relay._sending
