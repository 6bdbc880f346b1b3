"""Whether a run was right about who wrote its input: the gate of producers, asked again.

What the gate decided by is all on the log: the record with its headers, its place, and the
configuration that the run names as it begins. So a dead letter over a record that nobody signed is
verified as any outcome is, and so is a run over one that somebody did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from replay.log import Stored
from replay.rules import Attempt
from schemas import Begun, Event, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.log.producer_signature import SignedRecord
from streams.running.producer_gate import ProducerRules, Unproved, WrittenAt


def is_unproved(letter: Event) -> bool:
    """Say whether a dead letter rejects a record since nobody proved who wrote it."""
    return (
        isinstance(letter, EventRejected)
        and letter.error == Unproved.__name__
        and not letter.meta.tenant
    )


def against_gate(
    codec: Codec,
    configuration: Callable[[str], dict[str, Any]],
    attempt: Attempt,
    stored: Stored,
    event: Event,
) -> str:
    """Say what speaks against what a run made of its input's producer.

    `event` is the input as it reads; `configuration` gives the values of a digest, and raises what
    it raises where the log holds none.
    """
    letter = is_unproved(attempt.outcomes[-1].event)
    by = _asked_by(codec, attempt)
    if not by:
        return "it rejects a record for its producer, and was asking for no proof" if letter else ""
    at = WrittenAt(stored.topic, stored.partition, stored.offset)
    record = SignedRecord(stored.topic, stored.key or b"", stored.value or b"", event.meta.tenant)
    why = ProducerRules(configuration(by)).why_not(at, record, stored.headers)
    if letter and not why:
        return "it rejects a record for its producer, who proved its tenant"
    if why and not letter:
        return f"its step ran over a record of which nobody proved who wrote it: {why}"
    return ""


def _asked_by(codec: Codec, attempt: Attempt) -> str:
    """Return the digest of the configuration by which a run asked; empty where it did not."""
    effects = attempt.outcomes[0].event.meta.effects
    try:
        return codec.decode(effects[0].response, Begun).producers if effects else ""
    except Undecodable:
        return ""  # told by who runs the attempt again
