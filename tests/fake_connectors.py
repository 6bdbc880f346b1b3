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
    StreamRequest,
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


class FakeAnsweringConnector(FakeConnector):
    """Answers by the function given for a request's type, as FakeEffects does; keeps on whose behalf it was asked.

    A function may raise Transient or Permanent. For a streamed request it returns the parts; an error among them ends
    the stream.
    """

    def __init__(self, answers, before=at_once):
        super().__init__(before)
        self._answers = answers
        self.calls = []

    def handlers(self):
        return {kind: self._answer for kind in self._answers if not issubclass(kind, StreamRequest)}

    def stream_handlers(self):
        return {kind: self._parts for kind in self._answers if issubclass(kind, StreamRequest)}

    async def _answer(self, request, call):
        self.calls.append(call)
        await self._before(self.SERVICE, request, call)
        return self._answers[type(request)](request)

    async def _parts(self, request, call):
        self.calls.append(call)
        for number, part in enumerate(self._answers[type(request)](request)):
            await self._before(self.SERVICE, request, call, number)
            if isinstance(part, Exception):
                raise part
            yield part


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
        count = len(request.chunks) if isinstance(request, IndexChunks) else 1
        return IndexWritten(count=count, position=call.offset)
