"""Vectors for who asks from outside a step: the client that asks comes with the first who does."""

import asyncio

from connectors.text_vectors import LateEmbedder, TextVectors
from connectors.triton.embedder_client import EmbedderClient
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve

CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="t", offset=0)


class Counted:
    """Makes one embedder each time, which answers with the texts' lengths."""

    def __init__(self):
        self.loaded, self.made, self.closed = 0, 0, 0

    def load(self):
        self.loaded += 1
        return self.new

    def new(self, settings):
        self.made += 1
        self.embedder = settings.embedder
        return self

    async def some(self, texts, kind, call):
        return TextVectors((b"",) * len(texts), tuple(map(len, texts)), (), f"{kind} {call.tenant}")

    async def close(self):
        self.closed += 1


async def test_nothing_is_loaded_until_somebody_asks_and_then_once_for_all():
    counted = Counted()
    late = LateEmbedder(Settings(embedder="minilm"), counted.load)
    assert late.embedder == "minilm"
    assert counted.loaded == 0
    told = await asyncio.gather(*(late.some(("a", "bc"), "query", CALL) for _ in range(3)))
    assert told == [TextVectors((b"", b""), (1, 2), (), "query t")] * 3
    assert counted.made == 1
    await late.close()
    assert counted.closed == 1


async def test_one_that_nobody_asked_has_nothing_to_let_go_of():
    counted = Counted()
    await LateEmbedder(Settings(), counted.load).close()
    assert (counted.loaded, counted.closed) == (0, 0)


async def test_it_answers_as_the_client_that_it_loads():
    fake = FakeTritonServer()
    server, port = await serve(fake)
    settings = Settings(triton_grpc=f"127.0.0.1:{port}")
    late, at_once = LateEmbedder(settings), EmbedderClient(settings)
    assert late.embedder == at_once.embedder
    asked = ("a", "b"), "passage", CALL
    assert await late.some(*asked) == await at_once.some(*asked)
    await late.close()
    await at_once.close()
    await server.stop(None)
