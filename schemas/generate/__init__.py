"""Generator of `records.py`, `wire.py` and `canonical.py`: `python -m schemas.generate`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.definitions import definitions
from schemas.generate import canonical, records, wire

FOLDER = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Return what the generated modules should hold."""
    return {
        FOLDER / "records.py": records.text(definitions()),
        FOLDER / "wire.py": wire.text(definitions()),
        FOLDER / "canonical.py": canonical.text(definitions()),
    }


def stale(modules: Mapping[Path, str]) -> Iterator[Path]:
    """Name the modules that do not hold what they should."""
    for path, text in modules.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path
