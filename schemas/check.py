"""Offline check of the definitions: `python -m schemas.check`.

Every definition must be valid Avro, the generated modules must not be stale, the words of
`words.py` must be those of the fields' docs, and each record must be FULL_TRANSITIVE compatible
with every version that was released (`released/<version>.json`): old readers read new bytes and new
readers old bytes. What digests on the log are taken of may gain fields with a default, and change
in nothing else. `--release VERSION` adds the present definitions.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.definitions import NAMESPACE, definitions, self_contained
from schemas.generate import generated, stale
from schemas.generate.shapes import digested_records
from schemas.words import WORDS

RELEASED = Path(__file__).parent / "released"
WITHOUT_CANONICAL_FORM = frozenset({"0.1.0"})
"""Releases whose digests are of another form, which leaves no field out."""


def _parse(definition: dict[str, Any]) -> avro.schema.Schema:
    return avro.schema.parse(json.dumps(definition))


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Say in which direction, and why, two versions of a record do not fit each other."""
    before, now = _parse(old), _parse(new)
    for reader, writer, direction in ((now, before, "backward"), (before, now, "forward")):
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # theirs
        result = checker.get_compatibility(reader=reader, writer=writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            yield f"{direction}: {'; '.join(sorted(result.messages)) or 'incompatible'}"


def changed_digests(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]], *, whole: bool = False
) -> Iterator[str]:
    """Say what of digests on the log would come out differently by the new definitions.

    Digests that are of a `whole` record do not mind which of its fields are marked as left out.
    """
    before = {name: _referring(definition) for name, definition in old.items()}
    for name in digested_records(before):
        then, now = before[name], _referring(new.get(name, {"fields": []}))
        for part in ("effect", "personal", "response"):
            if name in new and then.get(part) != now.get(part):
                yield f"{name}: its {part}"
        fields = {entry["name"]: entry for entry in now["fields"]}
        for entry in then["fields"]:
            there = fields.get(entry["name"])
            for what in ("it is gone",) if there is None else _changed(entry, there, whole=whole):
                yield f"{name}.{entry['name']}: {what}"


def _changed(then: Mapping[str, Any], now: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """Say what of a field is another than it was, and seen in a digest."""
    if then["type"] != now["type"]:
        yield "its type"
    if then.get("default", ...) != now.get("default", ...):
        yield "its default"
    if not whole and then.get("digested", True) != now.get("digested", True):
        yield "whether it is digested"


def _referring(definition: dict[str, Any]) -> dict[str, Any]:
    """Name the records that a definition has put in place, and unify what is digested alike."""
    fields = [{**entry, "type": _unified(entry["type"])} for entry in definition["fields"]]
    return {**definition, "fields": fields}


def _unified(schema: Any) -> Any:
    """Return a type such that two are equal where the digests of their values are."""
    match schema:
        case list():
            return sorted(map(_unified, schema), key=str)
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _unified(items)}
        case {"type": "record", "name": name}:
            return f"{NAMESPACE}.{name}"
        case "int" | {"type": "int" | "long"}:
            return "long"
    return schema


def misnamed_words(words: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Say which words a field's doc does not list, and which places are no field of strings."""
    for place, listed in words.items():
        record, _, name = place.partition(".")
        fields = {entry["name"]: entry for entry in definitions().get(record, {}).get("fields", ())}
        if name not in fields or fields[name]["type"] != "string":
            yield f"schemas/words.py: {place} is no field of strings: mend its name"
            continue
        doc = fields[name]["doc"]
        documented = re.findall(r"\w+", doc)
        for word in filter(None, listed):
            if word not in documented:
                yield f'schemas/words.py: {place} has "{word}", but its doc says: {doc}'
        default = fields[name].get("default")
        if default is not None and default not in listed:
            yield f'schemas/words.py: {place} lacks its default, "{default}": add it'


def problems(released: Path = RELEASED) -> Iterator[str]:
    """Yield what is wrong with the definitions, and what to do; `released` holds former ones."""
    for name in definitions():
        try:
            _parse(self_contained(name))
        except avro.errors.AvroException as error:
            yield f"{name} is no valid Avro: {error}"
            return
    for path in stale(generated()):
        yield f"schemas/{path.name} is stale: run `python -m schemas.generate`"
    yield from misnamed_words(WORDS)
    for path in sorted(released.glob("*.json")):
        then = json.loads(path.read_text(encoding="utf-8"))
        for change in changed_digests(
            then, definitions(), whole=path.stem in WITHOUT_CANONICAL_FORM
        ):
            yield (
                f"{change} was another in {path.stem}, and digests on logs of then rest on it: put "
                "it back, and give what is new a field of its own, with a default"
            )
        for name, old in then.items():
            if name not in definitions():
                yield f"{name} was released in {path.stem} and is gone: put it back"
                continue
            for why in incompatibilities(old, self_contained(name)):
                yield (
                    f"{name} does not fit its version of {path.stem}, {why}: "
                    "keep old fields and give new ones a default"
                )


def release(version: str, folder: Path = RELEASED) -> None:
    """Keep the present definitions as those of a version."""
    folder.mkdir(exist_ok=True)
    everything = {name: self_contained(name) for name in definitions()}
    target = folder / f"{version}.json"
    target.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Check, or release."""
    if arguments[:1] == ["--release"]:
        release(arguments[1])
        return 0
    wrong = list(problems())
    for problem in wrong:
        sys.stderr.write(f"{problem}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
