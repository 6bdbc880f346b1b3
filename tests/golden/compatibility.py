"""`make compatibility`: golden logs under other versions of the libraries and of Python that read and cut texts.

Whatever a log holds must verify as equal there, or be called unverifiable by the name of a version; never diverged. Each
library is installed one version up and one down, pre-releases included, beside the environment and not into it; another
Python gets an environment of its own from uv.lock. What there is not (no later version, no such Python here) is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tests.golden.packing import unpacked
from tests.golden.verifying import ROOT, verify

HERE = Path(__file__).parent
LIBRARIES = tuple(os.environ.get("LIBRARIES", "lxml markdown-it-py tokenizers regex").split())
PYTHONS = os.environ.get("PYTHONS", "3.12 3.13").split()
"""Versions, or paths where a version by itself is not found."""
INSTALL_TIMEOUT_S = 600


class Other(NamedTuple):
    """An environment that differs from ours in one thing."""

    name: str
    python: str
    path: str
    """What Python looks through first."""


def uv() -> str:
    """Return the uv that made the environment (infra/local/sync)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return str(max(cache.glob("playhead/build/uv-*/bin/uv")))


def run(*command: str) -> str:
    """Run a command; return what it says where it fails."""
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    return ran.stderr.strip() or "it failed" if ran.returncode else ""


def libraries(place: Path) -> Iterator[Other | str]:
    """Install each library up and down; yield what came of it."""
    for name in LIBRARIES:
        for sign in "<>":
            wanted = f"{name}{sign}{version(name)}"
            target = place / wanted
            told = run(
                uv(), "pip", "install", "--quiet", "--no-deps", "--prerelease=allow",
                f"--python={sys.executable}", f"--target={target}", wanted,
            )  # fmt: skip
            if told:
                yield f"{wanted}: there is none ({told.splitlines()[-1].strip()[:100]})"
                continue
            [found] = target.glob("*.dist-info")
            yield Other(found.stem.replace("-", " "), sys.executable, str(target))


def pythons(place: Path) -> Iterator[Other | str]:
    """Make an environment for each other Python; yield what came of it."""
    required = place / "requirements.txt"
    told = run(
        uv(), "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes",
        f"--output-file={required}",
    )  # fmt: skip
    for count, number in enumerate(PYTHONS):
        environment = place / f"python-{count}"
        python = str(environment / "bin" / "python")
        told = (
            told
            or run(uv(), "venv", "--quiet", f"--python={number}", str(environment))
            or run(uv(), "pip", "install", "--quiet", f"--python={python}", f"-r{required}")
        )
        if told:
            yield f"python {number}: there is none here ({told.splitlines()[0].strip()[:160]})"
            told = ""
        else:
            yield Other(f"python {number}", python, "")


def said_of(report: dict[str, Any]) -> str:
    """Say what became of the records of a log, and what was named where they can't be verified."""
    reasons = Counter(
        entry["reason"].rpartition("; ")[2].rpartition(": ")[2] for entry in report["unverifiable"]
    )
    named = "; ".join(f"{count} x {reason[:110]}" for reason, count in reasons.most_common(2))
    counts = ", ".join(
        f"{len(report[name])} {name}" for name in ("unverifiable", "diverged", "unreadable")
    )
    return f"{report['equal']} of {report['records']} equal, {counts}" + (
        f" ({named})" if named else ""
    )


def main() -> int:
    """Verify each golden log in each environment; 1 where one diverges."""
    releases = sorted(path.parent.name for path in HERE.glob("*/report.json"))
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for other in (*libraries(place), *pythons(place)):
            if isinstance(other, str):
                sys.stdout.write(f"{other}\n")
                continue
            for release in releases:
                copy = unpacked(HERE / release, place / "log")
                path = os.pathsep.join(filter(None, (other.path, str(ROOT))))
                options = ("--archive", str(copy / "log"), "--jobs", "1")
                code, report = verify(copy, *options, python=other.python, PYTHONPATH=path)
                failed = failed or code not in {0, 3}
                told = f"{other.name}, log of {release}: {said_of(report)}, exit {code}\n"
                sys.stdout.write(told)
                sys.stdout.flush()
                shutil.rmtree(copy)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
