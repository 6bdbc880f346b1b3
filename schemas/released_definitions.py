"""Records as a release defined them: what stands on the log for ever may be spelt by these."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import to_parsing_canonical_form
from fastavro.types import Schema

from schemas import wire
from schemas.definitions import self_contained, without_logical_types
from schemas.record import Record

RELEASED = Path(__file__).parent / "released"


@cache
def released(version: str, folder: Path = RELEASED) -> dict[str, dict[str, Any]]:
    """Return the definitions of a release, by record; each holds those that it refers to."""
    path = folder / f"{version}.json"
    definitions: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return definitions


def encode_as_released(record: Record, version: str, folder: Path = RELEASED) -> bytes:
    """Return the Avro encoding that a release gave a record: fields that it lacked drop out.

    Raises ValueError for a record that the release did not have.
    """
    schema = _schema(record.SCHEMA, version, folder)
    if schema is None:
        return wire.encode(record)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record.to_avro())
    return out.getvalue()


@cache
def _schema(name: str, version: str, folder: Path) -> Schema | None:
    """Parse a record's definition of a release; None for one that means what ours means."""
    if name not in released(version, folder):
        raise ValueError(f"{version} had no record {name}")
    then = without_logical_types(released(version, folder)[name])
    ours = without_logical_types(self_contained(name))
    if to_parsing_canonical_form(then) == to_parsing_canonical_form(ours):
        return None
    return fastavro.parse_schema(then, {})
