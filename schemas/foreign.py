"""Definitions that others wrote: whether records may be read by them.

A registry takes what it is given, and a reader of Avro follows a definition wherever it leads: into
itself for as long as the bytes say so, over a billion items that take no byte, through references
that double at each step. So a definition is looked at before anything is read by it. Nothing that
our own definitions, of whatever version, do is refused.
"""

from __future__ import annotations

from typing import Any

TEXT_CHARACTERS_MAX = 524_288
"""Of a definition as JSON; ours take up to some 40,000."""
LEVELS_MAX = 64
"""Of types within types; ours nest some ten."""
TYPES_MAX = 100_000
"""Types of a definition, each counted wherever it is referred to; ours have some hundreds."""
BYTES_LEAST = {
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "bytes": 1,
    "string": 1,
    "array": 1,
    "map": 1,
    "enum": 1,
}
"""The fewest bytes that a value takes."""


class UnfitDefinition(ValueError):
    """A definition by which nothing may be read; the message says why."""


def check(definition: Any) -> None:
    """Raise UnfitDefinition for a definition by which reading might never end or go too deep."""
    _Walk().look_at(definition, 0)


class _Walk:
    """Goes through a definition once; of a type that has a name it keeps what it found."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}
        """Name -> types that it holds, and the fewest bytes of a value."""
        self._open: set[str] = set()
        """Names of the types that hold the one that is looked at."""

    def look_at(self, schema: Any, level: int) -> tuple[int, int]:
        """Return how many types a schema holds, and the fewest bytes that a value takes."""
        if level > LEVELS_MAX:
            raise UnfitDefinition(f"types nest more than {LEVELS_MAX} levels deep")
        if isinstance(schema, str):
            return self._named(schema)
        if isinstance(schema, list):
            types = 1 + sum(self.look_at(branch, level + 1)[0] for branch in schema)
            return _within(types), 1
        if not isinstance(schema, dict) or "type" not in schema:
            raise UnfitDefinition("a type is neither a name, a union nor an object with a type")
        return self._object(schema, level)

    def _named(self, name: str) -> tuple[int, int]:
        if name in BYTES_LEAST:
            return 1, BYTES_LEAST[name]
        short = name.rpartition(".")[2]
        if short in self._open:
            raise UnfitDefinition(f"{short} holds itself")
        return self._known.get(short, (1, 0))

    def _object(self, schema: dict[str, Any], level: int) -> tuple[int, int]:
        kind = schema["type"]
        name = str(schema.get("name", "")).rpartition(".")[2]
        match kind:
            case "array" | "map":
                types, least = self.look_at(schema.get("items", schema.get("values")), level + 1)
                if kind == "array" and not least:
                    raise UnfitDefinition("an array has items that take no byte")
                found = _within(types + 1), 1
            case "record" | "error":
                found = self._record(schema, name, level)
            case "fixed":
                found = 1, int(schema.get("size", 0))
            case "enum":
                found = 1, 1
            case _:
                found = self.look_at(kind, level + 1)
        if name:
            self._known[name] = found
        return found

    def _record(self, schema: dict[str, Any], name: str, level: int) -> tuple[int, int]:
        if name in self._open:
            raise UnfitDefinition(f"{name} holds itself")
        self._open.add(name)
        types, least = 1, 0
        for field in schema.get("fields", ()):
            if not isinstance(field, dict):
                raise UnfitDefinition(f"a field of {name} is no object")
            more_types, more_bytes = self.look_at(field.get("type"), level + 1)
            types, least = _within(types + more_types), least + more_bytes
        self._open.discard(name)
        return types, least


def _within(types: int) -> int:
    if types > TYPES_MAX:
        raise UnfitDefinition(
            f"it holds more than {TYPES_MAX} types, each counted wherever it is referred to"
        )
    return types
