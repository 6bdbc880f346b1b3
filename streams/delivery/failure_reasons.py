"""Failures: why a step gave up on an input, in words that hold nobody's text."""

from __future__ import annotations

from agents.errors import Permanent, Transient, Unforeseen
from schemas import Failed
from streams.watching.logs import places

NAME_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 4_000  # what a service says of an error may have no end
TRACEBACK_CHARS_MAX = 16_000  # the last ones: the place of the error stands there


def failed(error: Exception, tries: int) -> Failed:
    """Say why a step gave up, without the text of a person.

    The messages of Transient and Permanent are written for this. Another exception is a mistake in
    the code; what it says may quote the text that it stumbled over, so only its class and its place
    are told.
    """
    stack = places(error)
    if isinstance(error, Unforeseen) and isinstance(error.__cause__, Exception):
        error = error.__cause__
        stack += f"\n{places(error)}"
    stack = stack[-TRACEBACK_CHARS_MAX:]
    if isinstance(error, Permanent):
        message = _said(error)
    elif isinstance(error, Transient):
        message = (
            f"{_said(error)} (given up after {tries} tries; retry it when the service is back)"
        )
    else:
        where = stack.rpartition("\n")[2]
        message = f"a mistake in the code at {where}: report it, then retry the dead letter"
    return _failed(error, message, stack, tries)


def unreadable_because(error: Exception, place: str) -> Failed:
    """Say why a record reaches no step."""
    return _failed(error, f"{_said(error)} ({place})", "", 1)


def _said(error: Exception) -> str:
    try:
        return str(error)[:MESSAGE_CHARS_MAX]
    except Exception:  # noqa: BLE001 - an error that can't say itself is rejected all the same
        return "it says nothing"


def _failed(error: Exception, message: str, stack: str, tries: int) -> Failed:
    """Bound every field, and leave out what no text on the log may hold."""
    name, text, trace = (
        part.encode("utf-8", "replace").decode()
        for part in (type(error).__name__[:NAME_CHARS_MAX], message[:MESSAGE_CHARS_MAX], stack)
    )
    return Failed(error=name, message=text, traceback=trace, attempts=tries)
