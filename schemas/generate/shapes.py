"""Shapes: what the Avro types of fields are in Python, and which record needs which."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.words import WORDS

PRIMITIVES = {
    "string": "str",
    "bytes": "bytes",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
}


def name_of(reference: str) -> str:
    """Return the name of a record without its namespace."""
    return reference.rsplit(".", 1)[-1]


def is_record(schema: Any) -> bool:
    """Tell whether a type is one of our records."""
    return isinstance(schema, str) and schema not in PRIMITIVES and schema != "null"


def annotation(schema: Any) -> str:
    """Spell the Python type of a value; raises ValueError for a type that no record has yet."""
    match schema:
        case str():
            return PRIMITIVES.get(schema, name_of(schema))
        case ["null", branch]:
            return f"{annotation(branch)} | None"
        case {"type": "array", "items": items}:
            return f"tuple[{annotation(items)}, ...]"
        case {"type": "map"}:
            return "Mapping[str, str]"
        case {"type": "long"}:
            return "int"
    raise ValueError(
        f"no Python type for the Avro type {schema}: add it to schemas/generate/shapes.py"
    )


def words_type(record: str, field: str) -> str | None:
    """Name the type of a field's words: ChunksCut.outcome -> ChunksCutOutcome; None for a text."""
    if f"{record}.{field}" not in WORDS:
        return None
    return record + "".join(part.capitalize() for part in field.split("_"))


def in_order(definitions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List records so that each stands behind those that it needs, and Meta before all events."""
    placed: list[str] = []

    def place(name: str) -> None:
        if name not in placed:
            for need in sorted(set(_needs(definitions[name]))):
                place(need)
            placed.append(name)

    place("Meta")
    for name in definitions:
        place(name)
    return placed


def _needs(definition: Mapping[str, Any]) -> Iterator[str]:
    for entry in definition["fields"]:
        yield from _records_in(entry["type"])
    if response := definition.get("response"):
        yield response


def _records_in(schema: Any) -> Iterator[str]:
    match schema:
        case list():
            for branch in schema:
                yield from _records_in(branch)
        case {"type": "array", "items": items}:
            yield from _records_in(items)
        case str() if is_record(schema):
            yield name_of(schema)


def digested_records(definitions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List the records whose digests are on the log, with those in them, in order of need.

    That is every request, and every response to a local one.
    """
    found: set[str] = set()

    def add(name: str) -> None:
        if name not in found:
            found.add(name)
            for entry in definitions[name]["fields"]:
                for need in _records_in(entry["type"]):
                    add(need)

    for name, definition in definitions.items():
        if "response" in definition:
            add(name)
            if definition["effect"] == "local":
                add(definition["response"])
    return [name for name in in_order(definitions) if name in found]


def version_field(definition: Mapping[str, Any]) -> str:
    """Name the field that stands beside the record's digest; an empty string where none does.

    Raises ValueError for more than one, and for one that is no string.
    """
    beside = [entry for entry in definition["fields"] if not entry.get("digested", True)]
    if not beside:
        return ""
    if len(beside) > 1 or beside[0]["type"] != "string":
        raise ValueError(
            f"{definition['name']}: one string may be beside the digest, the versions of what gave "
            "the response"
        )
    return str(beside[0]["name"])


def quoted(words: str) -> str:
    """Spell a text as a literal in Python."""
    return json.dumps(words, ensure_ascii=False)
