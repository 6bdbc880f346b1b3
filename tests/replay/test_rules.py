"""Each rule of verify, by itself: nothing is read, and no step runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replay.log import Stored
from replay.rules import (
    TOO_FEW,
    TOO_MANY,
    Attempt,
    Rerun,
    StoredOutcome,
    against_open,
    attempts_of,
    verdict_of_copy,
    verdicts_of,
)
from schemas import Ask, QuestionRedacted, wire
from tests.fakes import a_meta


def an_outcome(ordinal=0, *, attempt=1, last=False, text="", offset=0):
    event = QuestionRedacted(
        meta=a_meta(ordinal=ordinal, attempt=attempt, last=last),
        outcome="redacted",
        subject="u",
        text=text,
        ask=Ask(),
    )
    return StoredOutcome(Stored("t", 0, offset, 0, b"acme", wire.encode(event)), event)


def an_attempt(count, *, closed=True, superseded=False):
    outcomes = [an_outcome(number, last=closed and number == count - 1) for number in range(count)]
    return Attempt(outcomes, superseded)


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
        # a key is gone: nothing else is looked at
        (an_attempt(2), {"erased": True, "forged": (0,)}, [(0, "erased"), (1, "erased")]),
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


def attempts(*outcomes):
    found, copies = attempts_of(outcomes)
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


@given(st.permutations(range(6)))
def test_the_order_on_the_log_does_not_matter_to_attempts(order):
    outcomes = [an_outcome(n % 3, attempt=1 + n // 3, last=n % 3 == 2) for n in range(6)]
    told, copies = attempts(*(outcomes[number] for number in order))
    assert told == [([0, 1, 2], True, False), ([0, 1, 2], True, True)]
    assert copies == []


def test_of_two_records_with_one_id_the_first_counts():
    first, again = an_outcome(0, last=True, offset=4), an_outcome(0, last=True, offset=9)
    other = an_outcome(0, last=True, text="other", offset=11)
    [attempt], copies = attempts_of([first, again, other])
    assert attempt.outcomes == [first]
    assert [(one.outcome, one.said) for one in copies] == [
        (again, "superseded"),
        (other, "diverged"),
    ]
    assert verdict_of_copy(other, first).reason == "another record with its id stands at 4"


# ---------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("offset", "acknowledged", "pending"), [(4, 0, True), (4, 4, True), (4, 5, False)]
)
def test_an_open_input_is_pending_until_its_step_has_acknowledged_it(offset, acknowledged, pending):
    reason = against_open("embed", offset, acknowledged)
    assert (reason == "") is pending
    assert pending or reason == "embed acknowledged this input and left no closed outcome"
