"""Whether a step can have given up on an input as its dead letter says.

There are three ways to a dead letter (`streams.delivery.processing`): the input can't be read, the
step raises, or an outcome does not fit a record. Each leaves other traces.
"""

from __future__ import annotations

import re

from agents.errors import Unforeseen
from replay.recorded import Contradiction, recorded_kind
from schemas import Event, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.log.writing import RecordTooLarge
from streams.running.admit import OUTCOME_BYTES_MAX, WrongTenant
from streams.running.producer_gate import Unproved
from streams.topics import Step

UNREADABLE = frozenset({Undecodable.__name__, WrongTenant.__name__, Unproved.__name__})
TOO_LARGE = re.compile(r"(\w+) would take (\d{1,12}) bytes, a record holds (\d{1,12})\b")


def fits(codec: Codec, event: Event) -> bool:
    """Say whether an outcome fits a record."""
    return len(codec.encode(event)) <= OUTCOME_BYTES_MAX


def against_unread(end: Event) -> str:
    """Say what speaks against what ends an attempt over an input that can't be read."""
    if not isinstance(end, EventRejected):
        return "its input can't be read: no step runs over such a one"
    return "" if end.error in UNREADABLE else f"its input can't be read, and it says {end.error}"


def against_raised(error: Exception, letter: Event, least: int) -> str:
    """Say what speaks against a letter over an input at which the step raises an error.

    `least` is the number that the first run over the input had.
    """
    if not isinstance(letter, EventRejected):
        return "it is no dead letter, and the step gives up"
    kind, told = recorded_kind(error), str(error)
    if isinstance(
        error, Unforeseen
    ):  # a letter names what nobody foresaw by its class, and no more
        kind, told = told, ""
    if letter.error != kind:
        return f"it says {letter.error}, and the step gives up because of {kind}: {error}"
    if recorded_kind(error, "") and not letter.message.startswith(told[: len(letter.message)]):
        return f"its message is not that of the effect that failed: {error}"
    if not 1 <= letter.attempts <= letter.meta.attempt - least + 1:
        return f"it says {letter.attempts} tries, and its run is number {letter.meta.attempt}"
    return ""


def doubt_of_unfit(step: Step, given: Event, letter: Event, least: int) -> str:
    """Say why a letter of a run that asked for nothing can't be shown to be true.

    An outcome of the run before did not fit, and what that run asked for went with it. So whatever
    else such a letter says can't be shown. Raises Contradiction where it can't be true.
    """
    if not isinstance(letter, EventRejected):
        raise Contradiction("it is no dead letter, and the record says that its run gave up")
    if letter.error != RecordTooLarge.__name__:
        return (
            f"its run asked for nothing and gave up because of {letter.error}: the run before, "
            "which would show that, left nothing"
        )
    if letter.meta.attempt <= least:
        raise Contradiction("it says that an outcome did not fit, and no run before had one")
    said = TOO_LARGE.match(letter.message)
    schemas = {record.SCHEMA for record in step.flows.get(type(given), ())}
    if said is None or said[1] not in schemas or int(said[2]) <= int(said[3]):
        raise Contradiction("it says that an outcome did not fit, and not one that its step writes")
    return ""
