"""What is shown of a dead letter, in JSON and on a terminal: never a word of a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from schemas import EventRejected, Sealed
from streams.log.codec import Codec, Undecodable
from streams.operations.dead_letters.letters import Letter, instant, short
from streams.topics import topic_of

REJECTED = topic_of(EventRejected)
TRACEBACK_LINES = (3, 12)  # first and last ones on a terminal: where it began and where it broke

IDENTIFYING = """
about categories checksum chunk chunk_policy chunks claim code configuration degraded digest
document error event field finish_reason id index key keys kind media_type mode model name outcome
parser parser_version placeholder policy reason request session step subject tenant topic trace uri
"""
IDENTIFIERS = frozenset(IDENTIFYING.split())
"""Text fields of our records that identify or classify; all others may hold a person's words."""


def shown(name: str, value: Any) -> Any:
    """Render a field of an Avro datum without a word of a person: shapes and identifiers only.

    Sealed values stay sealed. A text whose field is not known to identify is told by its length.
    """
    if isinstance(value, dict):
        if set(value) == set(Sealed.__struct_fields__):
            return {"sealed": {**value, "ciphertext": f"{len(value['ciphertext'])} bytes"}}
        return {key: shown(key, entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [shown(name, entry) for entry in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and value and name not in IDENTIFIERS:
        return f"{len(value)} characters"
    return value


def original(codec: Codec, event: EventRejected) -> dict[str, Any]:
    """Render the rejected record: its fields, or why they can't be read."""
    if event.value is None:
        return {"unreadable": "the bytes were not kept", "size_bytes": 0}
    try:
        record = codec.decode_any(event.value)
    except Undecodable as error:
        return {"unreadable": str(error), "size_bytes": len(event.value)}
    return {
        "record": record.SCHEMA,
        "size_bytes": len(event.value),
        "fields": shown("", record.to_avro()),
    }


def details(codec: Codec, letter: Letter) -> dict[str, Any]:
    """Tell everything of one dead letter."""
    event = letter.event
    meta = event.meta
    key = event.key.decode("utf-8", "replace") if event.key else ""
    return {
        **letter.as_json(),
        "session": meta.session,
        "attempt": meta.attempt,
        "trace": meta.trace,
        "code": meta.step.code,
        "configuration": meta.step.configuration,
        "cause": meta.cause.to_avro() if meta.cause else None,
        # another key than the tenant is what it was rejected for, and may be anything
        "key": key if key == meta.tenant else f"{len(key)} characters",
        "dead_letter": {"topic": REJECTED, "partition": letter.partition, "offset": letter.offset},
        "retries": [
            {"topic": event.topic, "partition": event.partition, "offset": offset}
            for offset in letter.copies
        ],
        "effects": [
            {
                "number": effect.number,
                "kind": effect.kind,
                "model": effect.model,
                "took_ms": round(effect.took_us / 1000, 3),
                "error": effect.error,
                "response": f"{len(effect.response)} bytes" if effect.response else "",
            }
            for effect in meta.effects
        ],
        "traceback": event.traceback,
        "original": original(codec, event),
    }


# ---------------------------------------------------------------------- on a terminal


def lines_of(told: Mapping[str, Any]) -> list[str]:
    """Lay the details of a letter out for a terminal; a long traceback is cut in its middle."""
    lines = []
    for name, value in told.items():
        if name in ("traceback", "original") or value in ("", [], None):
            continue
        if isinstance(value, dict | list):
            lines.append(f"{name}:")
            entries = value if isinstance(value, list) else [value]
            lines += [
                "  " + ", ".join(f"{key} {of_key}" for key, of_key in entry.items() if of_key != "")
                for entry in entries
            ]
        else:
            lines.append(f"{name}: {value}")
    lines.append("original:")
    lines += [f"  {line}" for line in json.dumps(told["original"], indent=1).splitlines()]
    if told["traceback"]:
        lines.append("traceback:")
        lines += [f"  {line}" for line in shortened(told["traceback"].split("\n"))]
    return lines


def shortened(lines: list[str]) -> list[str]:
    """Cut a traceback in its middle: a step that called itself leaves hundreds of equal lines."""
    first, last = TRACEBACK_LINES
    left_out = len(lines) - first - last
    if left_out <= 1:
        return lines
    return [*lines[:first], f"… {left_out} more lines: --json has them all", *lines[-last:]]


def table_of(letters: Iterable[Letter]) -> Table:
    """Lay letters out as rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "time", "tenant", "step", "error", "message", "attempts", "retried"):
        table.add_column(
            name,
            no_wrap=name in ("id", "time"),
            overflow="fold",
            min_width=24 if name == "message" else None,
        )
    for letter in letters:
        event = letter.event
        table.add_row(
            short(letter.id),
            instant(event.meta.at)[:19].replace("T", " "),
            event.meta.tenant or "-",
            event.step,
            event.error,
            event.message.replace("[", r"\["),
            str(event.attempts),
            "no" if letter.status == "open" else letter.status,
        )
    return table
