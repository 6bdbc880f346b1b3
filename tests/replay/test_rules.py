"""Each rule of verify, by itself: nothing is read, and no step runs."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replay.log import Stored
from replay.rules import (
    DISORDER,
    SAME_SPAN,
    TOO_FEW,
    TOO_MANY,
    Attempt,
    Rerun,
    StoredOutcome,
    against_meta,
    against_open,
    attempts_of,
    verdicts_of,
)
from schemas import Ask, Cause, QuestionAsked, QuestionRedacted, Sealed, StepVersion, wire
from streams.log.ids import outcome_id
from streams.running.run import Input, stamped
from tests.fakes import a_meta


def an_outcome(ordinal=0, *, attempt=1, last=False, text="", offset=0, span="", fault=""):
    """Make an outcome of an attempt, within a span of its own unless one is named."""
    event = QuestionRedacted(
        meta=a_meta(ordinal=ordinal, attempt=attempt, last=last, trace=span or str(attempt)),
        outcome="redacted",
        subject="u",
        text=text,
        ask=Ask(),
    )
    return StoredOutcome(Stored("t", 0, offset, 0, b"acme", wire.encode(event)), event, fault)


def an_attempt(count, *, closed=True, superseded=False, **said):
    outcomes = [an_outcome(number, last=closed and number == count - 1) for number in range(count)]
    return Attempt(outcomes, superseded, **said)


def same(outcome, computed):
    return "" if outcome.event == computed else "text: it differs"


def judged(attempt, *, computed=None, forged=(), **rerun):
    """Say what the rules say of each record, after a run that yields so many of them."""
    events = [outcome.event for outcome in attempt.outcomes]
    count = len(events) if computed is None else computed
    yields = [
        replace(event, text="forged") if number in forged else event
        for number, event in enumerate([*events, *events[-1:]][:count])
    ]
    verdicts = verdicts_of(attempt, Rerun(yields, **rerun), same)
    return [
        (attempt.outcomes.index(one.outcome), one.said, *filter(None, [one.reason]))
        for one in verdicts
    ]


@pytest.mark.parametrize(
    ("attempt", "rerun", "said"),
    [
        # what the step yields counts, or would have
        (an_attempt(2), {}, [(0, "equal"), (1, "equal")]),
        (an_attempt(2, superseded=True), {}, [(0, "superseded"), (1, "superseded")]),
        # another record in its place
        (
            an_attempt(2),
            {"forged": (1,)},
            [(0, "equal"), (1, "diverged", "text: it differs")],
        ),
        (
            an_attempt(1, superseded=True),
            {"forged": (0,)},
            [(0, "diverged", "text: it differs")],
        ),
        # nothing in its place: the reason is told once
        (
            an_attempt(3),
            {"computed": 1},
            [(0, "equal"), (1, "diverged", TOO_FEW), (2, "diverged", TOO_FEW)],
        ),
        (
            an_attempt(3),
            {"computed": 1, "reason": "effect 2 is missing"},
            [(0, "equal"), (1, "diverged", "effect 2 is missing"), (2, "diverged", TOO_FEW)],
        ),
        (an_attempt(1), {"computed": 0, "reason": "no"}, [(0, "diverged", "no")]),
        # more than lies there: a closed attempt has all, one that was cut off is a prefix
        (an_attempt(1), {"computed": 2}, [(0, "equal"), (0, "diverged", TOO_MANY)]),
        (an_attempt(1, closed=False, superseded=True), {"computed": 2}, [(0, "superseded")]),
        # a reason against the whole is said of the last
        (
            an_attempt(2),
            {"reason": "2 recorded effects were not asked for"},
            [
                (0, "equal"),
                (1, "equal"),
                (1, "diverged", "2 recorded effects were not asked for"),
            ],
        ),
        # too many tells more than why the run ended
        (
            an_attempt(1),
            {"computed": 2, "reason": "r"},
            [(0, "equal"), (0, "diverged", TOO_MANY)],
        ),
        (
            an_attempt(1, closed=False, superseded=True),
            {"computed": 2, "reason": "r"},
            [(0, "superseded"), (0, "diverged", "r")],
        ),
        # what it lacks says nothing of the records that it did not come to, nor for those it did
        (
            an_attempt(3),
            {"computed": 1, "lack": "slow"},
            [(0, "equal"), (1, "unverifiable", "slow"), (2, "unverifiable", "slow")],
        ),
        (
            an_attempt(2),
            {"computed": 1, "forged": (0,), "lack": "slow"},
            [(0, "diverged", "text: it differs"), (1, "unverifiable", "slow")],
        ),
        (an_attempt(1), {"lack": "slow"}, [(0, "equal"), (0, "unverifiable", "slow")]),
        # a key is gone: what the step yielded before is compared, the rest can't be
        (an_attempt(2), {"erased": True, "computed": 1}, [(0, "equal"), (1, "erased")]),
        (
            an_attempt(2),
            {"erased": True, "computed": 1, "forged": (0,)},
            [(0, "diverged", "text: it differs"), (1, "erased")],
        ),
        # what lies wrong is told, whatever the step yields
        (
            an_attempt(1, fault="attempt 0"),
            {},
            [(0, "diverged", "attempt 0")],
        ),
        (an_attempt(1), {"erased": True, "computed": 0, "reason": "r"}, [(0, "erased")]),
    ],
)
def test_what_is_said_of_an_attempt(attempt, rerun, said):
    assert judged(attempt, **rerun) == said


@given(
    st.integers(1, 5), st.integers(0, 6), st.booleans(), st.booleans(), st.sampled_from(["", "r"])
)
def test_every_record_gets_a_class_and_the_last_one_at_most_two(
    count, computed, closed, superseded, reason
):
    attempt = an_attempt(count, closed=closed, superseded=superseded)
    said = judged(attempt, computed=min(computed, count + 1), reason=reason)
    assert [number for number, *_ in said][:count] == list(range(count))
    assert [number for number, *_ in said][count:] in ([], [count - 1])
    assert all(one[2:] for one in said if one[1] == "diverged")


# ---------------------------------------------------------------------- attempts


def attempts(*outcomes, least=1):
    found, copies = attempts_of(outcomes, least)
    return [
        ([outcome.event.meta.ordinal for outcome in one.outcomes], one.closed, one.superseded)
        for one in found
    ], copies


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([], []),
        ([an_outcome(0, last=True)], [([0], True, False)]),
        ([an_outcome(1, last=True), an_outcome(0)], [([0, 1], True, False)]),
        # cut off, and run again
        (
            [an_outcome(0), an_outcome(0, attempt=2, last=True)],
            [([0], False, True), ([0], True, False)],
        ),
        # closed, and run again: two workers at once
        (
            [an_outcome(0, last=True), an_outcome(0, attempt=2, last=True)],
            [([0], True, False), ([0], True, True)],
        ),
        ([an_outcome(0)], [([0], False, True)]),
        # a last record that others follow does not close the attempt
        ([an_outcome(0, last=True), an_outcome(1)], [([0, 1], False, True)]),
    ],
)
def test_outcomes_are_sorted_by_attempt_and_the_first_that_is_closed_counts(outcomes, told):
    assert attempts(*outcomes) == (told, [])


def in_a_row(*outcomes):
    """Let outcomes lie one behind the other."""
    return [
        one._replace(stored=dataclasses.replace(one.stored, offset=offset))
        for offset, one in enumerate(outcomes)
    ]


def said_of_attempts(*outcomes, least=1):
    found, _ = attempts_of(in_a_row(*outcomes), least)
    return [one.fault for one in found]


CUT_OFF, AGAIN = an_outcome(0), an_outcome(0, attempt=2, last=True)
CLOSED = an_outcome(0, last=True)


def test_nothing_is_said_against_attempts_that_follow_each_other():
    assert said_of_attempts(CUT_OFF, AGAIN) == ["", ""]
    assert said_of_attempts(an_outcome(0), an_outcome(1), an_outcome(2, last=True)) == [""]
    assert said_of_attempts(AGAIN, least=2) == [""]


@pytest.mark.parametrize(
    ("outcomes", "least", "says"),
    [
        ([CLOSED], 2, ["attempt 1: runs over its input count from 2"]),
        ([an_outcome(0, attempt=0, last=True)], 1, ["attempt 0: runs over its input count from 1"]),
        ([an_outcome(1, last=True), an_outcome(0)], 1, [DISORDER]),
        ([CLOSED, an_outcome(1)], 1, ["follow one that says it is the last"]),
        ([CLOSED, an_outcome(0, attempt=2, last=True, span="1")], 1, ["", SAME_SPAN]),
        ([CUT_OFF, an_outcome(0, attempt=2, last=True, span="1")], 1, [SAME_SPAN, ""]),
    ],
)
def test_an_attempt_that_can_not_be_one_is_told(outcomes, least, says):
    told = said_of_attempts(*outcomes, least=least)
    assert all(part in one for part, one in zip(says, told, strict=True)), told
    assert [bool(one) for one in told] == [bool(part) for part in says]


@given(st.permutations(range(6)))
def test_whatever_the_order_each_record_is_of_one_attempt(order):
    outcomes = [an_outcome(n % 3, attempt=1 + n // 3, last=n % 3 == 2) for n in range(6)]
    told, copies = attempts(*(outcomes[number] for number in order))
    assert told == [([0, 1, 2], True, False), ([0, 1, 2], True, True)]
    assert copies == []


def test_of_two_records_with_one_id_the_first_counts():
    first, again = an_outcome(0, last=True, offset=4), an_outcome(0, last=True, offset=9)
    other = an_outcome(0, last=True, text="other", offset=11)
    [attempt], copies = attempts_of([first, again, other], 1, lambda _: True)
    assert attempt.outcomes == [first]
    assert [(one.outcome, one.said) for one in copies] == [
        (again, "superseded"),
        (other, "diverged"),
    ]
    assert copies[1].reason == "another record with its id stands at 4"


# ---------------------------------------------------------------------- how records lie


def test_how_a_record_lies_is_told_unless_something_else_speaks_against_it():
    attempt = an_attempt(2)
    lies = [one._replace(fault="its headers") for one in attempt.outcomes]
    events = [one.event for one in lies]
    wrong = [events[0], replace(events[1], text="forged")]
    verdicts = verdicts_of(Attempt(lies, superseded=False), Rerun(wrong), same)
    assert [(one.said, one.reason) for one in verdicts] == [
        ("diverged", "its headers"),
        ("diverged", "text: it differs"),
    ]


@pytest.mark.parametrize("rerun", [{"erased": True}, {"lack": "no key"}])
def test_of_what_can_not_be_computed_the_identity_is_looked_at(rerun):
    attempt = an_attempt(1)
    known = verdicts_of(attempt, Rerun([], **rerun), same, lambda _: "meta.id differs")
    assert [(one.said, one.reason) for one in known] == [("diverged", "meta.id differs")]


def an_input():
    event = QuestionAsked(
        meta=a_meta(),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=b""),
        ask=Ask(),
    )
    return Input(event, "t", 0, 7)


def its_outcome(given, **fields):
    meta = given.event.meta
    stamp = {
        "id": outcome_id(meta.id, "redact", 0),
        "cause": given.cause,
        "step": StepVersion(name="redact", code="c", configuration="d"),
    }
    outcome = an_outcome()
    event = stamped(outcome.event, replace(meta, **{**stamp, **fields}))
    return outcome._replace(event=event)


def test_an_outcome_is_known_by_its_input():
    given = an_input()
    assert against_meta("redact", given, its_outcome(given)) == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"cause": Cause(topic="t", partition=0, offset=7, id="x")}, "another cause"),
        ({"id": "x"}, "meta.id"),
        ({"ordinal": 1}, "meta.id"),
        ({"tenant": "x"}, "meta.tenant"),
        ({"lane": 1}, "meta.lane"),
        ({"request": "x"}, "meta.request"),
        ({"session": "x"}, "meta.session"),
        ({"step": StepVersion(name="embed", code="c", configuration="d")}, "meta.step.name"),
    ],
)
def test_an_identity_that_its_input_does_not_make_is_told(fields, says):
    given = an_input()
    assert says in against_meta("redact", given, its_outcome(given, **fields))


@pytest.mark.parametrize("place", [{"key": b"other"}, {"partition": 3}])
def test_so_is_a_place_that_is_not_its_own(place):
    given = an_input()
    outcome = its_outcome(given)
    moved = outcome._replace(stored=dataclasses.replace(outcome.stored, **place))
    assert "another key than its tenant" in against_meta("redact", given, moved)


# ---------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("offset", "acknowledged", "pending"), [(4, 0, True), (4, 4, True), (4, 5, False)]
)
def test_an_open_input_is_pending_until_its_step_has_acknowledged_it(offset, acknowledged, pending):
    reason = against_open("embed", offset, acknowledged)
    assert (reason == "") is pending
    assert pending or reason == "embed acknowledged this input and left no closed outcome"
