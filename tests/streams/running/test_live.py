"""Live effects: what is asked of whom, and what the record keeps of it."""

import threading

import pytest

from agents.errors import KeyDestroyed, Permanent, Transient, Unforeseen
from replay.effect_rules import against_effect
from schemas import (
    Ask,
    Begun,
    CountTokens,
    Embed,
    Embedded,
    EventRejected,
    Failed,
    Generate,
    Generated,
    GeneratedToken,
    Instant,
    Now,
    Parse,
    Parsed,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    TokenCounts,
    Unseal,
    Unsealed,
)
from streams.log.clock import now_us
from streams.log.codec import body
from streams.running.cache_mark import mark_cached
from streams.running.digests import request_digest, response_digest, with_version
from streams.running.live import ASIDE_PARTS, LiveRun, error_text
from streams.running.run import Input
from streams.running.world import World
from streams.topics import Step, topic_of
from tests.fake_connectors import FakeAnsweringConnector, FakeConnector
from tests.fakes import a_codec, a_meta

KEY = b"a digest key of thirty-two bytes"
TEXT = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
ASKED = QuestionAsked(
    meta=a_meta(lane=1, session="s-9"), subject="u", text=TEXT, ask=Ask(deadline=0)
)
GIVEN = Input(ASKED, topic_of(QuestionAsked), 1, 5)
BEGUN = Begun(at=100, attempt=1, code="1.0", configuration="digest", trace="t")
EMBED = Embed(texts=("t",), kind="query")
PARSED = Parsed(blocks=(), parser="plain", parser_version="9.1")
UNSEAL = Unseal(values=(TEXT,))
GENERATE = Generate(prompt="p", max_tokens=1)
CODEC = a_codec()


def failing(error):
    def answer(_):
        raise error

    return answer


def a_run(function, connector=None):
    emitted = []
    run = LiveRun(
        Step("redact", function, {QuestionAsked: (QuestionRedacted,)}),
        GIVEN,
        emitted.append,
        world=World((connector or FakeAnsweringConnector({}),), timeout_s=10),
        codec=CODEC,
        digest_key=KEY,
        begun=BEGUN,
        configuration={"digest": {"a": 1}},
    )
    return run, emitted


async def effects_of(request, connector=None):
    """The effects that one request leaves in the record, Begin left out, and what the step saw."""
    seen = []

    async def step(event, fx):
        try:
            seen.append(await fx(request))
        except (Transient, Permanent) as error:
            seen.append(error)
        yield an_outcome()

    run, emitted = a_run(step, connector)
    await run.execute()
    return emitted[0].meta.effects[1:], seen[-1]


def an_outcome():
    return QuestionRedacted(outcome="redacted", subject="u", text="", entries=(), ask=Ask())


def a_rejection(failed, meta):
    return EventRejected(
        meta=meta, topic="t", partition=0, offset=0, step="redact", error=failed.error,
        message=failed.message, attempts=failed.attempts,
    )  # fmt: skip


async def test_the_response_of_a_recorded_effect_is_kept_and_can_be_read_again():
    embedded = Embedded(vectors=(b"1234",), model="bge@1", dimensions=1)
    [effect], seen = await effects_of(EMBED, FakeAnsweringConnector({Embed: lambda _: embedded}))
    assert seen == embedded
    assert CODEC.decode(effect.response, Embedded) == embedded
    assert (effect.kind, effect.number, effect.part, effect.model) == ("Embed", 1, 0, "bge@1")
    assert (effect.request, effect.digest, effect.error) == (request_digest(EMBED, KEY), b"", "")


@pytest.mark.parametrize("cached", [True, False])
async def test_an_answer_that_was_kept_from_before_says_so_and_is_the_same_record(cached):
    embedded = Embedded(vectors=(b"1234",), model="bge@1", dimensions=1)

    def answer(_):
        if cached:
            mark_cached()
        return embedded

    [effect], seen = await effects_of(EMBED, FakeAnsweringConnector({Embed: answer}))
    assert seen == embedded
    assert effect.cached == cached
    assert CODEC.decode(effect.response, Embedded) == embedded


