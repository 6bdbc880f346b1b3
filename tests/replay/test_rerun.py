"""Running the step of one attempt again: what came of it, and why it stopped where it did."""

import dataclasses
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from agents.errors import BeyondMeans, HeldTooLong, KeyDestroyed, Permanent
from replay.log import Stored
from replay.rerun import HELD, Reruns
from replay.rules import Attempt
from schemas import Digest, Digested, Event, Failed, Generate, QuestionRedacted
from streams.running.admit import (
    IDENTITY_CHARS_MAX,
    OUTCOME_BYTES_MAX,
    rejection,
    unreadable,
)
from streams.running.run import stamped
from streams.version import CODE
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec
from tests.replay.little_log import ANSWERS, ASKED, CONFIGURATION, STEP, asked, digest, fake_run

KEY, VALUE = b"acme", a_codec().encode(asked(0))
STORED = Stored(ASKED, 0, 0, 0, KEY, VALUE, ())
FAILED = Failed(error="Permanent", message="no more of it", traceback="t", attempts=1)
UNFIT = Failed(
    error="RecordTooLarge",
    message="QuestionRedacted would take 1000001 bytes, a record holds 1000000: cut it smaller",
    traceback="t",
    attempts=1,
)


class Left(NamedTuple):
    """An outcome, as far as a rerun looks at it."""

    event: Event


def attempt_of(events, superseded=False):
    return Attempt([Left(event) for event in events], superseded)


async def on_record(answers=ANSWERS, function=STEP.function, failure=FAILED):
    """Run the step as the runner does; return its outcomes, the dead letter included."""
    run = fake_run(asked(0), 0, answers)
    run.step = dataclasses.replace(STEP, function=function)
    run.failure = failure
    try:
        await run.execute()
    except Permanent:
        await run.reject(rejection(STEP.name, run.input, KEY, VALUE))
    return run.outcomes


async def again(outcomes, *, function=STEP.function, given=None, stored=STORED, **known):
    """Run it again over what it left; `known` is what a Reruns may be told."""
    known = {
        "local": {Digest: digest},
        "digest_key": lambda _: DIGEST_KEY,
        "configuration": {CONFIGURATION.digest: CONFIGURATION.values}.__getitem__,
        **known,
    }
    step = dataclasses.replace(STEP, function=function)
    given = given or fake_run(asked(0), 0).input
    return await Reruns(a_codec(), **known).rerun(step, given, stored, attempt_of(outcomes))


def refuse(_request):
    raise Permanent("no more of it")


FAILING = {**ANSWERS, Generate: refuse}


@pytest.mark.parametrize("answers", [ANSWERS, FAILING], ids=["to its end", "given up"])
async def test_what_a_step_left_is_what_it_comes_to_again(answers):
    outcomes = await on_record(answers)
    rerun = await again(outcomes)
    assert (list(rerun.computed), rerun.reason, rerun.erased) == (outcomes, "", False)


async def test_the_key_for_digests_is_the_tenants_of_the_input():
    asked_for = []

    def key_of(tenant):
        asked_for.append(tenant)
        return DIGEST_KEY

    await again(await on_record(), digest_key=key_of)
    assert asked_for == ["acme"]
    other = await again(await on_record(), digest_key=lambda _: b"another key of thirty-two bytes.")
    assert "effect 1 (Digest) asks for something else" in other.reason


async def test_a_step_that_was_ended_since_it_never_ended_is_not_run_again():
    *_, letter = await on_record(FAILING)
    ran = []

    async def endless(event, fx):
        ran.append(event)
        yield

    held = replace(letter, error=HeldTooLong.__name__)
    rerun = await again([held], function=endless)
    assert (list(rerun.computed), rerun.lack, ran) == ([], HELD, [])


async def test_an_attempt_that_was_cut_off_comes_as_far_as_its_record():
    first, *_ = await on_record()
    rerun = await again([first])
    assert (list(rerun.computed), rerun.reason, rerun.erased) == ([first], "", False)


async def test_a_step_that_needs_a_destroyed_key_is_erased_and_not_diverged():
    async def destroyed(_request, _call):
        raise KeyDestroyed("erased")

    rerun = await again(await on_record(), local={Digest: destroyed})
    assert rerun.erased
    assert rerun.reason == ""


async def test_a_local_effect_that_gives_something_else_is_the_reason():
    async def other(_request, _call):
        return Digested(digests=("other",))

    rerun = await again(await on_record(), local={Digest: other})
    assert rerun.reason == "effect 1 (Digest) gives another response than recorded"
    assert not rerun.erased


async def test_a_step_that_gives_up_today_says_what_stopped_it():
    async def breaks(event, fx):
        async for outcome in STEP.function(event, fx):
            yield outcome
            raise ZeroDivisionError("of today")

    rerun = await again(await on_record(), function=breaks)
    assert rerun.reason == "redact now gives up: ZeroDivisionError: of today"


async def test_a_step_that_no_longer_gives_up_leaves_the_effects_of_its_failure_unused():
    outcome, *_ = await on_record()

    async def patient(event, fx):
        try:
            async for _ in STEP.function(event, fx):
                pytest.fail("the record says that it gave up")
        except Permanent:
            yield outcome

    rerun = await again(await on_record(FAILING), function=patient)
    assert rerun.reason == "1 recorded effects were not asked for"


