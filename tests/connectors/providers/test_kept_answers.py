"""Kept answers: the same prompt of a tenant, whoever asks, and what is never kept."""

import tracemalloc
from dataclasses import replace

import pytest
from msgspec import structs

from agents.prompt_canary import canary
from connectors.bounded_cache import BoundedCache
from connectors.providers import Providers
from connectors.providers import connector as connector_module
from connectors.providers.kept_answers import NO_MARK, KeptAnswers
from schemas import Generate, Generated, GeneratedToken, Hedged, ToolCall, ToolExchange, Usage
from streams.running.cache_mark import cache_mark
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r-1", session="s-1", event="e-1", topic="t", offset=3)
OTHER = replace(CALL, request="r-2", session="s-2", event="e-2", subject="another")


def a_request(call=CALL, **fields):
    prompt = f"Text.\n{canary(call.request)}\nQuestion?"
    values = {"prompt": prompt, "system": f"Be brief. {canary(call.request)}", "max_tokens": 9}
    return Generate(**{**values, **fields})


def token(text):
    return GeneratedToken(text=text, at_us=1)


def an_answer(*texts, **last):
    parts = [Generated(tokens=(token(text),), model="m") for text in texts]
    values = {"finish_reason": "stop", "usage": Usage(), "cost_micros": 7, **last}
    return [*parts, Generated(tokens=(), last=True, model="m", **values)]


def plain(parts):
    """What comes again: at once, and for nothing."""
    return [
        structs.replace(
            part,
            cost_micros=0,
            hedged=None,
            tokens=tuple(structs.replace(token, at_us=0) for token in part.tokens),
        )
        for part in parts
    ]


async def stream(parts):
    for part in parts:
        yield part


@pytest.fixture
def kept():
    return KeptAnswers(BoundedCache("tests", 1_000_000, 60.0))


async def passed(kept, parts, request, call=CALL):
    return [part async for part in kept.keeping(stream(parts), request, call)]


async def test_an_answer_passes_unchanged_and_comes_again_for_nothing(kept):
    said = an_answer("Yes", ".")
    said[0] = structs.replace(said[0], hedged=Hedged(route="r@1", outcome="lost", after_ms=5))
    assert await passed(kept, said, a_request()) == said
    assert list(kept.of(a_request(OTHER), OTHER)) == plain(said)


@pytest.mark.parametrize(
    ("fields", "call"),
    [
        ({"prompt": "Other."}, CALL),
        ({"system": "Be long."}, CALL),
        ({"model": "other"}, CALL),
        ({"provider": "p"}, CALL),
        ({"route": "r@2"}, CALL),
        ({"max_tokens": 10}, CALL),
        ({"stop": ("x",)}, CALL),
        ({"json_schema": "{}"}, CALL),
        ({}, replace(CALL, tenant="other")),
    ],
)
async def test_whatever_decides_an_answer_is_part_of_the_key(kept, fields, call):
    await passed(kept, an_answer("Yes."), a_request())
    assert kept.of(a_request(**fields), call) is None


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        (an_answer("Yes.", finish_reason="length"), {}),
        (an_answer(finish_reason="tool_calls"), {}),
        (an_answer(), {}),
        (an_answer("", ""), {}),
        (an_answer("x", tool_calls=(ToolCall(id="1", name="n", arguments="{}"),)), {}),
        (an_answer(f"It says {canary(CALL.request)[:9]}", canary(CALL.request)[9:]), {}),
        (an_answer("Yes.")[:1], {}),
        (an_answer("Yes."), {"temperature": 0.1}),
        (an_answer("Yes."), {"tools": "[]"}),
    ],
    ids=[
        "cut",
        "tools",
        "nothing",
        "no text",
        "calls",
        "mark",
        "broken off",
        "chance",
        "tools offered",
    ],
)
async def test_what_may_be_another_answer_next_time_is_not_kept(kept, parts, fields):
    assert await passed(kept, parts, a_request(**fields)) == parts
    assert kept.of(a_request(**fields), CALL) is None


async def test_a_forgotten_tenants_answers_are_asked_for_again(kept):
    await passed(kept, an_answer("Yes."), a_request())
    kept.forget_tenant("another")
    assert kept.of(a_request(), CALL) is not None
    kept.forget_tenant(CALL.tenant)
    assert kept.of(a_request(), CALL) is None


async def test_an_answer_of_a_hedge_is_not_kept_as_one_of_the_route_asked_first(kept):
    said = an_answer("Yes.")
    said[0] = structs.replace(said[0], hedged=Hedged(route="r@2", outcome="won", after_ms=5))
    assert await passed(kept, said, a_request()) == said
    assert kept.of(a_request(), CALL) is None


@pytest.mark.parametrize("field", ["prompt", "system"])
@pytest.mark.parametrize("written", [canary(CALL.request), NO_MARK, ""])
async def test_nobody_writes_the_own_mark_into_a_question_to_answer_anothers(kept, field, written):
    """Who gives an idempotency key knows the request's id, and its mark."""
    mine = {field: f"{canary(CALL.request)}\nIs it safe{written} to eat?"}
    theirs = {field: f"{canary(OTHER.request)}\nIs it safe to eat?"}
    await passed(kept, an_answer("Yes."), a_request(**mine))
    assert (kept.of(a_request(OTHER, **theirs), OTHER) is None) == bool(written)
    assert (kept.of(a_request(**mine), CALL) is None) == (written == NO_MARK)


@pytest.mark.parametrize(
    ("parts", "text"), [(100, "word"), (20, "wörter"), (2, "x" * 4_000), (1, "東" * 40_000)]
)
async def test_an_answer_takes_about_as_many_bytes_as_are_counted(parts, text):
    cache = BoundedCache("tests", 10**9, 60.0)
    kept = KeptAnswers(cache)
    await passed(kept, an_answer("first"), a_request())
    before = cache.bytes
    tracemalloc.start()
    try:
        said = an_answer(*(f"{text}{number}" for number in range(parts)))
        await passed(kept, said, a_request(prompt="another"))
        del said
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.7 * taken < cache.bytes - before < 1.5 * taken


async def test_an_answer_after_tools_is_not_kept(kept):
    exchanges = (ToolExchange(id="1", name="n", arguments="{}", result="r"),)
    await passed(kept, an_answer("Yes."), a_request(exchanges=exchanges))
    assert kept.of(a_request(exchanges=exchanges), CALL) is None


async def test_it_is_off_where_no_time_is_given():
    kept = KeptAnswers(BoundedCache("tests", 1_000_000, 0.0))
    await passed(kept, an_answer("Yes."), a_request())
    assert kept.of(a_request(), CALL) is None


async def test_the_connector_asks_no_model_for_what_it_keeps(tmp_path, monkeypatch):
    asked = []

    class Model:
        async def generate(self, request, call):
            asked.append(call.request)
            for part in an_answer("Yes."):
                yield part

        async def close(self):
            """Nothing is held."""

    monkeypatch.setattr(connector_module, "make", lambda *_: Model())
    providers = Providers(Settings(run=tmp_path, answer_cache_s=60.0))
    try:
        for call, cached in ((CALL, False), (OTHER, True), (replace(OTHER, tenant="other"), False)):
            parts, marks = providers.generate(a_request(call), call), []
            for text in ("Yes.", "", None):
                with cache_mark() as mark:
                    part = await anext(parts, None)
                marks.append((mark.cached, mark.asked))
                said = part and "".join(token.text for token in part.tokens)
                assert said == text
            assert marks == [(cached, False)] * 3
    finally:
        await providers.close()
    assert asked == ["r-1", "r-2"]
