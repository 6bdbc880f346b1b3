"""Connectors that answer what trivial steps ask (`bench.trivial_steps`) at once, in worker processes of the tests.

What goes wrong is in `before`, a coroutine function that is awaited before every answer and every part of one: it may
count, take its time, never return, or raise what a connector raises.
"""

from bench.trivial_steps import PARTS
from schemas import (
    Embed,
    Embedded,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    IndexChunks,
    IndexWritten,
    PublishVersion,
    Search,
    WithdrawVersions,
)
from tests.fakes import DIGEST_KEY


async def at_once(_service, _request, _call, _part=0):
    """Let everything be answered."""


class FakeConnector:
    """Answers nothing."""

    SERVICE = ""

    def __init__(self, before=at_once):
        self._before = before

    def handlers(self):
        return {}

    def stream_handlers(self):
        return {}

    async def close(self):
        pass


class FakeKeyring(FakeConnector):
    """Has one key for all."""

    def digest_key(self, tenant):
        return DIGEST_KEY


class FakeTriton(FakeConnector):
    """Embeds into one number and generates the letter t, PARTS times."""

    SERVICE = "triton"

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {Generate: self.generate}

    async def embed(self, request, call):
        await self._before(self.SERVICE, request, call)
        return Embedded(vectors=(b"\0\0\0\0",) * len(request.texts), model="fake", dimensions=1)

    async def generate(self, request, call):
        for part in range(PARTS):
            await self._before(self.SERVICE, request, call, part)
            yield Generated(tokens=(GeneratedToken(text="t", at_us=part),), model="fake")
        yield Generated(tokens=(), model="fake", last=True, finish_reason="stop")


class FakeWeaviate(FakeConnector):
    """Finds nothing and says of everything that it is written."""

    SERVICE = "weaviate"

    def handlers(self):
        return {
            Search: self.search,
            IndexChunks: self.write,
            PublishVersion: self.write,
            WithdrawVersions: self.write,
        }

    async def search(self, request, call):
        await self._before(self.SERVICE, request, call)
        return Found(candidates=(), index="fake")

    async def write(self, request, call):
        await self._before(self.SERVICE, request, call)
        return IndexWritten(count=1, position=call.offset)
