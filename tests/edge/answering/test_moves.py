"""The table of moves."""

from __future__ import annotations

import itertools

import pytest

from edge.answering.draft import Draft
from edge.answering.moves import CLOSED, MOVES, AnswerState, ImpossibleMove, Move, next_of
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    EventRejected,
    TokensReleased,
)
from tests.edge.answering.histories import ANSWERS, WHOLE, rejected, retrieved, reveal

RECORDS = {
    Move.RETRIEVE: retrieved(),
    Move.CONTINUE: ANSWERS.tokens("x", 0),
    Move.RESTART: ANSWERS.tokens("x", 0, restart=True),
    Move.REPEAT: ANSWERS.tokens("x", 0, attempt=2),
    Move.LATE: ANSWERS.tokens("x", 0),
    Move.COMPLETE: WHOLE[-1],
    Move.SETTLE: WHOLE[-1],
    Move.RETRACT: ANSWERS.retracted("no", 0),
    Move.FAIL: rejected(),
}
KINDS = {
    Move.RETRIEVE: ChunksRetrieved,
    Move.CONTINUE: TokensReleased,
    Move.RESTART: TokensReleased,
    Move.REPEAT: TokensReleased,
    Move.LATE: TokensReleased,
    Move.COMPLETE: AnswerReleased,
    Move.SETTLE: AnswerReleased,
    Move.RETRACT: AnswerRetracted,
    Move.FAIL: EventRejected,
}
DRAFT = Draft().with_text(RECORDS[Move.CONTINUE], {})
CLOSES = {Move.COMPLETE: "completed", Move.SETTLE: "completed", Move.RETRACT: "retracted"}


def test_an_answer_can_be_closed_in_one_state_of_each_kind():
    assert {state.value for state in CLOSED} == {"completed", "retracted", "failed"}
    assert set(AnswerState) - set(CLOSED) == {AnswerState.ACCEPTED, AnswerState.ANSWERING}


@pytest.mark.parametrize(("state", "move"), MOVES, ids=lambda one: one.name)
def test_a_move_makes_the_frames_that_say_where_the_answer_stands(state, move):
    after, make = next_of(state, move)
    record = RECORDS[move]
    assert isinstance(record, KINDS[move])
    made = make(DRAFT, record, reveal)
    kinds = [frame["type"] for frame in made.frames]
    closes = CLOSES.get(move, "error" if move is Move.FAIL else None)
    if closes is None:
        assert not {"completed", "retracted", "error"} & set(kinds)
    else:
        assert kinds[-1] == closes
        assert after.value == {"error": "failed"}.get(closes, closes)
        assert made.closing
        assert made.closing["finish_reason"]


@pytest.mark.parametrize(("state", "move"), list(itertools.product(AnswerState, Move)))
def test_a_move_that_the_table_lacks_is_an_error(state, move):
    if (state, move) in MOVES:
        assert next_of(state, move) == MOVES[state, move]
        return
    with pytest.raises(ImpossibleMove, match=f"{move.name} while {state.value}"):
        next_of(state, move)


def test_only_text_that_starts_over_opens_a_closed_answer():
    opened = {
        move
        for (state, move), (after, _) in MOVES.items()
        if state in CLOSED and after not in CLOSED
    }
    assert opened == {Move.RESTART}


def test_what_closes_an_answer_again_is_no_move():
    closing = (Move.COMPLETE, Move.SETTLE, Move.FAIL)
    assert not [
        pair for pair in itertools.product([AnswerState.COMPLETED], closing) if pair in MOVES
    ]
    assert not [
        pair for pair in itertools.product([AnswerState.RETRACTED], closing) if pair in MOVES
    ]
    assert (AnswerState.RETRACTED, Move.RETRACT) not in MOVES


def test_a_move_leaves_the_draft_that_it_was_given():
    for (_, move), (_, make) in MOVES.items():
        make(DRAFT, RECORDS[move], reveal)
    assert Draft().with_text(RECORDS[Move.CONTINUE], {}) == DRAFT


def test_what_stands_already_is_not_told_again_but_known_by_its_newest_attempt():
    made = MOVES[AnswerState.ANSWERING, Move.REPEAT][1](DRAFT, RECORDS[Move.REPEAT], reveal)
    assert (made.frames, made.closing) == ([], None)
    assert made.draft.repeats(ANSWERS.tokens("y", 0, attempt=2))
    assert not DRAFT.repeats(ANSWERS.tokens("y", 0, attempt=2))
