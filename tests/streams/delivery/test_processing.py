"""An input is processed until its outcome is closed, whatever it is and whatever the step does."""

import dataclasses
import unicodedata
from importlib.metadata import version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from agents.policies.policy_in_force import PolicyInForce
from schemas import (
    Ask,
    Begun,
    Cause,
    EventRejected,
    Generate,
    QuestionRedacted,
)
from streams.delivery.digest_keys import DigestKeys
from streams.delivery.history import NUMBER_MAX, Outcome
from streams.delivery.progress import Progress
from streams.log.configuration import configuration, load
from streams.log.writing import RECORD_BYTES_MAX
from streams.running.admit import IDENTITY_CHARS_MAX
from streams.running.cancellations import Wanted
from streams.running.world import World
from streams.version import CODE, RUNTIME, RUNTIME_WITH_POLICY
from tests.fake_connectors import FakeAnsweringConnector
from tests.fakes import a_meta
from tests.streams.delivery.processor_bench import (
    LANE,
    TOPIC,
    ProcessorBench,
    a_message,
    a_question,
)


def redacted(text="t"):
    return QuestionRedacted(outcome="redacted", subject="u", text=text, ask=Ask(deadline=0))


async def passes(event, fx):
    yield redacted()


def fails_with(error, times=10**9):
    left = [times]

    async def function(event, fx):
        if left[0]:
            left[0] -= 1
            raise error
        yield redacted()

    return function


async def test_an_outcome_is_published_and_the_input_counts_as_done():
    bench = ProcessorBench(passes)
    [outcome] = await bench.run()
    assert (type(outcome), outcome.meta.last, outcome.meta.attempt) == (QuestionRedacted, True, 1)
    await bench.run(offset=8)
    assert len(bench.outcomes) == 1  # a copy


@pytest.mark.parametrize(("stoppable", "whose", "told"), [
    (True, Wanted("acme", 0, "u", "r-1"), True),
    (True, Wanted("acme", 0, "other", "r-1"), False),
    (True, Wanted("globex", 0, "u", "r-1"), False),
    (True, Wanted("acme", 1, "u", "r-1"), False),
    (False, Wanted("acme", 0, "u", "r-1"), False),
])  # fmt: skip
async def test_a_run_records_that_it_began_when_nobody_wanted_it_any_more(stoppable, whose, told):
    seen = []

    async def looks(event, fx):
        seen.append(fx.cancelled)
        yield redacted()

    bench = ProcessorBench(looks, stoppable=stoppable)
    bench.cancellations.take(whose)
    [outcome] = await bench.run()
    begun = bench.codec.decode(outcome.meta.effects[0].response, Begun)
    assert (begun.cancelled, seen) == (told, [told])


async def test_a_record_says_of_which_code_and_versions_it_is():
    bench = ProcessorBench(passes)
    [outcome] = await bench.run()
    begun = bench.codec.decode(outcome.meta.effects[0].response, Begun)
    assert (begun.code, begun.runtime) == (CODE, RUNTIME)
    assert RUNTIME.startswith("python 3.")
    assert f"unicode {unicodedata.unidata_version}" in RUNTIME
    for library in ("regex", "jsonschema", "google-re2"):
        assert f"{library} {version(library)}" in RUNTIME


async def test_a_run_keeps_the_configuration_of_its_beginning_and_the_next_one_has_the_new():
    old = load()["redact"]
    new = configuration("redact", {**old.values, "question_characters_max": 9})
    seen = []

    async def function(event, fx):
        bench.configurations["redact"] = new  # while it runs
        seen.append(fx.configuration["question_characters_max"])
        yield redacted()

    bench = ProcessorBench(function)
    await bench.run()
    await bench.run(a_question(request="r-2"), offset=8)
    assert seen == [old.values["question_characters_max"], 9]
    digests = {one.meta.request: one.meta.step.configuration for one in bench.outcomes}
    assert digests == {"r-1": old.digest, "r-2": new.digest}
    begun = [
        bench.codec.decode(one.meta.effects[0].response, Begun).configuration
        for one in bench.outcomes
    ]
    assert sorted(begun) == sorted([old.digest, new.digest])


