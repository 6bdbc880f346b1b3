"""Which answers make a turn of their conversation, and what of them: live, and whoever checks it.

It stands apart from the tables that keep turns (`step_tables.py`), which bring Faust along.
"""

from __future__ import annotations

from schemas import AnswerReleased, Turn

NO_TURN = frozenset({"refused", "search", "small_talk", "tool_calls"})
"""Ways in which a request ends without an answer that a later question could refer to."""


def makes_turn(released: AnswerReleased) -> bool:
    """Say whether a later question of the conversation could refer to an answer.

    One that was cancelled counts as far as it was shown.
    """
    if released.answer.finish_reason == "cancelled":
        return bool(released.text)
    return released.answer.finish_reason not in NO_TURN


def turn_of(released: AnswerReleased) -> Turn:
    """Return the turn that an answer makes."""
    return Turn(
        request=released.meta.request,
        question=released.answer.query,
        answer=released.text,
        entries=released.entries,
        unanswered=released.answer.finish_reason == "not_found",
    )
