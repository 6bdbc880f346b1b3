"""The Triton connector against a fake server that answers, refuses, stalls and dies on demand."""

import asyncio
import contextlib
import dataclasses
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents.errors import Permanent, Transient
from connectors.arrivals import Arrivals
from connectors.triton import Triton
from connectors.triton.connector import BULK_AT_ONCE, QUERIES_AT_ONCE, TEXTS_MAX
from schemas import Embed, Generate, Usage
from streams.running.breaker import Overdue
from streams.running.cache_mark import cache_mark
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve

CALL = Call(tenant="acme", lane=0, request="r-1", session="s-1", event="e-1", topic="t", offset=3)
SOON = 2**62
CALL_TIMEOUT_S = 60.0  # that no call takes, however slow the machine is
SECRET = "Ada Lovelace's number is 5551234"


@pytest.fixture
async def fake():
    fake = FakeTritonServer()
    fake.server, fake.port = await serve(fake)
    yield fake
    await fake.server.stop(None)


@pytest.fixture
async def connector(fake):
    connector = Triton(
        Settings(triton_grpc=f"127.0.0.1:{fake.port}", call_timeout_s=CALL_TIMEOUT_S)
    )
    yield connector
    await connector.close()


def generate(connector, **fields):
    return connector.generate(Generate(**{"prompt": SECRET, "max_tokens": 9, **fields}), CALL)


def texts(parts):
    return ["".join(token.text for token in part.tokens) for part in parts]


async def all_has_come():
    """Wait until all that the server says of the generations under way was taken in."""
    pumps = [one for one in asyncio.all_tasks() if one.get_coro().cr_code is Arrivals.pump.__code__]
    assert pumps
    await asyncio.wait(pumps)


async def test_texts_become_vectors_in_their_order(fake, connector):
    request = Embed(texts=("a", "b", "c"), kind="passage", token_vectors=True)
    embedded = await connector.embed(request, CALL)
    firsts = [np.frombuffer(vector, "<f4")[0] for vector in embedded.vectors]
    assert firsts == [0, 1, 2]
    assert embedded.token_vectors == (b"packed",) * 3
    assert embedded.counts == (7, 7, 7)
    assert (embedded.model, embedded.dimensions) == ("tiny@1", 4)


async def test_token_vectors_come_only_where_asked_for(connector):
    embedded = await connector.embed(Embed(texts=("a",), kind="query"), CALL)
    assert embedded.token_vectors == ()


async def test_a_query_that_was_embedded_for_the_tenant_is_not_embedded_again(fake, connector):
    request = Embed(texts=("a",), kind="query", token_vectors=True)
    first = await connector.embed(request, CALL)
    with cache_mark() as mark:
        assert await connector.embed(request, CALL) == first
    assert mark.cached
    assert len(fake.requests) == 1
    with cache_mark() as mark:
        await connector.embed(request, dataclasses.replace(CALL, tenant="other"))
    assert not mark.cached
    assert len(fake.requests) == 2


async def test_an_embedder_that_is_named_is_asked_and_else_that_of_the_settings(fake, connector):
    for embedder in ("", "other"):
        await connector.embed(Embed(texts=("a",), kind="passage", embedder=embedder), CALL)
    assert [one.model_name for one in fake.requests] == [connector.embedder, "other"]


async def test_more_texts_than_the_model_takes_go_in_several_requests(fake, connector):
    count = TEXTS_MAX + 1
    embedded = await connector.embed(Embed(texts=("a",) * count, kind="passage"), CALL)
    assert len(embedded.vectors) == count
    assert [request.inputs[0].shape[0] for request in fake.requests] == [TEXTS_MAX, 1]


async def embedding(connector, text, deadline=0, tenant="acme"):
    call = dataclasses.replace(CALL, deadline=deadline, tenant=tenant, request=text)
    await connector.embed(Embed(texts=(text,), kind="passage"), call)


async def test_few_texts_that_nobody_waits_for_are_under_way_and_a_question_passes_them(
    fake, connector
):
    fake.held = asyncio.Event()
    bulk = [asyncio.create_task(embedding(connector, f"document {n}")) for n in range(5)]
    while len(fake.requests) < BULK_AT_ONCE:  # noqa: ASYNC110 - the server runs in this loop
        await asyncio.sleep(0.01)
    question = asyncio.create_task(embedding(connector, "question", deadline=SOON))
    while b"question" not in fake.requests[-1].raw_input_contents[0]:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert len(fake.requests) == BULK_AT_ONCE + 1
    fake.held.set()
    await asyncio.gather(question, *bulk)
    assert len(fake.requests) == 6