async def test_what_was_kept_and_no_record_can_hold_is_an_error_and_no_kept_answer():
    """Verify takes an effect for broken that has an error and says that it was kept."""

    def answer(_):
        mark_cached()
        return Embedded(vectors=(b"1234",), model="\ud800", dimensions=1)

    async def step(event, fx):
        await fx(EMBED)
        yield an_outcome()

    run, emitted = a_run(step, FakeAnsweringConnector({Embed: answer}))
    with pytest.raises(Unforeseen) as caught:
        await run.execute()
    run.fail_with(Failed(error="Unforeseen", message="", traceback="", attempts=1))
    await run.reject(a_rejection)
    _, effect, _ = emitted[0].meta.effects
    assert (effect.error, effect.cached) == ("Unforeseen: UnicodeEncodeError", False)
    assert not against_effect(effect, EMBED, caught.value, effect)


async def test_a_mark_is_that_of_one_call_whatever_is_asked_at_once():
    embedded = Embedded(vectors=(b"1234",), model="bge@1", dimensions=1)
    other = Embed(texts=("other",), kind="query")

    def answer(request):
        if request == EMBED:
            mark_cached()
        return embedded

    async def step(event, fx):
        await fx.gather(other, EMBED, other)
        await fx(other)
        yield an_outcome()

    run, emitted = a_run(step, FakeAnsweringConnector({Embed: answer}))
    await run.execute()
    assert [one.cached for one in emitted[0].meta.effects[1:]] == [False, True, False, False]


async def test_of_a_local_effect_only_a_digest_is_kept():
    unsealed = Unsealed(values=(b"the secret",))
    [effect], seen = await effects_of(UNSEAL, FakeAnsweringConnector({Unseal: lambda _: unsealed}))
    assert seen == unsealed
    assert effect.response is None
    assert effect.digest == response_digest(unsealed, KEY)
    assert b"the secret" not in body(effect)


@pytest.mark.parametrize(
    ("request_", "response", "told"),
    [
        (Parse(media_type="text/plain", content=b""), PARSED, "9.1"),
        (CountTokens(texts=()), TokenCounts(counts=(), version="t 1"), "t 1"),
        (UNSEAL, Unsealed(values=()), ""),
        (EMBED, Embedded(vectors=(), model="m", dimensions=1), ""),
    ],
)
async def test_versions_of_what_answered_stand_beside_the_digest(request_, response, told):
    answering = FakeAnsweringConnector({type(request_): lambda _: response})
    [effect], seen = await effects_of(request_, answering)
    assert (effect.version, seen) == (told, response)
    if told:
        assert effect.digest == response_digest(with_version(response, "other"), KEY)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Transient("away"), "Transient: away"),
        (Permanent("never"), "Permanent: never"),
        (KeyDestroyed("gone"), "KeyDestroyed: gone"),
    ],
)
async def test_an_error_is_recorded_by_its_kind_and_message(error, text):
    for request in (EMBED, UNSEAL):
        connector = FakeAnsweringConnector({type(request): failing(error)})
        [effect], seen = await effects_of(request, connector)
        assert seen is error
        assert effect.error == text == error_text(error)
        assert (effect.response, effect.digest) == (None, b"")


def test_a_transient_error_is_recorded_as_such_whatever_its_class():
    class Overloaded(Transient):
        pass

    assert error_text(Overloaded("busy")) == "Transient: busy"


async def test_the_clock_is_read_by_the_run_itself():
    before = now_us()
    connector = FakeAnsweringConnector({})
    [effect], seen = await effects_of(Now(), connector)
    assert before <= seen.at <= now_us()
    assert (effect.started, effect.took_us, connector.calls) == (seen.at, 0, [])
    assert CODEC.decode(effect.response, Instant) == seen


async def test_a_connector_learns_on_whose_behalf_it_is_asked():
    connector = FakeAnsweringConnector(
        {Embed: lambda _: Embedded(vectors=(), model="m", dimensions=0)}
    )
    await effects_of(EMBED, connector)
    call = connector.calls[0]
    assert (call.tenant, call.lane, call.request, call.session) == ("acme", 1, "r-1", "s-9")
    assert (call.event, call.topic, call.offset) == (ASKED.meta.id, topic_of(QuestionAsked), 5)
    assert call.deadline == 0


