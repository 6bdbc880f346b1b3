"""One run of a little step: what it asks as then is answered as then, what it asks otherwise is asked outside."""

import dataclasses

import pytest
from msgspec.structs import replace

from agents.errors import KeyDestroyed, Permanent
from replay.whatif.counterfactual_run import Counterfactual, CounterfactualRun
from replay.whatif.outside import CallCaps, CapReached, Lacking, Outside, SubjectErased
from schemas import (
    Begun,
    Detect,
    Detected,
    Digest,
    Digested,
    Generate,
    Generated,
    Now,
    Numbered,
    Placeholders,
    QuestionRedacted,
    ReadPlaceholders,
    WritePlaceholders,
    Written,
)
from streams.running.world import World
from tests.fake_connectors import FakeAnsweringConnector
from tests.fakes import DIGEST_KEY, NOW_US, a_codec
from tests.replay.little_log import ANSWERS, CONFIGURATION, STEP, asked, fake_run, parts

STATE = Placeholders(entries=(Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d"),))
SCOPE = "s-1"


def detected(_request):
    return Detected(texts=(), model="live")


async def digest(_request, _call):
    return Digested(digests=("d",))


class Held:
    """A step that was run on made-up effects, and is run again on what that left."""

    def __init__(self, function, answers=ANSWERS):
        self.step = dataclasses.replace(STEP, function=function)
        self.fx = fake_run(asked(0), 0, {**answers, WritePlaceholders: lambda _: Written()})
        self.fx.step = self.step
        self.live = FakeAnsweringConnector({Detect: detected, Generate: parts})

    async def again(
        self, function=None, *, local=digest, anew=frozenset(), key=DIGEST_KEY, calls_max=None
    ):
        await self.fx.execute()
        effects = [effect for outcome in self.fx.outcomes for effect in outcome.meta.effects]
        caps = CallCaps(calls_max)
        outside = Outside({Digest: local}, lambda: World((self.live,), 60), caps, backoff_s=0)

        def digest_key():
            if key is None:
                raise Permanent("no key store here")
            return key

        about = Counterfactual(a_codec(), digest_key, lambda _: CONFIGURATION.values, outside, anew)
        begun = a_codec().decode(effects[0].response, Begun)
        outcomes = []
        step = dataclasses.replace(self.step, function=function or self.step.function)
        event = self.fx.input.event
        given = self.fx.input._replace(event=replace(event, ask=replace(event.ask, deadline=1)))
        run = CounterfactualRun(step, given, outcomes.append, about, begun=begun, recorded=effects)
        await run.execute()
        return run, outcomes, about


def answer(event, text):
    return QuestionRedacted(outcome="redacted", subject=event.subject, text=text, ask=event.ask)


async def asks_again(event, fx):
    """Ask as the little step does, but for the language."""
    digested = await fx(Digest(values=(b"a",)))
    known, detected = await fx.gather(
        ReadPlaceholders(scope=event.meta.session), Detect(texts=("x",), language="de")
    )
    yield answer(event, f"{digested.digests[0]} {detected.model} {known.entries}")


async def test_the_same_step_is_answered_by_the_record_to_the_byte():
    held = Held(STEP.function)
    run, outcomes, about = await held.again()
    assert [one.meta for one in outcomes] == [one.meta for one in held.fx.outcomes]
    assert [one.text for one in outcomes] == [one.text for one in held.fx.outcomes]
    assert run.strayed == ""
    assert held.live.calls == []
    assert about.outside.caps.calls == {}


async def test_what_is_asked_otherwise_is_asked_outside_and_told():
    held = Held(STEP.function)
    run, outcomes, _ = await held.again(asks_again)
    assert outcomes[-1].text == "d live ()"
    assert run.strayed.startswith("effect 3 now asks Detect(texts=<1>, language=<2>); the record")
    assert len(held.live.calls) == 1


async def test_nobody_waits_for_an_answer_whose_deadline_passed_long_ago():
    held = Held(STEP.function)
    await held.again(asks_again)
    [call] = held.live.calls
    assert call.deadline == 0
    assert call.tenant == "acme"


async def test_an_equal_request_further_on_is_not_asked_again():
    async def later(event, fx):
        await fx(Detect(texts=("new",), language="en"))
        same = await fx(Detect(texts=("x",), language="en"))
        yield answer(event, same.model)

    held = Held(STEP.function)
    _, outcomes, _ = await held.again(later)
    assert outcomes[-1].text == "m"  # the record's model
    assert len(held.live.calls) == 1


async def test_the_clock_goes_on_from_what_the_calls_before_took():
    async def clocked(event, fx):
        first = await fx(Now())
        await fx(Detect(texts=("x",), language="en"))
        yield answer(event, str((await fx(Now())).at - first.at))

    async def strayed(event, fx):
        first = await fx(Now())
        await fx(Detect(texts=("other",), language="en"))
        second, third = await fx(Now()), await fx(Now())
        assert NOW_US <= first.at <= second.at <= third.at < NOW_US + 60_000_000
        yield answer(event, str(second.at - first.at))

    held = Held(clocked)
    _, outcomes, _ = await held.again(strayed)
    # the recorded second clock would say what it said then, whatever the call took now
    assert outcomes[-1].meta.at >= NOW_US
    assert outcomes[-1].meta.effects[3].kind == "Now"
    assert outcomes[-1].meta.effects[3].response is None


async def test_what_was_written_counts_for_the_rest_of_the_request_and_goes_nowhere():
    async def writes(event, fx):
        await fx(WritePlaceholders(scope=SCOPE, state=STATE))
        yield answer(event, "")

    async def writes_and_reads(event, fx):
        await fx(WritePlaceholders(scope=SCOPE, state=STATE))
        await fx(Detect(texts=("other",), language="en"))
        read = await fx(ReadPlaceholders(scope=SCOPE))
        other = await fx(ReadPlaceholders(scope="another"))
        yield answer(event, f"{read == STATE} {other == Placeholders()}")

    held = Held(writes)
    _, outcomes, about = await held.again(writes_and_reads)
    assert outcomes[-1].text == "True True"
    assert about.assumed == {"ReadPlaceholders"}
    assert about.tables.read(ReadPlaceholders(scope=SCOPE)) == STATE


async def test_a_write_that_the_record_does_not_hold_is_kept_too():
    async def writes(event, fx):
        await fx(WritePlaceholders(scope="new", state=STATE))
        yield answer(event, str((await fx(ReadPlaceholders(scope="new"))) == STATE))

    held = Held(STEP.function)
    _, outcomes, _ = await held.again(writes)
    assert outcomes[-1].text == "True"
    assert held.live.calls == []


async def test_what_is_to_be_asked_anew_is_and_what_it_says_otherwise_is_told():
    held = Held(STEP.function)
    run, outcomes, _ = await held.again(anew=frozenset({Detect, Generate}))
    assert [one.kind for one in run.otherwise] == ["Detect"]
    assert (run.otherwise[0].recorded, run.otherwise[0].now) == ("'m'", "'live'")
    assert run.strayed == ""
    assert "live" in outcomes[-1].text


async def test_a_failure_of_then_is_one_again():
    def broken(_request):
        raise Permanent("too long")

    async def copes(event, fx):
        try:
            await fx(Detect(texts=("x",), language="en"))
        except Permanent as error:
            yield answer(event, str(error))

    held = Held(copes, {**ANSWERS, Detect: broken})
    _, outcomes, about = await held.again()
    assert outcomes[-1].text == "too long"
    assert about.failures == []


async def test_a_failure_of_now_is_the_steps_and_is_told():
    async def copes(event, fx):
        try:
            await fx(Detect(texts=("other",), language="en"))
        except Permanent:
            yield answer(event, "went on")

    def refuse(_request):
        raise Permanent("no such model")

    held = Held(STEP.function)
    held.live = FakeAnsweringConnector({Detect: refuse})
    _, outcomes, about = await held.again(copes)
    assert outcomes[-1].text == "went on"
    assert about.failures == ["Detect: Permanent: no such model"]


async def test_a_stream_that_is_left_early_is_left():
    async def leaves(event, fx):
        async for part in fx.stream(Generate(prompt="other", max_tokens=2)):
            yield answer(event, "".join(token.text for token in part.tokens))
            break

    held = Held(STEP.function)
    _, outcomes, _ = await held.again(leaves)
    assert [outcome.text for outcome in outcomes] == ["one"]
    assert isinstance(parts(None)[0], Generated)


@pytest.mark.parametrize(
    ("error", "kind"), [(KeyDestroyed("gone"), SubjectErased), (Permanent("odd"), Permanent)]
)
async def test_a_key_that_is_gone_ends_the_request(error, kind):
    async def gone(_request, _call):
        raise error

    held = Held(STEP.function)
    with pytest.raises(kind):
        await held.again(local=gone)


async def test_without_the_key_of_digests_a_personal_request_can_not_be_compared():
    held = Held(STEP.function)
    with pytest.raises(Lacking, match="no key store here"):
        await held.again(key=None)


async def test_what_ends_a_run_among_several_calls_leaves_none_behind():
    async def several(event, fx):
        await fx.gather(
            Detect(texts=("one",), language="en"),
            Detect(texts=("two",), language="en"),
            Detect(texts=("three",), language="en"),
        )
        yield answer(event, "")

    held = Held(STEP.function)
    with pytest.raises(CapReached):
        await held.again(several, calls_max=1)
    assert len(held.live.calls) == 1


async def test_calls_at_once_begin_at_one_time_of_the_runs_clock():
    async def several(event, fx):
        await fx.gather(
            Detect(texts=("one",), language="en"), Detect(texts=("two",), language="en")
        )
        yield answer(event, "")

    held = Held(STEP.function)
    _, outcomes, _ = await held.again(several)
    begun, one, two = outcomes[-1].meta.effects
    assert begun.kind == "Begin"
    assert one.started == two.started
