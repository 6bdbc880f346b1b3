"""What steps rely on of every answer, whoever gives it: the connectors, and the fakes that stand for them."""

import inspect
from functools import partial

import numpy as np
import pytest

from connectors.documents import Documents
from connectors.keyring import Keyring
from connectors.presidio.connector import Presidio
from connectors.providers import Providers
from connectors.triton import Triton
from connectors.weaviate import Weaviate
from connectors.who_answers import CONNECTORS
from schemas import (
    Detect,
    Digest,
    DocumentRef,
    Embed,
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    Generate,
    IndexChunks,
    Parse,
    PublishVersion,
    RateRoute,
    ReadRoutes,
    Rerank,
    RouteName,
    Seal,
    SealItem,
    Search,
    WithdrawVersions,
    wire,
)
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve
from tests.connectors.weaviate.memory import MemoryWeaviate
from tests.fake_connectors import FakeTriton, FakeWeaviate

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=7)
REF = DocumentRef(document="d-1", version=1, uri="d-1.md")
VECTOR = np.eye(4, dtype="<f4")[0].tobytes()
CHUNK = EmbeddedChunk(id="c", number=0, text="lanes", tokens=1, vector=VECTOR, token_vectors=b"")

ASKED = [
    Embed(texts=("a",), kind="query"),
    Search(text="lanes", vector=VECTOR, limit=5),
    IndexChunks(document=REF, title="T", model="m@1", chunks=(CHUNK,)),
    PublishVersion(document=REF),
    WithdrawVersions(document=REF),
    Rerank(query=b"", model="m@1", chunks=("c", "gone")),
    Fetch(chunks=("c", "gone")),
    FetchAdjacent(chunks=("c", "gone")),
    Detect(texts=("Call Ann Lee.", "")),
    Parse(media_type="text/plain", content=b"text"),
    Seal(values=(SealItem(key="user/1", event="e", field="f", value=b"x"),)),
    Digest(values=(b"x", b"y")),
    ReadRoutes(routes=(RouteName(route="r@1", provider="", model="chat"),) * 2),
    RateRoute(route="r@1", grounded=True),
]
PROMISED = {
    Embed: lambda asked, answer: (
        len(answer.vectors) == len(asked.texts)
        and {len(vector) for vector in answer.vectors} == {4 * answer.dimensions}
        and answer.model
    ),
    Search: lambda asked, answer: (
        len(answer.candidates) <= asked.limit
        and answer.index
        and answer.position >= 0
        and list(answer.candidates)
        == sorted(answer.candidates, key=lambda one: (-one.score, one.chunk))
    ),
    IndexChunks: lambda _, answer: answer.position == CALL.offset and answer.count >= 0,
    PublishVersion: lambda _, answer: answer.position == CALL.offset and answer.count >= 0,
    WithdrawVersions: lambda _, answer: answer.position == CALL.offset and answer.count >= 0,
    Rerank: lambda asked, answer: (
        len(answer.scores) == len(asked.chunks)
        and len(answer.similarities) == 4 * len(asked.chunks) ** 2
    ),
    FetchAdjacent: lambda asked, answer: (
        not {one.chunk for one in answer.passages} & set(asked.chunks)
    ),
    Fetch: lambda asked, answer: {one.chunk for one in answer.passages} <= set(asked.chunks),
    Detect: lambda asked, answer: (
        len(answer.texts) == len(asked.texts)
        and answer.model
        and all(
            0 <= span.start < span.end <= len(text)
            for text, of in zip(asked.texts, answer.texts, strict=True)
            for span in of.spans
        )
    ),
    Parse: lambda _, answer: bool(answer.blocks) != bool(answer.error),
    Seal: lambda asked, answer: (
        [(one.key, one.event, one.field) for one in answer.values]
        == [(one.key, one.event, one.field) for one in asked.values]
    ),
    Digest: lambda asked, answer: len(answer.digests) == len(asked.values),
    ReadRoutes: lambda asked, answer: len(answer.states) == len(asked.routes),
    RateRoute: lambda _, answer: answer.rated >= 1,
}


MADE = {
    "Keyring": lambda run: Keyring(Settings(run=run)),
    "Documents": lambda run: Documents(Settings(run=run)),
    "Presidio": lambda run: Presidio(Settings(run=run)),
    "Weaviate": lambda run: Weaviate(Settings(run=run), client=MemoryWeaviate()),
    "the chaos tests' Triton": lambda _: FakeTriton(),
    "the chaos tests' Weaviate": lambda _: FakeWeaviate(),
}


@pytest.fixture
async def triton():
    """A server that embeds, and generates two tokens."""
    fake = FakeTritonServer()

    async def script(stream):
        await stream.token("a")
        await stream.token("b")
        await stream.end()

    fake.script = script
    server, port = await serve(fake)
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture(params=["Triton", "Providers", *MADE])
async def connector(request, tmp_path, triton):
    if request.param in {"Triton", "Providers"}:
        kind = {"Triton": Triton, "Providers": Providers}[request.param]
        connector = kind(Settings(run=tmp_path, triton_grpc=triton, call_timeout_s=5))
    else:
        connector = MADE[request.param](tmp_path)
    yield connector
    await connector.close()


async def test_every_answer_is_of_the_response_type_and_keeps_its_promise(connector):
    handlers = connector.handlers()
    answered = 0
    for asked in ASKED:
        if type(asked) not in handlers:
            continue
        answer = await handlers[type(asked)](asked, CALL)
        assert isinstance(answer, asked.RESPONSE)
        assert wire.encode(answer)
        assert PROMISED[type(asked)](asked, answer), answer
        answered += 1
    assert answered


async def test_parts_of_an_answer_end_with_the_last_one_which_says_how(connector):
    for kind, handler in connector.stream_handlers().items():
        assert kind is Generate
        parts = [part async for part in handler(Generate(prompt="p", max_tokens=9), CALL)]
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
        assert all(isinstance(part, Generate.RESPONSE) and wire.encode(part) for part in parts)
        assert parts[-1].finish_reason
        assert {bool(part.model) for part in parts} == {True}
        assert all(one.text for part in parts for one in part.tokens)


def test_a_connector_answers_requests_of_one_row_and_in_the_right_way(connector):
    answered = {*connector.handlers(), *connector.stream_handlers()}
    rows = [set(row) for row in CONNECTORS.values()]
    assert any(answered <= row for row in rows) or answered == {Embed, Generate}
    assert all(kind.EFFECT != "stream" for kind in connector.handlers())
    assert all(kind.EFFECT == "stream" for kind in connector.stream_handlers())
    assert all(map(inspect.iscoroutinefunction, connector.handlers().values()))


async def test_closing_twice_is_nothing():
    for made in (
        partial(Documents, Settings()),
        partial(Weaviate, Settings(), client=MemoryWeaviate()),
    ):
        connector = made()
        await connector.close()
        await connector.close()