async def test_effects_that_nobody_asks_for_are_counted():
    first, *rest = await on_record()
    more = tuple(replace(first.meta.effects[1], number=9, part=part) for part in range(2))
    changed = stamped(first, replace(first.meta, effects=(*first.meta.effects, *more)))
    rerun = await again([changed, *rest])
    assert rerun.reason == "2 recorded effects were not asked for"


async def test_the_configuration_is_the_one_that_the_record_names():
    rerun = await again(
        await on_record(), configuration={CONFIGURATION.digest: {"greeting": "other"}}.__getitem__
    )
    assert rerun.computed[-1].text.startswith("other ")


async def given_up(failure, attempt=2):
    """Return the letter of a run that asked for nothing."""
    run = fake_run(asked(0), 0, attempt=attempt)
    run.failure = failure
    await run.begin()
    await run.reject(rejection(STEP.name, run.input, KEY, VALUE))
    return run.outcomes


async def test_an_outcome_that_fitted_no_record_is_rejected_again_where_the_machinery_gave_up():
    letter = await given_up(UNFIT)
    rerun = await again(letter)
    assert (list(rerun.computed), rerun.reason, rerun.lack) == (letter, "", "")


@pytest.mark.parametrize(
    ("failure", "attempt", "says"),
    [
        (UNFIT, 1, "no run before had one"),
        (replace(UNFIT, message="too large"), 2, "not one that its step writes"),
        (replace(UNFIT, message=UNFIT.message.replace("Question", "Chunks")), 2, "not one that"),
        (replace(UNFIT, message=UNFIT.message.replace("1000001", "9")), 2, "not one that its"),
    ],
)
async def test_that_an_outcome_did_not_fit_is_believed_only_where_it_can_be_true(
    failure, attempt, says
):
    assert says in (await again(await given_up(failure, attempt))).reason


async def test_another_reason_of_a_run_that_asked_for_nothing_can_not_be_shown():
    assert "gave up because of Permanent" in (await again(await given_up(FAILED))).lack


@pytest.mark.parametrize("size", [10, OUTCOME_BYTES_MAX])
async def test_a_step_that_asks_for_nothing_shows_whether_its_outcome_fits(size):
    async def writes(event, fx):
        yield QuestionRedacted(outcome="redacted", subject="u", text="x" * size, ask=event.ask)

    letter = await given_up(UNFIT)
    rerun = await again(letter, function=writes)
    if size < OUTCOME_BYTES_MAX:
        assert rerun.reason == "1 recorded effects were not asked for"
    else:
        assert (list(rerun.computed), rerun.reason) == (letter, "")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"error": "KeyDestroyed"}, "it says KeyDestroyed, and the step gives up because of Perm"),
        ({"message": "something else"}, "its message is not that of the effect that failed"),
        ({"attempts": 2}, "it says 2 tries, and its run is number 1"),
        ({"attempts": 0}, "it says 0 tries"),
    ],
)
async def test_a_letter_says_why_its_step_gave_up(fields, says):
    *before, letter = await on_record(FAILING, failure=replace(FAILED, **fields))
    assert says in (await again([*before, letter])).reason


async def test_an_attempt_that_ends_in_a_failure_ends_in_a_letter():
    whole, (letter,) = await on_record(), await on_record(FAILING)
    assert "it is no dead letter" in (await again([stamped(whole[0], letter.meta)])).reason


@pytest.mark.parametrize("error", ["Undecodable", "WrongTenant", "Permanent"])
async def test_a_record_that_reached_no_step_is_rejected_again_with_its_own_bytes(error):
    given = unreadable(ASKED, 0, 0)
    outcomes = []
    run = FakeEffects("redact", asked(0), {}, CONFIGURATION.values)
    run.step, run.input, run.failure = STEP, given, replace(FAILED, error=error)
    run.configuration_digest, run.outcomes = CONFIGURATION.digest, outcomes
    run._emit = outcomes.append
    await run.begin()
    await run.reject(rejection(STEP.name, given, b"key", b"no record"))
    stored = dataclasses.replace(STORED, key=b"key", value=b"no record")

    def nobodys(tenant):
        pytest.fail(f"it belongs to nobody, and not to {tenant!r}")

    rerun = await again(outcomes, given=given, stored=stored, digest_key=nobodys)
    assert [(one.key, one.value) for one in rerun.computed] == [(b"key", b"no record")]
    assert bool(rerun.reason) is (error == "Permanent")


async def test_what_a_step_of_then_did_by_no_rule_is_unverifiable():
    async def unruled(event, fx):
        raise BeyondMeans("as deep as a stack let")
        yield

    rerun = await again(await on_record(), function=unruled)
    assert rerun.lack == "redact can't be run again: as deep as a stack let"


@pytest.mark.parametrize(("code", "admitted"), [("0.1.0", True), (CODE, False)])
async def test_an_input_is_admitted_by_the_bounds_that_its_outcomes_code_had(code, admitted):
    event = stamped(asked(0), replace(asked(0).meta, request="r" * IDENTITY_CHARS_MAX))
    run = fake_run(event, 0)
    run.code = code
    await run.execute()
    stored = Stored(ASKED, 0, 0, 0, KEY, a_codec().encode(event), ())
    rerun = await again(run.outcomes, given=unreadable(ASKED, 0, 0), stored=stored)
    assert (list(rerun.computed) == run.outcomes) is admitted
    other_key = dataclasses.replace(stored, key=b"another")
    rerun = await again(run.outcomes, given=unreadable(ASKED, 0, 0), stored=other_key)
    assert list(rerun.computed) != run.outcomes
    assert rerun.reason == "its input can't be read: no step runs over such a one"
