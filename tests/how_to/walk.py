"""Walk a how-to of CONTRIBUTING.md in a copy of the tree: its blocks, its commands, then the checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".playhead", ".bench", ".make", "*.egg-info", ".hypothesis", ".*_cache", "dist",
)  # fmt: skip
"""What Python compiled comes along: it looks at a file's time and size, and compiles what was edited anew."""
GENERATED = {
    "schemas/records.py",
    "schemas/wire.py",
    "schemas/canonical.py",
    "infra/kafka/topics.yaml",
    "infra/kafka/acls.yaml",
    "docs/architecture.md",
}
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports", "--no-cache"),
    ("python", "-m", "schemas.check"),
    ("python", "-m", "infra.kafka.deploy", "--check"),
    ("python", "-m", "infra.kafka.acls", "--check"),
    ("python", "-m", "infra.docs", "--check"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block of the page."""

    language: str
    path: str
    """The file that it is for; empty for what is shown only, and for commands."""
    text: str


def section(page: str, title: str) -> list[Block]:
    """Return the blocks under a heading."""
    [body] = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL
    )
    return [Block(*match.groups(default="")) for match in BLOCK.finditer(body)]


def apply(text: str, diff: str) -> str:
    """Apply a diff block: what its lines with a space or a minus say must stand there once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    places = [match.start() for match in re.finditer(f"^{re.escape(before)}", text, re.MULTILINE)]
    assert len(places) == 1, f"stands {len(places)} times:\n{before}"
    return text[: places[0]] + after + text[places[0] + len(before) :]


class Copy:
    """A copy of the tree in which a how-to is walked."""

    def __init__(self, place: Path) -> None:
        self.place = place
        shutil.copytree(ROOT, place, ignore=LEFT_OUT)
        self.before = self.contents()

    def contents(self) -> dict[str, bytes]:
        """Read every file that is not a cache."""
        return {
            str(path.relative_to(self.place)): path.read_bytes()
            for path in self.place.rglob("*")
            if path.is_file() and not re.search(r"/(__pycache__|\.[\w-]+)/", f"/{path}")
        }

    def touched(self) -> set[str]:
        """Name the files that are new or differ from before."""
        after = self.contents()
        assert self.before.keys() <= after.keys()
        return {name for name, content in after.items() if self.before.get(name) != content}

    def write(self, block: Block) -> None:
        """Write a block to its file."""
        path = self.place / block.path
        if block.language == "diff":
            path.write_text(apply(path.read_text(), block.text))
            return
        assert not path.exists(), f"{block.path} is there already: show a diff"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def run(self, *words: str) -> str:
        """Run a program of the environment in the copy; it must succeed."""
        done = self.tried(*words)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the copy."""
        program = BIN / words[0]
        return subprocess.run(
            [program if program.exists() else words[0], *words[1:]],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": str(self.place)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def command(self, line: str) -> None:
        """Run a command of the page, with this environment instead of one of the copy's own."""
        words = line.removeprefix("$ ").replace(".venv/bin/", "").split()
        if words[0] == "make":
            words += [f"bin={BIN}", "synced=pyproject.toml"]
        self.run(*words)


def walk(title: str, place: Path) -> Copy:
    """Do what a how-to says, then check the result; return the copy."""
    copy = Copy(place)
    for block in section((ROOT / "CONTRIBUTING.md").read_text(), title):
        if block.path:
            copy.write(block)
        elif block.language == "console":
            for line in block.text.splitlines():
                copy.command(line)
    for words in CHECKS:
        copy.run(*words)
    return copy
