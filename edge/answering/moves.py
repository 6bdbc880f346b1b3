"""The moves of an answer, as one reader sees it: one table, and the makers of its frames.

A record is first told apart by what it means where the draft stands (a Move), for the same kind of
record may add text, void what was shown, or repeat it. What is of no account, such as late text of
something void, makes no move. Then MOVES says where the answer stands next, and what makes the
frames that say so:

* Text moves an answer on until it is closed. It closes once: what closes it again says nothing.
* A closed answer may still start over, for a step that is run again may come to another answer,
  and it may be retracted as long as there is something to retract.
* After a dead letter the rest may still come, when somebody sends the letter back.

A move that MOVES lacks can't be: where one comes all the same, the code that told the records
apart is wrong, and it is an error instead of a frame that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from agents.placeholders import restore
from edge.answering import frames
from edge.answering.cursors import Frame
from edge.answering.draft import Draft
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    EventRejected,
    MapEntry,
    TokensReleased,
)

Reveal = Callable[[Sequence[MapEntry]], Mapping[str, str]]
"""Opens the values that this reader may see; leaves all others out."""


class AnswerState(Enum):
    """Where an answer stands."""

    ACCEPTED = "accepted"
    ANSWERING = "answering"
    COMPLETED = "completed"
    RETRACTED = "retracted"
    FAILED = "failed"


class Move(Enum):
    """What a record means."""

    RETRIEVE = "the passages are there"
    CONTINUE = "text that goes on"
    RESTART = "text that voids what was shown"
    REPEAT = "text that stands already, by this attempt or another"
    LATE = "text that was told with the closing record already"
    COMPLETE = "the closing record, and all text that it closes"
    SETTLE = "the closing record without all of its text"
    RETRACT = "the answer is taken away"
    FAIL = "a step gave up"


class Made(NamedTuple):
    """What a move makes."""

    draft: Draft
    frames: list[Frame]
    closing: Frame | None = None
    """Fields that close the answer; empty where it is open again, None where nothing changes."""


Maker = Callable[[Draft, Any, Reveal], Made]


class ImpossibleMove(AssertionError):
    """A record was taken for what it can't be."""


# ---------------------------------------------------------------------- the makers of frames


def tell_retrieval(draft: Draft, event: ChunksRetrieved, _: Reveal) -> Made:
    """Say that the passages are there."""
    return Made(draft.with_retrieval(event), [frames.step_of(event)])


def go_on(draft: Draft, event: TokensReleased, reveal: Reveal) -> Made:
    """Show what came to the text."""
    draft, text = draft.with_text(event, _values(event, reveal)).show(draft.tail + event.text)
    return Made(draft, _delta(text))


def note_attempt(draft: Draft, event: TokensReleased, _: Reveal) -> Made:
    """Say nothing, but know that this attempt said the same."""
    return Made(draft.with_attempt(event), [])


def note_text(draft: Draft, event: TokensReleased, _: Reveal) -> Made:
    """Say nothing, but know where this text stands: another run may contradict it."""
    return Made(draft.with_stretch(event), [])


def start_over(draft: Draft, event: TokensReleased, reveal: Reveal) -> Made:
    """Take back what was shown, and show what stands instead."""
    void = [frames.RESTARTED] if draft.has_shown else []
    draft = draft.without_void(event).with_text(event, _values(event, reveal))
    draft, text = draft.show(draft.released)
    return Made(draft, void + _delta(text), {})


def complete(draft: Draft, event: AnswerReleased, reveal: Reveal) -> Made:
    """Show what was held back, and close."""
    draft, text = draft.with_values(reveal(event.entries)).show(draft.tail, to_the_end=True)
    return _closed(draft, event, _delta(text))


def stand_alone(draft: Draft, event: AnswerReleased, reveal: Reveal) -> Made:
    """Show the text of the closing record instead of what came of it, and close."""
    void = [frames.RESTARTED] if draft.has_shown or draft.tail else []
    draft = draft.with_values(reveal(event.entries)).with_nothing_shown()
    draft, text = draft.show(event.text, to_the_end=True)
    return _closed(draft, event, [*void, {"type": "delta", "text": text}])


