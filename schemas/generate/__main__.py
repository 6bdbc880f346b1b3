"""Write the generated modules, or with `--check` say which are stale."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.generate import generated, stale


def main(arguments: Sequence[str], modules: Mapping[Path, str] | None = None) -> int:
    """Write, or check, what each module should hold."""
    modules = generated() if modules is None else modules
    if "--check" in arguments:
        paths = list(stale(modules))
        for path in paths:
            sys.stderr.write(f"schemas/{path.name} is stale: run `python -m schemas.generate`\n")
        return 1 if paths else 0
    for path, text in modules.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
