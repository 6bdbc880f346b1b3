"""The Avro definitions under `avro/`, loaded and made self-contained."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import to_parsing_canonical_form
from fastavro.types import Schema

FOLDER = Path(__file__).parent / "avro"
NAMESPACE = "playhead"


@cache
def snake_case(name: str) -> str:
    """Spell a record's name as its file: ChunksRetrieved -> chunks_retrieved."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """Return every definition by record name, in the order of the file names."""
    return load(FOLDER)


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the definitions of a folder.

    Raises ValueError for a file whose name differs from its record, or a field without a doc.
    """
    loaded = {}
    for path in sorted(folder.glob("*.avsc")):
        definition = json.loads(path.read_text(encoding="utf-8"))
        name = definition["name"]
        if path.stem != snake_case(name):
            raise ValueError(f"{path.name} defines {name}: rename it to {snake_case(name)}.avsc")
        bare = [field["name"] for field in definition["fields"] if not field.get("doc")]
        if bare or not definition.get("doc"):
            raise ValueError(f"{path.name}: give a doc to {', '.join(bare) or 'the record'}")
        loaded[name] = definition
    return loaded


def self_contained(name: str) -> dict[str, Any]:
    """Return the definition of a record with every record that it refers to put in place."""
    inlined: set[str] = set()

    def inline(schema: Any) -> Any:
        if isinstance(schema, list):
            return [inline(branch) for branch in schema]
        if isinstance(schema, dict):
            if schema["type"] == "array":
                return {**schema, "items": inline(schema["items"])}
            return schema
        if isinstance(schema, str) and schema.startswith(f"{NAMESPACE}."):
            return record(schema.removeprefix(f"{NAMESPACE}."))
        return schema

    def record(name: str) -> Any:
        if name in inlined:
            return f"{NAMESPACE}.{name}"
        inlined.add(name)
        definition = definitions()[name]
        fields = [{**field, "type": inline(field["type"])} for field in definition["fields"]]
        return {**definition, "fields": fields}

    whole: dict[str, Any] = record(name)
    return whole


def without_logical_types(schema: Any) -> Any:
    """Drop logical types, so that fastavro hands times over as the integers that are on the wire.

    The bytes are the same; converting to datetime and back would cost microseconds a field.
    """
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: without_logical_types(value)
            if key in ("type", "items", "values", "fields")
            else value
            for key, value in schema.items()
            if key != "logicalType"
        }
    return schema


def same_records(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two definitions mean the same bytes: docs, defaults and logical types don't count.

    False for what no parser takes.
    """
    try:
        first, second = (
            to_parsing_canonical_form(without_logical_types(each)) for each in (one, other)
        )
    except Exception:  # noqa: BLE001 - whatever a stranger's definition makes a parser raise
        return False
    return first == second


@cache
def parsed(name: str) -> Schema:
    """Return the schema of a record, ready for fastavro."""
    return fastavro.parse_schema(without_logical_types(self_contained(name)))
