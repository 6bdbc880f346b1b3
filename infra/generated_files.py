"""Generated files of the tree: written, or with `--check` held against what they should be."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_or_check(words: Sequence[str], wanted: Mapping[Path, str], folder: str, run: str) -> int:
    """Write files as wanted; with `--check` say which are stale, and return 1 if any is.

    `folder` is where they are said to lie, `run` the command that writes them.
    """
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if "--check" in words:
            sys.stderr.write(f"{folder}/{path.name} is stale: run `{run}`\n")
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if stale and "--check" in words else 0
