"""How processes go in which a loop stands or computes: all cases of a module, side by side."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]

Courses = dict[str, tuple[int, list[str]]]
"""Case -> exit code, and the lines that were said."""


def courses_in(module: str, cases: Sequence[str]) -> Courses:
    """Run a module of this folder with its cases, and return what it tells of them."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.streams.watching.{module}", *cases],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
