"""Write `records.py` from the definitions: `python -m schemas.generate` (`--check` only compares)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from schemas.definitions import definitions

TARGET = Path(__file__).parent / "records.py"
PRIMITIVES = {
    "string": "str",
    "bytes": "bytes",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
}
HEAD = '''"""Typed records. Generated from avro/*.avsc by `python -m schemas.generate`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from schemas.record import Event, Record, Request, StreamRequest
'''
UNSTAMPED = '''
UNSTAMPED = Meta(
    id="",
    tenant="",
    lane=-1,
    request="",
    session="",
    at=0,
    step=StepVersion(name="", code="", configuration=""),
)
"""The meta of an event that no run has stamped yet."""
'''


def _name(reference: str) -> str:
    return reference.rsplit(".", 1)[-1]


def _is_record(schema: Any) -> bool:
    return isinstance(schema, str) and schema not in PRIMITIVES and schema != "null"


def _annotation(schema: Any) -> str:
    match schema:
        case str():
            return PRIMITIVES.get(schema, _name(schema))
        case ["null", branch]:
            return f"{_annotation(branch)} | None"
        case {"type": "array", "items": items}:
            return f"tuple[{_annotation(items)}, ...]"
        case {"type": "map"}:
            return "Mapping[str, str]"
        case {"type": "long"}:
            return "int"
    raise ValueError(f"no Python type for the Avro type {schema}: add it to schemas/generate.py")


def _outward(schema: Any, value: str) -> str:
    match schema:
        case ["null", branch] if _is_record(branch):
            return f"None if {value} is None else {value}.to_avro()"
        case {"type": "array", "items": items} if _is_record(items):
            return f"[item.to_avro() for item in {value}]"
        case {"type": "array"}:
            return f"list({value})"
        case {"type": "map"}:
            return f"dict({value})"
        case str() if _is_record(schema):
            return f"{value}.to_avro()"
    return value


def _inward(schema: Any, value: str) -> str:
    match schema:
        case ["null", branch] if _is_record(branch):
            return f"None if {value} is None else {_name(branch)}.from_avro({value})"
        case {"type": "array", "items": items} if _is_record(items):
            return f"tuple([{_name(items)}.from_avro(item) for item in {value}])"
        case {"type": "array"}:
            return f"tuple({value})"
        case str() if _is_record(schema):
            return f"{_name(schema)}.from_avro({value})"
    return value


def _default(entry: dict[str, Any]) -> str:
    if entry["name"] == "meta" and _is_record(entry["type"]):
        return " = UNSTAMPED"
    if "default" not in entry:
        return ""
    default = entry["default"]
    match entry["type"]:
        case {"type": "array"}:
            return " = ()"
        case {"type": "map"}:
            return " = field(default_factory=dict)"
        case "bytes":
            return f" = {default.encode('latin-1')!r}".replace("'", '"')
        case "string":
            return f' = "{default}"'
        case "double" | "float":
            return f" = {float(default)}"
    return f" = {default}"


def _docstring(text: str, indent: str = "    ") -> str:
    """Lay a doc out as a docstring of at most 100 columns."""
    line = f'{indent}"""{text}"""'
    if len(line) <= 100:
        return line
    words, lines, width = text.split(), [], 100 - len(indent)
    current = '"""'
    for word in words:
        if len(current) + 1 + len(word) > width:
            lines.append(current)
            current = word
        else:
            current += word if current == '"""' else f" {word}"
    return "\n".join(indent + row for row in [*lines, current, '"""'])


def _record(definition: dict[str, Any]) -> str:
    name, fields = definition["name"], definition["fields"]
    base, extra = "Record", []
    if fields and fields[0]["name"] == "meta":
        base = "Event"
    if response := definition.get("response"):
        effect = definition["effect"]
        base = f"{'StreamRequest' if effect == 'stream' else 'Request'}[{response}]"
        kinds = 'Literal["recorded", "local", "stream"]'
        extra = [
            f'    EFFECT: ClassVar[{kinds}] = "{effect}"',
            f"    PERSONAL: ClassVar[bool] = {definition.get('personal', False)}",
            f"    RESPONSE: ClassVar[type[Record]] = {response}",
        ]
    rows = [
        "@dataclass(frozen=True, slots=True, kw_only=True)",
        f"class {name}({base}):",
        _docstring(definition["doc"]),
        "",
        f'    SCHEMA: ClassVar[str] = "{name}"',
        *extra,
    ]
    if fields:
        rows.append("")
    for entry in fields:
        rows.append(f"    {entry['name']}: {_annotation(entry['type'])}{_default(entry)}")
        rows.append(_docstring(entry["doc"]))
    rows += ["", "    def to_avro(self) -> dict[str, Any]:"]
    if fields:
        rows.append("        return {")
        for entry in fields:
            value = _outward(entry["type"], f"self.{entry['name']}")
            rows.append(f'            "{entry["name"]}": {value},')
        rows.append("        }")
    else:
        rows.append("        return {}")
    rows += ["", "    @classmethod", "    def from_avro(cls, datum: dict[str, Any]) -> Self:"]
    if fields:
        rows.append("        return cls(")
        for entry in fields:
            value = _inward(entry["type"], f'datum["{entry["name"]}"]')
            rows.append(f"            {entry['name']}={value},")
        rows.append("        )")
    else:
        rows.append("        return cls()")
    return "\n".join(rows)


def _needs(definition: dict[str, Any]) -> set[str]:
    """Name the records that must stand before this one."""
    found: set[str] = set()

    def visit(schema: Any) -> None:
        match schema:
            case list():
                for branch in schema:
                    visit(branch)
            case {"type": "array", "items": items}:
                visit(items)
            case str() if _is_record(schema):
                found.add(_name(schema))

    for entry in definition["fields"]:
        visit(entry["type"])
    if response := definition.get("response"):
        found.add(response)
    return found


def generated() -> str:
    """Return the text of `records.py`."""
    found = definitions()
    done: list[str] = []

    def place(name: str) -> None:
        if name not in done:
            for need in sorted(_needs(found[name])):
                place(need)
            done.append(name)

    place("Meta")
    for name in found:
        place(name)
    names = "\n".join(f'    "{name}",' for name in sorted([*done, "UNSTAMPED"]))
    parts = [HEAD, f"__all__ = [\n{names}\n]\n"]
    for name in done:
        parts.append(f"\n{_record(found[name])}\n")
        if name == "Meta":
            parts.append(UNSTAMPED)
    return "\n".join(parts)


def main() -> int:
    """Write the module, or with `--check` say whether it is stale."""
    text = generated()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("schemas/records.py is stale: run `python -m schemas.generate`\n")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
