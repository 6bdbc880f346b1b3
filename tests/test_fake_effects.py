"""Fakes keep the contracts of what they replace: whatever a step does, fake and live effects record the same."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agents.errors import Permanent, Transient
from bench.trivial_steps import AskingSteps
from schemas import (
    Ask,
    Begun,
    ChunksRetrieved,
    Embed,
    Embedded,
    Fetch,
    Generate,
    Generated,
    GeneratedToken,
    Now,
    QueryRewritten,
    Unseal,
    Unsealed,
)
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import World
from streams.topics import step, topic_of
from tests.fake_connectors import FakeAnsweringConnector, FakeTriton, FakeWeaviate
from tests.fakes import DIGEST_KEY, NOW_US, FakeEffects, a_codec, a_meta

EVENT = QueryRewritten(
    meta=a_meta(), outcome="rewritten", subject="u", question="q", query="q", ask=Ask()
)
OUTCOME = ChunksRetrieved(outcome="retrieved", subject="u", question="q", query="q", ask=Ask())
PART = Generated(tokens=(GeneratedToken(text="t", at_us=0),), model="m")
LAST = Generated(tokens=(), model="m", last=True)


def embedded(request):
    """Answer, or fail as the text says."""
    [text] = request.texts
    if text == "away":
        raise Transient("the service is away")
    if text == "refused":
        raise Permanent("the service refuses")
    return Embedded(vectors=(text.encode(),), model="m", dimensions=1)


def generated(request):
    """Answer in as many parts as the prompt says; an error may be among them."""
    if request.prompt == "away":
        raise Transient("the service is away")
    if request.prompt == "breaks":
        return [PART, Transient("the stream broke"), LAST]
    return [PART] * int(request.prompt) + [LAST]


ANSWERS = {Embed: embedded, Generate: generated, Unseal: lambda _: Unsealed(values=())}


def fake(function):
    fx = FakeEffects("retrieve", EVENT, ANSWERS)
    fx.step = replace(fx.step, function=function)
    return fx, fx.outcomes


def live(function, *connectors):
    emitted = []
    begun = Begun(at=NOW_US, attempt=1, code="test", configuration="c", trace="")
    run = LiveRun(
        replace(step("retrieve"), function=function),
        Input(EVENT, topic_of(EVENT), 0, 0),
        emitted.append,
        world=World(connectors or (FakeAnsweringConnector(ANSWERS),), timeout_s=5),
        codec=a_codec(),
        digest_key=DIGEST_KEY,
        begun=begun,
        configuration={"c": {}},
    )
    return run, emitted


def without_times(meta):
    effects = tuple(structs.replace(effect, started=0, took_us=0) for effect in meta.effects)
    return structs.replace(meta, at=0, effects=effects)


async def ran(make, function):
    """Return how a run ended, and what it left on the log but for times."""
    run, emitted = make(function)
    try:
        await run.execute()
    except (Transient, Permanent) as error:
        end = f"{type(error).__name__}: {error}"
    else:
        end = "done"
    return end, [without_times(event.meta) for event in emitted]


async def same(function):
    """Run a step by fake and by live effects; return the one result."""
    end, metas = await ran(fake, function)
    assert (end, metas) == await ran(live, function)
    return end, metas


def asking(*doings):
    """Return a step that does one thing after the other and yields after each."""

    async def function(_event, fx):
        for doing in doings:
            with contextlib.suppress(Transient, Permanent):
                await doing(fx)
            yield OUTCOME

    return function


def embed(text):
    async def ask(fx):
        await fx(Embed(texts=(text,), kind="query"))

    return ask


def gather(*texts):
    async def ask(fx):
        await fx.gather(*(Embed(texts=(text,), kind="query") for text in texts))

    return ask


def stream(prompt, *, leave_after=None):
    async def ask(fx):
        count = 0
        async for _ in fx.stream(Generate(prompt=prompt, max_tokens=9)):
            count += 1
            if count == leave_after:
                break

    return ask


async def unseal(fx):
    await fx(Unseal(values=()))


async def unknown(fx):
    await fx(Fetch(chunks=()))


async def nothing(_fx):
    pass


texts = st.sampled_from(["a", "b", "away", "refused"])
doings = st.one_of(
    texts.map(embed),
    st.lists(texts, max_size=4).map(lambda many: gather(*many)),
    st.builds(
        stream,
        st.sampled_from(["0", "1", "3", "away", "breaks"]),
        leave_after=st.none() | st.integers(1, 3),
    ),
    st.sampled_from([unseal, unknown, nothing]),
)


@given(st.lists(doings, min_size=1, max_size=6))
async def test_whatever_a_step_asks_is_numbered_and_recorded_alike(some):
    end, metas = await same(asking(*some))
    if end == "done":
        assert len(metas) == len(some)
        assert [meta.last for meta in metas] == [False] * (len(some) - 1) + [True]


async def test_effects_are_numbered_in_the_order_in_which_they_are_asked():
    _, metas = await same(asking(embed("a"), gather("b", "away", "c"), stream("2")))
    numbers = [[(e.number, e.part) for e in meta.effects] for meta in metas]
    assert numbers == [[(0, 0), (1, 0)], [(2, 0), (3, 0), (4, 0)], [(5, 0), (5, 1), (5, 2)]]


async def test_a_request_that_nobody_answers_is_refused_for_good():
    end, _ = await same(lambda _event, fx: _raising(unknown(fx)))
    assert end.startswith("Permanent: no connector answers Fetch")


async def test_a_stream_that_nobody_answers_is_refused_for_good():
    async def reading(fx):
        fx_stream = fx.stream(Generate(prompt="1", max_tokens=1))
        async for _ in fx_stream:
            pass

    known = ANSWERS.pop(Generate)
    try:
        end, _ = await same(lambda _event, fx: _raising(reading(fx)))
    finally:
        ANSWERS[Generate] = known
    assert end.startswith("Permanent: no connector answers Generate")


async def _raising(asked):
    await asked
    yield OUTCOME


@pytest.mark.parametrize(
    ("prompt", "parts", "errors"), [("0", 1, 0), ("2", 3, 0), ("breaks", 2, 1), ("away", 1, 1)]
)
async def test_a_stream_ends_after_its_last_part_or_its_error(prompt, parts, errors):
    _, [meta] = await same(asking(stream(prompt)))
    _begin, *effects = meta.effects
    assert len(effects) == parts
    assert [bool(effect.error) for effect in effects].count(True) == errors
    assert [bool(effect.request) for effect in effects] == [True] + [False] * (parts - 1)


async def test_of_a_local_effect_only_a_digest_is_kept():
    _, [meta] = await same(asking(unseal))
    effect = meta.effects[-1]
    assert effect.response is None
    assert effect.digest


async def test_the_clock_stands_still_but_can_be_asked():
    times = []

    async def ask(fx):
        times.append((await fx(Now())).at)

    fx, _ = fake(asking(ask))
    await fx.execute()
    run, _ = live(asking(ask))
    await run.execute()
    assert times[0] == NOW_US < times[1]


async def test_fake_connectors_answer_all_that_trivial_steps_ask_of_models_and_index():
    run, emitted = live(AskingSteps().function("retrieve"), FakeTriton(), FakeWeaviate())
    await run.execute()
    assert [effect.kind for effect in emitted[0].meta.effects] == ["Begin", "Embed", "Search"]


async def test_outcomes_of_a_step_are_stamped_in_order():
    async def twice(_event, _fx):
        yield OUTCOME
        yield OUTCOME

    fx, emitted = fake(twice)
    await fx.execute()
    assert [event.meta.ordinal for event in emitted] == [0, 1]
    assert [event.meta.last for event in emitted] == [False, True]
