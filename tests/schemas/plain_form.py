"""The canonical form put together from the definitions alone, slowly: what the generated code must give."""

import struct

from schemas.binary import LONG
from schemas.definitions import NAMESPACE, definitions

TAGS = {
    "string": b"s",
    "bytes": b"b",
    "int": b"i",
    "long": b"i",
    "float": b"f",
    "double": b"d",
    "boolean": b"?",
}


def sized(data):
    return LONG[len(data)] + data


def named(name):
    return sized(name.encode())


def primitive(kind, value):
    match kind:
        case "string":
            return sized(value.encode())
        case "bytes":
            return sized(value)
        case "int" | "long":
            return LONG[value]
        case "float":
            return struct.pack("<f", value)
        case "double":
            return struct.pack("<d", value)
        case "boolean":
            return b"\1" if value else b"\0"
    raise AssertionError(kind)


def record_name(schema):
    return (
        isinstance(schema, str)
        and schema.startswith(f"{NAMESPACE}.")
        and schema.removeprefix(f"{NAMESPACE}.")
    )


def tagged(schema, value, every):
    """The tag of a type, and a value of it."""
    match schema:
        case ["null", branch]:
            return (b"n", b"") if value is None else tagged(branch, value, every)
        case {"type": "array", "items": items}:
            tag = (
                b"r"
                if record_name(items)
                else TAGS[items["type"] if isinstance(items, dict) else items]
            )
            return b"a" + tag, LONG[len(value)] + b"".join(
                tagged(items, item, every)[1] for item in value
            )
        case {"type": "map"}:
            entries = sorted((key.encode(), text.encode()) for key, text in value.items())
            return b"m", LONG[len(entries)] + b"".join(
                sized(key) + sized(text) for key, text in entries
            )
        case {"type": kind}:
            return TAGS[kind], primitive(kind, value)
    if name := record_name(schema):
        return b"r", plain_form(every[name], value, every)
    return TAGS[schema], primitive(schema, value)


def default_of(field):
    match field["type"], field["default"]:
        case "bytes", text:
            return text.encode("latin-1")
        case _, []:
            return ()
    return field["default"]


def plain_form(definition, record, every=None):
    """The form of a record by its definition; `every` holds the definitions of the records in it."""
    every = definitions() if every is None else every
    parts = [named(definition["name"])]
    for field in sorted(definition["fields"], key=lambda field: field["name"]):
        value = getattr(record, field["name"])
        if not field.get("digested", True):
            continue
        tag, data = tagged(field["type"], value, every)
        if "default" in field and (tag, data) == tagged(field["type"], default_of(field), every):
            continue
        parts += [named(field["name"]), tag, data]
    return b"".join([*parts, b"\0"])
