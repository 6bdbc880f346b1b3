"""What happened to one request, told from the meta of its records alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import (
    Ask,
    Cause,
    Effect,
    EventRejected,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
)
from streams.operations.timeline import timeline
from streams.topics import topic_of
from tests.fakes import NOW_US, a_meta

ASKED, REDACTED = topic_of(QuestionAsked), topic_of(QuestionRedacted)


def at(ms):
    return NOW_US + ms * 1_000


def a_request():
    text = Sealed(key="k", event="e", field="text", ciphertext=b"")
    return QuestionAsked(meta=a_meta(), subject="u", text=text, ask=Ask())


def meta(ordinal=0, *, ms=0, attempt=1, last=False, effects=(), offset=0, step="redact"):
    own = a_meta().step.__class__(name=step, code="c", configuration="d")
    cause = Cause(topic=ASKED, partition=0, offset=offset, id="id-of-r-1")
    return a_meta(
        id=f"{step}-{ordinal}",
        cause=cause,
        at=at(ms),
        ordinal=ordinal,
        attempt=attempt,
        last=last,
        effects=effects,
        step=own,
    )


def redacted(*, outcome="redacted", **fields):
    return QuestionRedacted(meta=meta(**fields), outcome=outcome, subject="u", text="", ask=Ask())


def effect(number, kind="Detect", *, ms=0, took_ms=0, part=0, **fields):
    return Effect(
        number=number,
        kind=kind,
        request=b"",
        started=at(ms),
        took_us=took_ms * 1_000,
        part=part,
        **fields,
    )


BEGIN = effect(0, "Begin", ms=10)


def test_a_request_comes_first_and_took_no_time():
    [run] = timeline([a_request()])
    assert (run.step, run.topic, run.cause) == ("gateway", ASKED, "")
    assert (run.queued_us, run.took_us, run.records, run.closed) == (0, 0, 1, True)


def test_a_run_waits_from_when_its_input_was_written_and_ends_with_its_last_record():
    events = [
        a_request(),
        redacted(ms=12, effects=(BEGIN,)),
        redacted(ordinal=1, ms=30, last=True),
    ]
    _, run = timeline(events)
    assert (run.queued_us, run.began_us, run.took_us) == (10_000, at(10), 20_000)
    assert (run.records, run.closed, run.outcome) == (2, True, "redacted")


def test_without_its_input_a_run_did_not_wait():
    [run] = timeline([redacted(ms=12, effects=(BEGIN,))])
    assert run.queued_us == 0


def test_a_run_that_has_not_ended_says_so():
    [run] = timeline([redacted(ms=12, effects=(BEGIN,))])
    assert not run.closed


def test_attempts_and_inputs_are_runs_of_their_own_in_the_order_of_their_beginning():
    events = [
        redacted(ms=20, attempt=2, last=True),
        redacted(ms=12),
        redacted(ms=15, offset=1, last=True),
    ]
    assert [(run.attempt, run.began_us) for run in timeline(events)] == [
        (1, at(12)),
        (1, at(15)),
        (2, at(20)),
    ]


def test_parts_of_a_streamed_effect_are_one_and_it_took_as_long_as_the_last():
    effects = (
        BEGIN,
        effect(1, ms=11, took_ms=3),
        effect(2, "Generate", ms=15, took_ms=1),
        effect(2, "Generate", ms=15, took_ms=4, part=1),
        effect(2, "Generate", ms=15, took_ms=9, part=2),
    )
    [run] = timeline([redacted(ms=30, effects=effects, last=True)])
    assert [(one.kind, one.parts, one.took_us) for one in run.effects] == [
        ("Detect", 1, 3_000),
        ("Generate", 3, 9_000),
    ]
    told = run.as_json()["effects"]
    assert [one["after_ms"] for one in told] == [1.0, 5.0]


def test_a_stream_that_goes_on_in_the_next_record_is_still_one_effect():
    events = [
        redacted(ms=12, effects=(BEGIN, effect(1, "Generate", ms=11, took_ms=1))),
        redacted(ordinal=1, ms=20, effects=(effect(1, "Generate", ms=11, took_ms=7, part=1),)),
    ]
    [run] = timeline(events)
    assert [(one.parts, one.took_us) for one in run.effects] == [(2, 7_000)]


def test_errors_of_effects_are_told():
    effects = (BEGIN, effect(1, error="Transient: away"), effect(2))
    [run] = timeline([redacted(ms=12, effects=effects, last=True)])
    assert [one.error for one in run.effects] == ["Transient: away", ""]


def test_a_rejection_names_its_error():
    event = EventRejected(
        meta=meta(last=True),
        topic=ASKED,
        partition=0,
        offset=0,
        step="redact",
        error="Permanent",
        message="m",
        traceback="",
        attempts=1,
        key=b"",
        value=None,
    )
    [run] = timeline([event])
    assert run.outcome == "rejected: Permanent"


@pytest.mark.parametrize(
    ("experiment", "arm", "variant"), [("e", "few", "few"), ("e", "", "control"), ("", "", "")]
)
def test_the_arm_of_a_step_is_told_as_that_of_an_answer(experiment, arm, variant):
    event = QueryRewritten(
        meta=meta(step="rewrite", last=True),
        outcome="unchanged",
        subject="u",
        question="",
        query="",
        ask=Ask(),
        experiment=experiment,
        arm=arm,
    )
    [run] = timeline([event])
    assert (run.experiment, run.variant) == (experiment, variant)


def test_milliseconds_are_what_people_read():
    told = timeline([redacted(ms=12, effects=(BEGIN,)), a_request()])[1].as_json()
    assert (told["queued_ms"], told["took_ms"], told["began_us"]) == (10.0, 2.0, at(10))
    assert set(told) == {
        "step",
        "topic",
        "attempt",
        "code",
        "configuration",
        "began_us",
        "queued_ms",
        "took_ms",
        "records",
        "closed",
        "outcome",
        "route",
        "tools",
        "experiment",
        "variant",
        "policies",
        "effects",
    }


EVENTS = [
    a_request(),
    *(
        redacted(ordinal=n, ms=10 * a + n, attempt=a, last=n == 2, effects=(effect(n, ms=a),))
        for a in (1, 2)
        for n in range(3)
    ),
]


@given(st.permutations(EVENTS))
def test_the_order_of_the_records_does_not_matter(events):
    assert [run.as_json() for run in timeline(events)] == [
        run.as_json() for run in timeline(EVENTS)
    ]


@pytest.mark.parametrize("count", range(len(EVENTS)))
def test_some_records_are_enough_for_a_timeline(count):
    runs = timeline(EVENTS[count:])
    assert sum(run.records for run in runs) == len(EVENTS) - count
