"""Offline check of the definitions: `python -m schemas.check`.

Every definition must be valid Avro, `records.py` must not be stale, and each record must be
FULL_TRANSITIVE compatible with every version that was released (`released/<version>.json`): old
readers read new bytes and new readers old bytes. `--release VERSION` adds the present definitions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas import generate
from schemas.definitions import definitions, self_contained

RELEASED = Path(__file__).parent / "released"


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


def problems() -> Iterator[str]:
    """Yield what is wrong with the definitions, and what to do."""
    for name in definitions():
        try:
            _parse(self_contained(name))
        except avro.errors.AvroException as error:
            yield f"{name} is no valid Avro: {error}"
            return
    if generate.TARGET.read_text(encoding="utf-8") != generate.generated():
        yield "schemas/records.py is stale: run `python -m schemas.generate`"
    for path in sorted(RELEASED.glob("*.json")):
        released = json.loads(path.read_text(encoding="utf-8"))
        for name, old in released.items():
            if name not in definitions():
                yield f"{name} was released in {path.stem} and is gone: put it back"
                continue
            for why in incompatibilities(old, self_contained(name)):
                yield (
                    f"{name} does not fit its version of {path.stem}, {why}: "
                    "keep old fields and give new ones a default"
                )


def main() -> int:
    """Check, or release."""
    if sys.argv[1:2] == ["--release"]:
        target = RELEASED / f"{sys.argv[2]}.json"
        RELEASED.mkdir(exist_ok=True)
        everything = {name: self_contained(name) for name in definitions()}
        target.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
        return 0
    found = list(problems())
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
