"""At which step a wrong turn went wrong: by what was there before it, and not behind it."""

from dataclasses import replace

import pytest

from bench.quality.conversations import ABSENT, FACT, FOLLOW_UP, SMALL_TALK, TalkTurn
from bench.quality.turn_stages import (
    ANSWERED,
    CHATTED,
    NOT_FOUND,
    OTHER_SENTENCE,
    REDACTED,
    REFUSED,
    REWRITTEN,
    SEARCHED,
    TurnTrace,
    holds,
    stage_of,
)

TURN = TalkTurn("Which status?", FOLLOW_UP, (("124",), ("times out", "timeout")))
TRACE = TurnTrace(
    submitted=("It ends with 124.", "If it\ntimes  out."),
    findable=("It ends with 124.", "If it times out."),
    redacted="Which status?",
    outcome="rewritten",
    query="Which status (timeout)?",
    passages=("It ends with 124.", "If it times out."),
    finish_reason="extractive",
    text="It runs a command.",
)


def test_texts_hold_a_turn_together_whatever_case_and_blanks():
    assert holds(TURN, TRACE.submitted)
    assert holds(TURN, ["124 TIMEOUT"])
    assert not holds(TURN, TRACE.submitted[:1])
    assert holds(TalkTurn("Hello!", SMALL_TALK), [])


@pytest.mark.parametrize(
    ("changed", "stage"),
    [
        ({}, OTHER_SENTENCE),
        ({"finish_reason": "not_found", "text": ""}, REFUSED),
        ({"passages": ("It ends with 124.",)}, NOT_FOUND),
        ({"passages": (), "redacted": "Which <PERSON_1>?"}, REDACTED),
        ({"redacted": "Which <PERSON_1>?"}, OTHER_SENTENCE),
        ({"findable": ("It ends with <ID_1>.", "If it times out.")}, REDACTED),
        ({"findable": (), "submitted": (), "passages": ()}, NOT_FOUND),
        ({"named_is_right": True}, REWRITTEN),
        ({"named_is_right": True, "passages": ()}, REWRITTEN),
        ({"outcome": "small_talk", "passages": ()}, CHATTED),
    ],
)
def test_the_first_stage_that_lost_something_is_to_blame(changed, stage):
    assert stage_of(TURN, replace(TRACE, **changed)) == stage


@pytest.mark.parametrize(
    ("kind", "outcome", "stage"),
    [
        (SMALL_TALK, "unchanged", SEARCHED),
        (SMALL_TALK, "small_talk", SEARCHED),
        (ABSENT, "unchanged", ANSWERED),
        (ABSENT, "small_talk", CHATTED),
        (FACT, "small_talk", CHATTED),
    ],
)
def test_what_needs_no_document_went_wrong_elsewhere(kind, outcome, stage):
    turn = TalkTurn("Hello!", kind)
    assert stage_of(turn, replace(TRACE, outcome=outcome)) == stage


def test_a_first_question_is_not_rewritten():
    turn = replace(TURN, kind=FACT)
    assert stage_of(turn, replace(TRACE, named_is_right=True)) == OTHER_SENTENCE