RULES = configuration("policy", {"cedar": "permit(principal, action, resource);"})


@pytest.mark.parametrize(
    ("by_policy", "policy", "told"),
    [
        (True, RULES, (RULES.digest, "eu", RUNTIME_WITH_POLICY)),
        (False, RULES, ("", "", RUNTIME)),  # a step that asks no policy
        (True, configuration("policy", {}), ("", "", RUNTIME)),
        (True, configuration("policy", {"cedar": "  "}), ("", "", RUNTIME)),
    ],
)
async def test_a_run_records_the_policy_in_force_and_what_decides_by_it(by_policy, policy, told):
    seen = []

    async def function(event, fx):
        seen.append(fx.policy)
        yield redacted()

    bench = ProcessorBench(function, by_policy, region="eu")
    bench.configurations["policy"] = policy
    [outcome] = await bench.run()
    begun = bench.codec.decode(outcome.meta.effects[0].response, Begun)
    assert (begun.policy, begun.region, begun.runtime) == told
    wanted = PolicyInForce(RULES.digest, RULES.values["cedar"], "eu") if told[0] else None
    assert seen == [wanted]
    assert f"cedarpy {version('cedarpy')}" in RUNTIME_WITH_POLICY


async def test_a_policy_that_comes_into_force_holds_for_the_next_run():
    seen = []

    async def function(event, fx):
        bench.configurations["policy"] = RULES
        seen.append(fx.policy and fx.policy.digest)
        yield redacted()

    bench = ProcessorBench(function, by_policy=True)
    await bench.run()
    await bench.run(a_question(request="r-2"), offset=8)
    assert seen == [None, RULES.digest]


async def test_a_transient_error_is_tried_again_under_a_higher_attempt():
    bench = ProcessorBench(fails_with(Transient("away"), times=2))
    [outcome] = await bench.run()
    assert outcome.meta.attempt == 3


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Permanent("do this"), "Permanent"),
        (KeyError("x"), "KeyError"),
        (Transient("t"), "Transient"),
    ],
)
async def test_what_is_given_up_becomes_one_dead_letter(error, name):
    bench = ProcessorBench(fails_with(error))
    letter = (await bench.run(a_question(deadline_s=-1)))[-1]
    assert (type(letter), letter.error, letter.value) == (EventRejected, name, b"the bytes")
    assert letter.meta.last
    await bench.run(offset=8)
    assert len(bench.outcomes) == 1


@pytest.mark.parametrize("function", [passes, fails_with(KeyError("x"))])
async def test_a_foreign_outcome_of_the_highest_number_does_not_end_the_worker(function):
    bench = ProcessorBench(function)
    bench.history.learn(
        [Outcome(Cause(topic=TOPIC, partition=LANE, offset=7, id=a_meta().id), NUMBER_MAX, False)]
    )
    outcome = (await bench.run())[-1]
    assert (outcome.meta.last, outcome.meta.attempt) == (True, NUMBER_MAX)


async def test_a_commits_note_of_a_number_that_fits_no_record_does_not_end_the_worker():
    bench = ProcessorBench(passes)
    bench.history.inherit(TOPIC, LANE, Progress(7, open={7: 10**20}))
    [outcome] = await bench.run()
    assert outcome.meta.last


async def test_a_record_that_reaches_no_step_is_rejected_by_its_position_alone():
    bench = ProcessorBench(passes)
    [letter] = await bench.refuse(a_message(key=b"acme", value=b"junk"))
    assert (letter.meta.tenant, letter.key, letter.value) == ("", b"acme", b"junk")
    assert letter.message == f"no magic byte ({TOPIC}[0]@7)"
    assert bench.keys_asked == []
    await bench.refuse(a_message())
    assert len(bench.outcomes) == 1


