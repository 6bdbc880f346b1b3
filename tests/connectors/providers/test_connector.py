"""The connector of providers: circuits, windows, ratings, and secrets that stay where they are."""

import asyncio
import dataclasses
import json

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents.errors import Permanent, Transient
from connectors.providers import Providers
from schemas import Embed, RateRoute, ReadRoutes, RouteName
from streams.running.breaker import FAILURES_MAX
from streams.running.cancellations import Cancellations, Wanted
from streams.running.world import World
from streams.settings import BadSetting, Settings
from tests.connectors.providers.fake_providers import chunk, openai_says, serving
from tests.connectors.providers.providing import (
    CALL,
    PROMPT,
    SECRET,
    a_request,
    generated,
    providers,
    text_of,
)


def named(*routes):
    return ReadRoutes(
        routes=tuple(RouteName(route=route, provider="p", model=model) for route, model in routes)
    )


async def state(connector, route="r@1", model="big"):
    return (await connector.read_routes(named((route, model)), CALL)).states[0]


async def fails(answer):
    await answer.head(500)


async def by_model(answer):
    await (fails if answer.request[2]["model"] == "big" else openai_says)(answer)


@pytest.fixture
async def connector(tmp_path):
    async with (
        serving(by_model) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url, "tries_max": 1}) as made,
    ):
        yield made


BEGUN = {"type": "message_start", "message": {"model": "m-1", "usage": {"input_tokens": 5}}}
CALLED = {"name": "weather", "arguments": '{"city":"Os'}
TOOLS = '[{"name": "weather", "description": "", "parameters": {"type": "object"}}]'
CUT = {
    # kind of server, and what it says before it goes on for ever
    "a text of OpenAI's": ("openai", "ab", [chunk("a"), chunk("b")]),
    "a text of Anthropic's": ("anthropic", "ab", [BEGUN, *(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in "ab"
    )]),
    "half a call of OpenAI's": ("openai", "", [{"model": "m-1", "choices": [{"index": 0, "delta": {
        "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": CALLED}],
    }, "finish_reason": None}]}]),
    "half a call of Anthropic's": ("anthropic", "", [
        BEGUN,
        {"type": "content_block_start", "index": 0, "content_block": {
            "type": "tool_use", "id": "c", "name": "weather", "input": {},
        }},
        {"type": "content_block_delta", "index": 0, "delta": {
            "type": "input_json_delta", "partial_json": CALLED["arguments"],
        }},
    ]),
}  # fmt: skip


@pytest.mark.parametrize("what", CUT)
async def test_whatever_is_cut_is_told_as_far_as_it_came_and_names_no_tool(
    tmp_path, what, monkeypatch
):
    kind, text, events = CUT[what]
    monkeypatch.setenv("A_PLANTED_KEY", "k")
    said, left = asyncio.Event(), asyncio.Event()

    async def script(answer):
        try:
            await answer.head()
            for event in events:
                await answer.event(event, event.get("type"))
            said.set()
            while True:
                await asyncio.sleep(0.01)
                await answer.send(b": still there\n\n")
        finally:
            left.set()

    entry = {"kind": kind, "auth": "env:A_PLANTED_KEY"}
    async with serving(script) as (_, url), providers(tmp_path, p={"url": url, **entry}) as made:
        made.heed(known := Cancellations())

        async def stop():
            await said.wait()
            await asyncio.sleep(0.1)
            known.take(OURS)

        stopping = asyncio.create_task(stop())
        async with asyncio.timeout(60):
            found = await generated(made, a_request(tools=TOOLS))
            await asyncio.gather(left.wait(), stopping)
        assert (text_of(found), found[-1].finish_reason, found[-1].last) == (
            text,
            "cancelled",
            True,
        )
        assert not any(part.tool_calls for part in found)
        assert (await state(made)).failures == 0


OURS = Wanted(CALL.tenant, CALL.lane, CALL.subject, CALL.request)