async def test_a_crowd_of_queries_leaves_room_for_another_tenants_one(fake, connector):
    fake.held = asyncio.Event()
    crowd = [asyncio.create_task(embedding(connector, f"q {n}", SOON)) for n in range(9)]
    others = [asyncio.create_task(embedding(connector, t, SOON, t)) for t in ("bob", "eve")]
    while len(fake.requests) < QUERIES_AT_ONCE:  # noqa: ASYNC110 - the server runs in this loop
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # for what should not come
    assert len(fake.requests) == QUERIES_AT_ONCE
    under_way = b"".join(request.raw_input_contents[0] for request in fake.requests)
    assert b"bob" in under_way
    assert b"eve" in under_way
    fake.held.set()
    await asyncio.gather(*crowd, *others)
    assert len(fake.requests) == 11


async def answered(connector, tenant, request="r-1"):
    call = dataclasses.replace(CALL, tenant=tenant, event=tenant, request=request, deadline=SOON)
    return [part async for part in connector.generate(Generate(prompt=tenant, max_tokens=9), call)]


async def test_a_crowd_of_questions_leaves_room_for_another_tenants_one(fake, connector):
    go_on = asyncio.Event()

    def asked():
        return [request.id for request in fake.requests]

    async def script(stream):
        await go_on.wait()
        await stream.end()

    fake.script = script
    most = connector._generations._at_once
    crowd = [asyncio.create_task(answered(connector, "crowd", f"r-{n}")) for n in range(most + 3)]
    while len(asked()) < most - 1:  # noqa: ASYNC110 - the server runs in this loop
        await asyncio.sleep(0.01)
    other = asyncio.create_task(answered(connector, "other"))
    while "other" not in asked():  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert asked() == ["crowd"] * (most - 1) + ["other"]
    go_on.set()
    await asyncio.gather(other, *crowd)


async def test_who_leaves_a_stream_makes_room(fake, connector):
    async def script(stream):
        await stream.token("one")
        await asyncio.sleep(60)

    fake.script = script
    for _ in range(2 * connector._generations._at_once):
        stream = generate(connector)
        await anext(stream)
        await stream.aclose()


async def test_no_texts_are_a_permanent_error(connector):
    with pytest.raises(Permanent, match="at least one"):
        await connector.embed(Embed(texts=(), kind="query"), CALL)


async def test_each_part_holds_all_tokens_since_the_last_one(fake, connector):
    go_on = asyncio.Event()

    async def script(stream):
        await stream.token("one")
        await go_on.wait()
        for text in (" two", " three"):
            await stream.token(text)
        await stream.end()

    fake.script = script
    stream = generate(connector)
    first = await anext(stream)
    assert texts([first]) == ["one"]
    assert not first.last
    go_on.set()
    await all_has_come()  # a slow consumer
    [rest] = [part async for part in stream]
    assert texts([rest]) == [" two three"]
    assert rest.last
    assert rest.finish_reason == "stop"
    assert rest.usage == Usage(prompt_tokens=5, completion_tokens=2)
    assert rest.model == "tiny-chat@1"


async def test_tokens_carry_the_time_of_their_arrival_not_of_their_reading(
    fake, connector, monkeypatch
):
    now_s, go_on = [100], asyncio.Event()
    clock = SimpleNamespace(perf_counter_ns=lambda: now_s[0] * 10**9)
    monkeypatch.setattr("connectors.arrivals.time", clock)

    async def script(stream):
        await stream.token("a")
        await go_on.wait()
        await stream.token("b")
        await stream.end()

    fake.script = script
    stream = generate(connector)
    tokens = list((await anext(stream)).tokens)
    now_s[0] += 3
    go_on.set()
    await all_has_come()
    now_s[0] += 60
    async for part in stream:
        tokens += part.tokens
    assert [(token.text, token.at_us) for token in tokens] == [("a", 0), ("b", 3_000_000)]


async def test_every_option_reaches_the_model(fake, connector):
    async def script(stream):
        await stream.end()

    fake.script = script
    options = {"temperature": 0.5, "seed": 3, "stop": ("\n",), "json_schema": "{}"}
    [part] = [part async for part in generate(connector, model="other", **options)]
    assert part.tokens == ()
    [request] = fake.requests
    assert request.model_name == "other"
    names = {tensor.name for tensor in request.inputs}
    assert names == {"prompt", "max_tokens", "temperature", "seed", "stop", "json_schema"}


async def test_leaving_a_stream_cancels_the_generation(fake, connector):
    async def script(stream):
        await stream.token("a")
        await asyncio.Event().wait()

    fake.script = script
    stream = generate(connector)
    await anext(stream)
    async with asyncio.timeout(CALL_TIMEOUT_S / 2):  # well before the call's own time is over
        await stream.aclose()
        await fake.cancelled.wait()


