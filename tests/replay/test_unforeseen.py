"""An error that nobody foresaw leaves a record too, and the step runs again to the same end."""

import contextlib
import dataclasses

import pytest

from agents.errors import Permanent, Transient, Unforeseen
from replay.log import Stored
from replay.rerun import Reruns
from replay.rules import Attempt, StoredOutcome
from schemas import (
    Begun,
    Digest,
    Digested,
    Embed,
    EventRejected,
    Generate,
    Generated,
    GeneratedToken,
    Instant,
    QuestionRedacted,
)
from streams.delivery.failure_reasons import failed
from streams.running.admit import rejection
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import World
from streams.version import CODE
from tests.fake_connectors import FakeAnsweringConnector
from tests.fakes import DIGEST_KEY, a_codec
from tests.replay.little_log import ASKED, REDACTED, STEP, asked, digest

BEGUN = Begun(at=100, attempt=1, code=CODE, configuration="c", trace="t")
CODEC = a_codec()
GIVEN = Input(asked(0), ASKED, 0, 0)
SECRET = "Ada's secret"
PLAIN = Embed(texts=("x",), kind="query")


def breaks(error):
    def answer(_request):
        raise error

    return answer


def outcome(text="t"):
    return QuestionRedacted(outcome="redacted", subject="u", text=text, ask=asked(0).ask)


async def asks_one(event, fx):
    await fx(PLAIN)
    yield outcome()


async def asks_both(event, fx):
    await fx.gather(Digest(values=(b"a",)), PLAIN, Digest(values=(b"b",)))
    yield outcome()


async def asks_for_parts(event, fx):
    async for part in fx.stream(Generate(prompt="p", max_tokens=2)):
        yield outcome(part.tokens[0].text)


async def goes_on(event, fx):
    """Catch what a step may catch: an unforeseen error is none of it."""
    with contextlib.suppress(Transient, Permanent, ValueError):
        await fx(PLAIN)
    yield outcome()


async def asks_without_form(event, fx):
    await fx(Embed(texts=("\ud800",), kind="query"))
    yield outcome()


async def asks_parts_without_form(event, fx):
    async for _ in fx.stream(Generate(prompt="\ud800", max_tokens=2)):
        yield outcome()


GOOD = {Digest: lambda _: Digested(digests=("d",)), PLAIN.__class__: breaks(ValueError(SECRET))}
PARTS = [Generated(tokens=(GeneratedToken(text="one", at_us=1),)), ValueError(SECRET)]
CASES = {
    "alone": (asks_one, GOOD, "Unforeseen: ValueError"),
    "among others": (asks_both, GOOD, "Unforeseen: ValueError"),
    "amid parts": (asks_for_parts, {Generate: lambda _: PARTS}, "Unforeseen: ValueError"),
    "before parts": (asks_for_parts, {Generate: lambda _: PARTS[1:]}, "Unforeseen: ValueError"),
    "not caught": (goes_on, GOOD, "Unforeseen: ValueError"),
    "another answer": (asks_one, {Embed: lambda _: Instant(at="x")}, "Unforeseen: TypeError"),
    "an answer that can't be spelt": (
        asks_for_parts,
        {Generate: lambda _: [Generated(tokens=(), model="\ud800")]},
        "Unforeseen: UnicodeEncodeError",
    ),
    "a request that can't be spelt": (asks_without_form, GOOD, "Unforeseen: UnicodeEncodeError"),
    "parts of such": (asks_parts_without_form, {Generate: lambda _: PARTS}, "Unforeseen: UnicodeEncodeError"),
}  # fmt: skip


async def on_record(function, answers):
    """Run a step live to its dead letter; return its outcomes."""
    emitted, connector = [], FakeAnsweringConnector(answers)
    step = dataclasses.replace(STEP, function=function)
    run = LiveRun(
        step, GIVEN, emitted.append, world=World((connector,), timeout_s=10), codec=CODEC,
        digest_key=DIGEST_KEY, begun=BEGUN, configuration={"c": {}},
    )  # fmt: skip
    with pytest.raises(Unforeseen) as raised:
        await run.execute()
    run.fail_with(failed(raised.value, 1))
    await run.reject(rejection(step.name, GIVEN, b"acme", CODEC.encode(GIVEN.event)))
    return step, emitted, connector


@pytest.mark.parametrize("name", CASES)
async def test_whatever_leaves_the_world_is_recorded_and_leads_to_the_same_dead_letter(name):
    function, answers, error = CASES[name]
    step, emitted, _ = await on_record(function, answers)
    letter = emitted[-1]
    assert isinstance(letter, EventRejected)
    assert letter.error == error.removeprefix("Unforeseen: ")
    effects = [effect for one in emitted for effect in one.meta.effects]
    assert error in [effect.error for effect in effects]
    assert sorted({effect.number for effect in effects}) == list(
        range(len({e.number for e in effects}))
    )
    assert SECRET not in repr(emitted)
    rerun = await again(step, emitted)
    assert (list(rerun.computed), rerun.reason, rerun.lack) == (emitted, "", "")


async def again(step, emitted):
    reruns = Reruns(CODEC, {Digest: digest}, lambda _: DIGEST_KEY, lambda _: {})
    value = CODEC.encode(GIVEN.event)
    left = [
        StoredOutcome(Stored(REDACTED, 0, 0, 0, b"acme", CODEC.encode(e), ()), e) for e in emitted
    ]
    stored = Stored(ASKED, 0, 0, 0, b"acme", value, ())
    return await reruns.rerun(step, GIVEN, stored, Attempt(left, superseded=False))


async def test_nobody_is_asked_what_no_record_can_hold():
    _, _, connector = await on_record(asks_without_form, {Embed: breaks(AssertionError())})
    assert connector.calls == []


async def test_a_request_that_has_a_form_can_not_stand_there_without_a_digest():
    _, emitted, _ = await on_record(asks_without_form, GOOD)
    rerun = await again(dataclasses.replace(STEP, function=asks_one), emitted)
    assert "effect 1 (Embed) has a digest of 0 bytes" in rerun.reason


async def test_the_dead_letter_tells_where_the_connector_broke_and_where_it_was_asked():
    _, emitted, _ = await on_record(asks_one, GOOD)
    assert "in asks_one" in emitted[-1].traceback
    assert emitted[-1].traceback.endswith("in answer")
    assert emitted[-1].message.startswith("a mistake in the code at ")