@pytest.fixture
async def endless(tmp_path):
    """A connector to a server that says two words and goes on, and what tells that it was left."""
    left = asyncio.Event()

    async def script(answer):
        try:
            await answer.head()
            for text in ("a", "b"):
                await answer.event(chunk(text))
            while True:
                await asyncio.sleep(0.01)
                await answer.send(b": still there\n\n")
        finally:
            left.set()

    async with (
        serving(script) as (server, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as made,
    ):
        known = Cancellations()
        made.heed(known)
        yield made, known, server, left


async def test_a_server_is_let_go_of_once_nobody_wants_its_answer(endless):
    connector, known, _, left = endless
    found = []
    async with asyncio.timeout(60):
        async for part in connector.generate(
            a_request(input_price=1_000, output_price=1_000_000), CALL
        ):
            found.append(part)
            if text_of(found) == "ab":
                known.take(OURS)
        await left.wait()
    assert [part.last for part in found] == [False] * (len(found) - 1) + [True]
    last = found[-1]
    assert (last.finish_reason, last.tokens, last.usage, last.model) == (
        "cancelled", (), None, "m-1",
    )  # fmt: skip
    assert last.cost_micros == 2_000 + len(PROMPT) // 4 + 1
    read = await state(connector)
    assert (read.calls, read.failures, read.running) == (1, 0, 0)


async def test_who_waits_for_a_turn_is_let_go_of_and_no_server_is_asked(tmp_path):
    async def never(answer):
        await asyncio.Event().wait()

    async with (
        serving(never) as (server, url),
        providers(tmp_path, p={"kind": "openai", "url": url, "running_max": 1}) as connector,
    ):
        connector.heed(known := Cancellations())
        other = dataclasses.replace(CALL, request="r-2")
        priced = a_request(input_price=1_000_000)
        first = asyncio.create_task(generated(connector, priced))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        second = asyncio.create_task(generated(connector, priced, call=other))
        await asyncio.sleep(0.05)
        known.take(OURS._replace(request="r-2"))
        async with asyncio.timeout(60):
            [part] = await second
        assert (part.finish_reason, part.cost_micros, len(server.requests)) == ("cancelled", 0, 1)
        known.take(OURS)  # before its first token
        assert [(one.finish_reason, one.cost_micros) for one in await first] == [("cancelled", 0)]
        assert (await state(connector)).failures == 0


async def test_a_server_is_not_asked_for_what_was_cancelled_before(endless):
    connector, known, server, _ = endless
    known.take(OURS)
    assert [one.finish_reason for one in await generated(connector)] == ["cancelled"]
    assert (server.requests, (await state(connector)).calls) == ([], 0)


async def test_each_model_has_its_circuit_and_how_it_fares_is_told(connector):
    world = World((connector,), timeout_s=10)
    for _ in range(FAILURES_MAX):
        with pytest.raises(Transient, match="answered 500"):
            [_ async for _ in world.ask_stream(a_request(), CALL)]
    with pytest.raises(Transient, match="p/big is away"):
        [_ async for _ in world.ask_stream(a_request(), CALL)]
    assert [_ async for _ in world.ask_stream(a_request(model="small", route="s@1"), CALL)]
    read = await world.ask(named(("r@1", "big"), ("s@1", "small"), ("new@1", "other")), CALL)
    assert [one.circuit for one in read.states] == ["open", "closed", "closed"]
    assert [one.wait_ms > 0 for one in read.states] == [True, False, False]
    assert [(one.calls, one.failures) for one in read.states] == [
        (FAILURES_MAX, FAILURES_MAX),
        (1, 0),
        (0, 0),
    ]


async def test_time_to_the_first_token_and_calls_under_way_are_counted(tmp_path):
    go_on, under_way = asyncio.Event(), asyncio.Event()

    async def script(answer):
        under_way.set()
        await go_on.wait()
        await openai_says(answer, "a")

    async with (
        serving(script) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as connector,
    ):
        asking = asyncio.create_task(generated(connector))
        await under_way.wait()
        assert (await state(connector)).running == 1
        go_on.set()
        await asking
        told = await state(connector)
    assert (told.running, told.calls, told.failures) == (0, 1, 0)
    assert told.first_token_ms >= 1


async def test_who_is_cancelled_before_the_first_token_has_waited_in_vain(tmp_path):
    under_way = asyncio.Event()

    async def hang(_answer):
        under_way.set()
        await asyncio.Event().wait()

    async with (
        serving(hang) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as connector,
    ):
        asking = asyncio.create_task(generated(connector))
        await under_way.wait()
        asking.cancel()
        await asyncio.wait([asking])
        assert (await state(connector)).failures == 1


async def test_who_has_enough_after_some_tokens_was_answered(tmp_path):
    async def script(answer):
        await openai_says(answer, "a")
        await asyncio.Event().wait()

    async with (
        serving(script) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as connector,
    ):
        parts = connector.generate(a_request(), CALL)
        await anext(parts)
        await parts.aclose()
        told = await state(connector)
    assert (told.running, told.calls, told.failures) == (0, 1, 0)


async def test_ratings_are_counted_by_route(connector):
    for grounded in (True, False, False):
        rated = await connector.rate(RateRoute(route="r@1", grounded=grounded), CALL)
    assert rated.rated == 3
    told = await state(connector)
    assert (told.rated, told.ungrounded) == (3, 2)
    assert (await state(connector, "r@2")).rated == 0


async def test_a_provider_that_asks_to_be_left_alone_is_away_for_all_its_routes(tmp_path):
    async def script(answer):
        await answer.head(429, retry_after="90")

    async with (
        serving(script) as (fake, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as connector,
    ):
        with pytest.raises(Transient):
            await generated(connector)
        told = await state(connector, "s@1", "small")
        with pytest.raises(Transient, match="is not asked for 9"):
            await generated(connector, a_request(model="small"))
    assert (told.circuit, told.wait_ms > 80_000) == ("open", True)
    assert len(fake.requests) == 1


async def test_a_provider_that_there_is_not_is_named(connector):
    with pytest.raises(Permanent, match=r"no provider moon: .*providers\.json"):
        await generated(connector, a_request("moon"))
    assert (
        await connector.read_routes(
            ReadRoutes(routes=(RouteName(route="x", provider="moon", model="m"),)), CALL
        )
    ).states


async def test_tenants_take_turns_before_a_provider(tmp_path):
    asked, go_on = [], asyncio.Event()

    async def script(answer):
        asked.append(answer)
        await go_on.wait()
        await openai_says(answer)

    entry = {"kind": "openai", "running_max": 2}
    async with (
        serving(script) as (_, url),
        providers(tmp_path, p={**entry, "url": url}) as connector,
    ):
        calls = [dataclasses.replace(CALL, request=f"r-{n}", deadline=2**62) for n in range(5)]
        crowd = [asyncio.create_task(generated(connector, call=call)) for call in calls]
        other = dataclasses.replace(CALL, tenant="bob", deadline=2**62)
        one = asyncio.create_task(generated(connector, call=other))
        while len(asked) < 2:  # noqa: ASYNC110 - the server runs in this loop
            await asyncio.sleep(0.01)
        assert (await state(connector)).running == 6
        go_on.set()
        await asyncio.gather(one, *crowd)
    assert len(asked) == 6


@pytest.mark.parametrize(
    "reference",
    ["sk-in-plain", "env:", "file:", "env:NOT_SET_ANYWHERE", "file:/no/such", "vault:x"],
)
async def test_a_credential_that_can_t_be_had_is_named_and_never_shown(tmp_path, reference):
    async with (
        serving(openai_says) as (fake, url),
        providers(tmp_path, p={"kind": "openai", "url": url, "auth": reference}) as connector,
    ):
        with pytest.raises(Permanent) as raised:
            await generated(connector)
    assert fake.requests == []
    assert "sk-in-plain" not in str(raised.value)


@pytest.mark.parametrize("value", ["", "two\nlines", "ünïcode", "x\x00y"])
async def test_a_file_that_holds_no_key_is_refused(tmp_path, value):
    (tmp_path / "key").write_text(value)
    entry = {"kind": "openai", "url": "http://127.0.0.1:1", "auth": f"file:{tmp_path}/key"}
    async with providers(tmp_path, p=entry) as connector:
        with pytest.raises(Permanent, match="credential"):
            await generated(connector)


async def test_neither_key_nor_prompt_is_in_errors_spans_or_answers(
    tmp_path, monkeypatch, caplog, capfd
):
    monkeypatch.setenv("A_PLANTED_KEY", SECRET)
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    async def echoes(answer):
        if answer.request[2]["model"] == "big":
            await answer.head(400, "application/json")
            await answer.send(json.dumps(answer.request[1]).encode())
        else:
            await openai_says(answer, "fine")

    caplog.set_level("DEBUG")
    entry = {"kind": "openai", "auth": "env:A_PLANTED_KEY"}
    async with (
        serving(echoes) as (_, url),
        providers(tmp_path, provider.get_tracer("t"), p={**entry, "url": url}) as connector,
    ):
        with pytest.raises(Permanent) as raised:
            await generated(connector)
        parts = await generated(connector, a_request(model="small"))
        told = await state(connector)
    assert text_of(parts) == "fine"
    shown = [
        str(raised.value),
        repr(raised.value.__context__),
        repr(parts),
        repr(told),
        caplog.text,
        *capfd.readouterr(),
    ]
    shown += [span.to_json() for span in spans.get_finished_spans()]
    assert [span.status.is_ok for span in spans.get_finished_spans()] == [False, True]
    assert not [text for text in shown if SECRET in text or PROMPT in text or "Who pays" in text]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "providers.json"),
        ("[]", "object"),
        ('{"a b": {"kind": "openai"}}', "pattern|regex"),
        (
            '{"p": {"kind": "carrier-pigeon"}}',
            "there is no kind 'carrier-pigeon'; choose from openai",
        ),
        ('{"p": {"kind": "openai", "url": "http://x", "key": "sk-1"}}', "unknown field `key`"),
        ('{"p": {"kind": "openai", "url": "http://me:secret@x"}}', "url"),
        ('{"p": {"kind": "openai", "url": "http://x", "tries_max": 99}}', "tries_max"),
        (
            '{"p": {"kind": "openai", "url": "http://x", "ca_file": "/no/such"}}',
            "ca_file can't be used",
        ),
        (json.dumps({f"p{n}": {"kind": "triton"} for n in range(65)}), "65 providers"),
        ("[" * 100_000, "providers.json"),
    ],
)
def test_a_file_that_can_t_be_used_is_refused_with_words(tmp_path, content, says):
    (tmp_path / "providers.json").write_text(content)
    with pytest.raises(BadSetting) as raised:
        Providers(Settings(run=tmp_path))
    assert any(part in str(raised.value) for part in says.split("|")), raised.value
    assert "secret@" not in str(raised.value)


def test_a_file_that_the_settings_name_must_be_there(tmp_path):
    with pytest.raises(BadSetting, match="PLAYHEAD_PROVIDERS"):
        Providers(Settings(run=tmp_path, providers=str(tmp_path / "none.json")))


def test_what_is_answered_here_has_no_circuit(tmp_path):
    connector = Providers(Settings(run=tmp_path))
    assert connector.circuit(ReadRoutes(routes=())) is None
    assert connector.circuit(Embed(texts=("a",), kind="query")) is None
    assert connector.circuit(a_request()) is connector.circuit(a_request())
    assert connector.circuit(a_request()) is not connector.circuit(a_request("q"))


def test_circuits_and_windows_are_as_many_as_are_in_use(tmp_path):
    connector = Providers(Settings(run=tmp_path))
    for number in range(1_000):
        connector.circuit(a_request(model=f"m-{number}"))
        connector._windows.of(f"r@{number}")
    assert len(connector._circuits) == len(connector._windows._routes) == 256
