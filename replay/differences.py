"""Whether two records are the same, byte for byte, and if not, in what they differ first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replay.rules import StoredOutcome
from schemas import Event, Record
from streams.log.codec import Codec, Undecodable, schema_id_of

VALUE_CHARS_MAX = 60  # shown of a value


def difference(codec: Codec, outcome: StoredOutcome, computed: Event) -> str:
    """Return how a record differs from what its step yields; an empty string where it does not.

    The bytes are compared as the definition spells them that the record was written with.
    """
    stored, meta = outcome.stored, outcome.event.meta
    assert stored.value is not None  # it was decoded
    try:
        again = codec.encode_as(computed, schema_id_of(stored.value))
    except (Undecodable, ValueError) as error:
        return f"the step yields another record: {error}"
    except Exception as error:  # noqa: BLE001 - another's definition makes a writer raise anything
        return f"what the step yields does not fit its definition: {type(error).__name__}"
    if again != stored.value:
        return first_difference(outcome.event, computed)
    if stored.key != meta.tenant.encode():
        return "the Kafka key is not meta.tenant"
    if stored.partition != meta.lane:
        return f"it lies in partition {stored.partition}, meta.lane is {meta.lane}"
    return ""


def first_difference(stored: Record, computed: Record) -> str:
    """Name the first field in which two records differ, with both values cut short."""
    if stored.SCHEMA != computed.SCHEMA:
        return f"the step yields {computed.SCHEMA}, the log holds {stored.SCHEMA}"
    return _first("", stored.to_avro(), computed.to_avro()) or "the bytes differ, the fields do not"


def _first(path: str, one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        return _first_of(
            (f"{path}.{key}" if path else key, value, other.get(key)) for key, value in one.items()
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = enumerate(zip(one, other, strict=False))
        first = _first_of((f"{path}[{position}]", a, b) for position, (a, b) in pairs)
        if first or len(one) == len(other):
            return first
        return f"{path}: the log holds {len(one)} entries, the step yields {len(other)}"
    if one != other:
        return f"{path}: the log holds {_short(one)}, the step yields {_short(other)}"
    return ""


def _first_of(pairs: Iterable[tuple[str, Any, Any]]) -> str:
    return next(filter(None, (_first(*pair) for pair in pairs)), "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 3]}…"
