"""Failures: why a step gave up on an input, in words that hold nobody's text."""

from __future__ import annotations

from agents.errors import Permanent, Transient
from schemas import Failed
from streams.watching.logs import places

MESSAGE_MAX = 4_000  # characters: what a service says of an error may have no end
TRACEBACK_MAX = 16_000  # characters, the last ones: the place of the error stands there


def failed(error: Exception, tries: int) -> Failed:
    """Say why a step gave up, without the text of a person.

    The messages of Transient and Permanent are written for this. Another exception is a mistake in
    the code; what it says may quote the text that it stumbled over, so only its class and its place
    are told.
    """
    stack = places(error)[-TRACEBACK_MAX:]
    if isinstance(error, Permanent):
        message = str(error)
    elif isinstance(error, Transient):
        message = f"{error} (given up after {tries} tries; retry it when the service is back)"
    else:
        where = stack.rpartition("\n")[2]
        message = f"a mistake in the code at {where}: report it, then retry the dead letter"
    return Failed(
        error=type(error).__name__,
        message=message[:MESSAGE_MAX],
        traceback=stack,
        attempts=tries,
    )


def unreadable_because(error: Exception, place: str) -> Failed:
    """Say why a record reaches no step."""
    return Failed(
        error=type(error).__name__,
        message=f"{error} ({place})"[:MESSAGE_MAX],
        traceback="",
        attempts=1,
    )