async def test_an_effect_lies_between_the_moments_before_and_after_it():
    inside = []

    def embedded(_):
        inside.append(now_us())
        return Embedded(vectors=(), model="m", dimensions=0)

    before = now_us()
    [effect], _ = await effects_of(EMBED, FakeAnsweringConnector({Embed: embedded}))
    assert before <= effect.started <= inside[0] <= now_us()
    assert effect.took_us >= 0


async def streamed(*parts):
    """The effects of a streamed request, Begin left out, the parts and the error that came."""
    seen, connector = [], FakeAnsweringConnector({Generate: lambda _: parts})

    async def step(event, fx):
        try:
            async for part in fx.stream(GENERATE):
                seen.append(part)
        except (Transient, Permanent) as error:
            seen.append(error)
        yield an_outcome()

    run, emitted = a_run(step, connector)
    await run.execute()
    return emitted[0].meta.effects[1:], seen


async def test_each_part_of_a_stream_is_kept_and_the_request_digested_once():
    parts = [
        Generated(tokens=(GeneratedToken(text=text, at_us=1),), model="chat@1") for text in "ab"
    ]
    effects, seen = await streamed(*parts)
    assert seen == parts
    assert [(effect.number, effect.part) for effect in effects] == [(1, 0), (1, 1)]
    assert [effect.request for effect in effects] == [request_digest(GENERATE, KEY), b""]
    assert [CODEC.decode(effect.response, Generated) for effect in effects] == parts
    assert {effect.model for effect in effects} == {"chat@1"}


async def test_all_parts_of_a_stream_that_was_kept_from_before_say_so():
    class Kept(FakeConnector):
        def stream_handlers(self):
            return {Generate: self.generate}

        async def generate(self, _request, _call):
            mark_cached()
            for _ in range(3):
                yield Generated(tokens=())

    async def step(event, fx):
        async for _ in fx.stream(GENERATE):
            pass
        yield an_outcome()

    run, emitted = a_run(step, Kept())
    await run.execute()
    assert [one.cached for one in emitted[0].meta.effects[1:]] == [True] * 3


async def test_a_stream_that_breaks_off_keeps_what_came_and_the_error():
    part = Generated(tokens=())
    effects, [first, error] = await streamed(part, Transient("gone"))
    assert first == part
    assert str(error) == "gone"
    assert [(effect.part, effect.error) for effect in effects] == [(0, ""), (1, "Transient: gone")]


async def test_a_stream_without_a_part_leaves_nothing():
    assert await streamed() == ((), [])


async def test_the_step_sees_the_circumstances_that_the_run_was_given():
    async def step(event, fx):
        assert (fx.began_us, fx.configuration) == (100, {"a": 1})
        yield an_outcome()

    run, _ = a_run(step)
    await run.execute()


async def test_a_run_that_is_given_up_says_why():
    async def step(event, fx):
        raise Permanent("never")
        yield

    run, emitted = a_run(step)
    with pytest.raises(Permanent):
        await run.execute()
    failure = Failed(error="Permanent", message="never", traceback="", attempts=4)
    run.fail_with(failure)
    await run.reject(a_rejection)
    [rejected] = emitted
    assert (rejected.message, rejected.attempts, rejected.meta.last) == ("never", 4, True)
    begin, fail = rejected.meta.effects
    assert (begin.kind, fail.kind) == ("Begin", "Fail")
    assert CODEC.decode(fail.response, Failed) == failure


@pytest.mark.parametrize("parts", [3, ASIDE_PARTS])
async def test_what_takes_long_to_spell_is_spelt_beside_the_loop_to_the_same_digests(
    monkeypatch, parts
):
    spelt = []
    for spell in (request_digest, response_digest):

        def spelling(*args, spell=spell):
            spelt.append(threading.current_thread() is threading.main_thread())
            return spell(*args)

        monkeypatch.setattr(f"streams.running.live.{spell.__name__}", spelling)
    request = CountTokens(texts=("a",) * parts)
    answer = TokenCounts(counts=(1,) * parts, version="v")
    connector = FakeAnsweringConnector({CountTokens: lambda _: answer})
    [effect], _ = await effects_of(request, connector)
    assert effect.request == request_digest(request, KEY)
    assert effect.digest == response_digest(answer, KEY)
    assert spelt[-2:] == [parts < ASIDE_PARTS] * 2