SIZES = st.sampled_from([0, 1, 40_000, 990_000, 999_990, 1_000_000, 1_040_000, 1_048_000])


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, SIZES)
async def test_whatever_the_broker_took_is_rejected(key, value, header):
    message = a_message(b"k" * key, b"v" * value, [("traceparent", b"x" * header)])
    bench = ProcessorBench(passes)
    [letter] = await bench.refuse(message)
    assert (letter.topic, letter.partition, letter.offset) == (TOPIC, 0, 7)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, st.integers(0, IDENTITY_CHARS_MAX - 200), st.sampled_from("ab€"))
async def test_whatever_a_step_was_given_its_failure_is_closed(key, value, session, letter_of):
    bench = ProcessorBench(fails_with(Permanent("x" * 2_000_000)))
    event = a_question(session=letter_of * session)
    outcomes = await bench.run(event, a_message(b"k" * key, b"v" * value))
    assert type(outcomes[-1]) is EventRejected
    assert outcomes[-1].meta.session == letter_of * session


async def test_an_outcome_that_fits_no_record_is_superseded_by_a_dead_letter():
    async def too_much(event, fx):
        yield redacted("a beginning")
        yield redacted("x" * RECORD_BYTES_MAX)

    bench = ProcessorBench(too_much)
    *before, letter = await bench.run()
    assert [type(outcome) for outcome in before] == [QuestionRedacted]
    assert (letter.error, letter.meta.attempt, letter.meta.last) == ("RecordTooLarge", 2, True)


async def test_a_failure_that_consumed_more_than_a_record_holds_is_closed_by_a_run_of_its_own():
    model = FakeAnsweringConnector({Generate: lambda _: [Transient("x" * RECORD_BYTES_MAX)]})

    async def asks(event, fx):
        async for _ in fx.stream(Generate(prompt="p", max_tokens=1, model="m")):
            pass
        yield redacted()

    bench = ProcessorBench(asks)
    bench.processor._services = dataclasses.replace(
        bench.processor._services, world=World((model,), 1.0)
    )
    letter = (await bench.run(a_question(deadline_s=-1)))[-1]
    assert (type(letter), letter.error) == (EventRejected, "Transient")
    assert [effect.kind for effect in letter.meta.effects] == ["Begin", "Fail"]


@pytest.mark.parametrize("name", ["traceparent", "retry", "other"])
async def test_a_header_without_a_value_is_no_error(name):
    bench = ProcessorBench(passes)
    [outcome] = await bench.run(message=a_message(headers=[(name, None)]))
    assert type(outcome) is QuestionRedacted


async def test_a_key_that_can_never_be_read_rejects_its_tenants_input_alone():
    bench = ProcessorBench(passes)
    bench.processor._digest_keys = DigestKeys(raises(Permanent("the key's row was changed")))
    [letter] = await bench.run()
    assert (type(letter), letter.error) == (EventRejected, "Permanent")


def raises(error):
    def look_up(_tenant):
        raise error

    return look_up


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    "error",
    [Permanent("a lone \ud800 surrogate"), type("E" * 10**6, (Permanent,), {})("m"), Unspeakable()],
)
async def test_whatever_an_error_says_it_is_rejected(error):
    letter = (await ProcessorBench(fails_with(error)).run())[-1]
    assert type(letter) is EventRejected


async def test_an_outcome_that_can_not_be_written_is_superseded_by_a_dead_letter():
    async def broken(event, fx):
        yield redacted(text=17)

    letter = (await ProcessorBench(broken).run())[-1]
    assert type(letter) is EventRejected
    assert [effect.kind for effect in letter.meta.effects] == ["Begin", "Fail"]


async def test_a_letter_that_is_put_back_runs_above_the_rejected_attempt():
    bench = ProcessorBench(passes)
    [outcome] = await bench.run(message=a_message(headers=[("retry", b"4@7")]))
    assert outcome.meta.attempt == 5
