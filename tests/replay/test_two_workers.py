"""What two workers leave for a moment on the log: one was thought dead and had records on their way."""

import pytest
from msgspec.structs import replace

from replay.rules import OUT_OF_TURN, attempts_of, verdict_of_copy
from schemas import Effect
from streams.running.run import stamped
from tests.replay.test_rules import AGAIN, CLOSED, CUT_OFF, an_outcome, in_a_row, said_of_attempts


def classes(*outcomes):
    """Say which records are of which attempt, and whether it counts and what speaks against it."""
    found, copies = attempts_of(in_a_row(*outcomes))
    assert copies == []
    return [
        (
            [one.stored.offset for one in attempt.outcomes],
            attempt.superseded,
            attempt.fault or next((one.fault for one in attempt.outcomes if one.fault), ""),
        )
        for attempt in found
    ]


LATE = {"attempt": 1, "span": "late", "fault": OUT_OF_TURN}


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        # the second worker saw nothing of the first, whose records came late: one number for two
        (
            [CLOSED, an_outcome(0, last=True, span="late")],
            [([0], False, ""), ([1], True, "")],
        ),
        # each in two records, among each other
        (
            [
                an_outcome(0),
                an_outcome(0, span="late"),
                an_outcome(1, span="late", last=True),
                an_outcome(1, last=True),
            ],
            [([0, 3], False, ""), ([1, 2], True, "")],
        ),
        # it saw the first record of the first one, and the rest came late: behind, or between
        ([AGAIN, CUT_OFF], [([1], True, ""), ([0], False, "")]),
        (
            [CUT_OFF, AGAIN, an_outcome(1, last=True)],
            [([0, 2], False, ""), ([1], True, "")],
        ),
        # what comes late comes behind later inputs of its session, which the second has run
        (
            [AGAIN, an_outcome(0, last=True, **LATE)],
            [([1], True, ""), ([0], False, "")],
        ),
        # what is run again lies behind them where they were on the log already
        (
            [CUT_OFF, an_outcome(0, attempt=2, last=True, fault=OUT_OF_TURN)],
            [([0], True, ""), ([1], False, "")],
        ),
        # but the only run over an input had its turn
        ([an_outcome(0, last=True, fault=OUT_OF_TURN)], [([0], False, OUT_OF_TURN)]),
        (
            [an_outcome(0, **LATE), an_outcome(0, attempt=2, last=True, fault=OUT_OF_TURN)],
            [([0], True, ""), ([1], False, OUT_OF_TURN)],
        ),
    ],
)
def test_what_two_workers_leave_for_a_moment_is_superseded(outcomes, told):
    assert classes(*outcomes) == told


def test_a_letter_of_a_run_that_could_not_put_its_outcome_is_of_the_same_span():
    effects = tuple(
        Effect(number=n, kind=kind, request=b"", started=0, took_us=0)
        for n, kind in enumerate(("Begin", "Fail"))
    )
    letter = an_outcome(0, attempt=2, last=True, span="1")
    event = stamped(letter.event, replace(letter.event.meta, effects=effects))
    assert said_of_attempts(CUT_OFF, letter._replace(event=event)) == ["", ""]


def test_a_copy_that_nothing_explains_can_not_be_verified():
    first, again = an_outcome(0, last=True, offset=4), an_outcome(0, last=True, offset=9)
    verdict = verdict_of_copy(again, first, explained=False)
    assert (verdict.said, verdict.reason) == (
        "unverifiable",
        "a copy of the record at 4: no dead letter was put back here",
    )