async def test_a_server_that_dies_in_mid_stream_is_transient_and_what_came_stands(fake, connector):
    async def script(stream):
        await stream.token("a")
        await asyncio.sleep(30)

    fake.script = script
    stream = generate(connector)
    assert texts([await anext(stream)]) == ["a"]
    await fake.server.stop(None)
    with pytest.raises(Transient, match=rf"127.0.0.1:{fake.port}"):
        await anext(stream)


async def test_tokens_that_wait_to_be_read_are_not_lost_to_a_failure(fake, connector):
    go_on = asyncio.Event()

    async def script(stream):
        await stream.token("a")
        await go_on.wait()
        await stream.token("b")
        await stream.error("Stub process 'chat_0' is not healthy.")

    fake.script = script
    stream = generate(connector)
    assert texts([await anext(stream)]) == ["a"]
    go_on.set()
    await all_has_come()
    assert texts([await anext(stream)]) == ["b"]
    with pytest.raises(Transient, match="not healthy"):
        await anext(stream)


async def test_a_stream_without_a_last_answer_is_transient(fake, connector):
    async def script(stream):
        await stream.token("a")

    fake.script = script
    with pytest.raises(Transient, match="before its last token"):
        [part async for part in generate(connector)]


async def test_a_restarted_server_is_found_again(fake, connector):
    await connector.embed(Embed(texts=("a",), kind="query"), CALL)
    await fake.server.stop(None)
    with pytest.raises(Transient):
        await connector.embed(Embed(texts=("b",), kind="query"), CALL)
    fake.server, _ = await serve(fake, fake.port)
    async with asyncio.timeout(CALL_TIMEOUT_S):
        while True:
            with contextlib.suppress(Transient):
                assert await connector.embed(Embed(texts=("b",), kind="query"), CALL)
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Transient),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Overdue),
        (grpc.StatusCode.INTERNAL, Transient),  # "Stub process is not healthy"
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Transient),
        (grpc.StatusCode.INVALID_ARGUMENT, Permanent),
        (grpc.StatusCode.NOT_FOUND, Permanent),
    ],
)
async def test_a_status_says_whether_to_try_again(fake, connector, status, kind):
    fake.failure = (status, "words of Triton")
    with pytest.raises(kind, match="words of Triton"):
        await connector.embed(Embed(texts=("a",), kind="query"), CALL)
    with pytest.raises(kind, match="words of Triton"):
        [part async for part in generate(connector)]


async def test_a_request_that_the_model_refuses_is_permanent(fake, connector):
    fake.script = lambda stream: stream.end("refused", "max_tokens must be at least 1")
    with pytest.raises(Permanent, match="max_tokens must be at least 1"):
        [part async for part in generate(connector)]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Request for unknown model: 'chat' is not found", Permanent),
        ("Stub process 'chat_0' is not healthy.", Transient),
    ],
)
async def test_an_error_within_a_stream_is_told_by_its_words(fake, connector, message, kind):
    fake.script = lambda stream: stream.error(message)
    with pytest.raises(kind, match=r"model|Stub"):
        [part async for part in generate(connector)]


async def test_a_server_that_stalls_is_transient_when_the_time_is_over(fake):
    connector = Triton(Settings(triton_grpc=f"127.0.0.1:{fake.port}", call_timeout_s=0.2))
    fake.script = lambda _: asyncio.sleep(30)
    with pytest.raises(Transient, match="DEADLINE_EXCEEDED"):
        [part async for part in generate(connector)]
    await connector.close()


async def test_calls_are_traced_and_name_the_model_but_no_text(fake):
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = Settings(triton_grpc=f"127.0.0.1:{fake.port}", call_timeout_s=CALL_TIMEOUT_S)
    connector = Triton(settings, provider.get_tracer("test"))
    fake.script = lambda stream: stream.end()
    await connector.embed(Embed(texts=(SECRET,), kind="query"), CALL)
    [part async for part in generate(connector)]
    trace_id = fake.metadata["traceparent"].split("-")[1]
    embed_span, generate_span = spans.get_finished_spans()
    assert trace_id == trace.format_trace_id(generate_span.context.trace_id)
    assert embed_span.attributes["gen_ai.response.model"] == "tiny@1"
    assert generate_span.attributes["gen_ai.response.model"] == "tiny-chat@1"
    assert generate_span.attributes["gen_ai.usage.output_tokens"] == 2
    assert SECRET not in embed_span.to_json() + generate_span.to_json()
    await connector.close()