def retract(draft: Draft, event: AnswerRetracted, _: Reveal) -> Made:
    """Take the answer away."""
    frame = {"type": "retracted", "reason": event.reason}
    closing = {"finish_reason": "retracted", "text": "", "reason": event.reason}
    return Made(draft.without_answer(event), [frame], closing)


def give_up(draft: Draft, event: EventRejected, _: Reveal) -> Made:
    """Say that a step gave up."""
    problem, frame = frames.error_of(event)
    return Made(draft, [frame], {"finish_reason": "error", "error": problem})


def _closed(draft: Draft, event: AnswerReleased, before: list[Frame]) -> Made:
    closing = frames.closing_of(event.answer, draft.shown, lambda text: restore(text, draft.values))
    return Made(draft, [*before, {"type": "completed", **closing}], closing)


def _delta(text: str) -> list[Frame]:
    return [{"type": "delta", "text": text}] if text else []


def _values(event: TokensReleased, reveal: Reveal) -> Mapping[str, str]:
    return reveal(event.entries) if event.entries else {}


# ---------------------------------------------------------------------- the table

ACCEPTED, ANSWERING, COMPLETED, RETRACTED, FAILED = AnswerState
RETRIEVE, CONTINUE, RESTART, REPEAT, LATE, COMPLETE, SETTLE, RETRACT, FAIL = Move
CLOSED = (COMPLETED, RETRACTED, FAILED)

MOVES: Mapping[tuple[AnswerState, Move], tuple[AnswerState, Maker]] = {
    # where it stands, what comes: where it stands then, what makes the frames
    (ACCEPTED, RETRIEVE): (ACCEPTED, tell_retrieval),
    (ACCEPTED, CONTINUE): (ANSWERING, go_on),
    (ACCEPTED, RESTART): (ANSWERING, start_over),
    (ACCEPTED, COMPLETE): (COMPLETED, complete),
    (ACCEPTED, SETTLE): (COMPLETED, stand_alone),
    (ACCEPTED, RETRACT): (RETRACTED, retract),
    (ACCEPTED, FAIL): (FAILED, give_up),
    (ANSWERING, RETRIEVE): (ANSWERING, tell_retrieval),
    (ANSWERING, CONTINUE): (ANSWERING, go_on),
    (ANSWERING, RESTART): (ANSWERING, start_over),
    (ANSWERING, REPEAT): (ANSWERING, note_attempt),
    (ANSWERING, COMPLETE): (COMPLETED, complete),
    (ANSWERING, SETTLE): (COMPLETED, stand_alone),
    (ANSWERING, RETRACT): (RETRACTED, retract),
    (ANSWERING, FAIL): (FAILED, give_up),
    (COMPLETED, RETRIEVE): (COMPLETED, tell_retrieval),
    (COMPLETED, CONTINUE): (COMPLETED, go_on),
    (COMPLETED, RESTART): (ANSWERING, start_over),
    (COMPLETED, REPEAT): (COMPLETED, note_attempt),
    (COMPLETED, LATE): (COMPLETED, note_text),
    (COMPLETED, RETRACT): (RETRACTED, retract),
    (RETRACTED, RETRIEVE): (RETRACTED, tell_retrieval),
    (RETRACTED, CONTINUE): (RETRACTED, go_on),
    (RETRACTED, RESTART): (ANSWERING, start_over),
    (RETRACTED, REPEAT): (RETRACTED, note_attempt),
    (FAILED, RETRIEVE): (FAILED, tell_retrieval),
    (FAILED, CONTINUE): (FAILED, go_on),
    (FAILED, RESTART): (ANSWERING, start_over),
    (FAILED, REPEAT): (FAILED, note_attempt),
    (FAILED, COMPLETE): (COMPLETED, complete),
    (FAILED, SETTLE): (COMPLETED, stand_alone),
    (FAILED, RETRACT): (RETRACTED, retract),
}


def next_of(state: AnswerState, move: Move) -> tuple[AnswerState, Maker]:
    """Return where an answer stands after a move, and what makes the frames."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise ImpossibleMove(f"{move.name} while {state.value}") from None
