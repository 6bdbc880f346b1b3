"""What was judged of mutants, kept in a file line by line, so that a run that was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.golden.mutant_runs import UNDECIDED, Judged
from tests.golden.mutations import Mutant

JUDGING = ("agents", "connectors", "replay", "schemas", "streams", "tests/agents", "tests/golden")
"""Folders on whose files a judgement rests, beside uv.lock and the fakes of tests/."""
CODE = {".avro", ".avsc", ".json", ".lock", ".py", ".sqlite", ".xz"}


def digest_of_tree(root: Path) -> str:
    """Name the state of code, logs and tests by which mutants are judged."""
    told = hashlib.sha256()
    files = [path for folder in JUDGING for path in (root / folder).rglob("*")]
    files += [root / "uv.lock", *(root / "tests").glob("*.py")]
    for path in sorted(path for path in files if path.suffix in CODE and path.is_file()):
        told.update(f"{path.relative_to(root)}\n".encode())
        told.update(hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()


class Judgements:
    """Judgements in a file: of the tree as it is, and of earlier states, which count no more."""

    def __init__(self, path: Path, tree: str) -> None:
        """Read what is there; a line that broke off with its run is none."""
        self._path, self._tree = path, tree
        self._known: dict[tuple[str, str, str, int], tuple[str, str]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if told["tree"] == tree:
                file, before, after, again = told["mutant"]
                self._known[file, before, after, again] = told["by"], told["how"]

    def beside(self, name: str) -> Path:
        """Name a file beside it for what holds of this state of the tree."""
        return self._path.with_name(f"{self._path.stem}-{name}-{self._tree[:16]}.pickle")

    def of(self, mutant: Mutant) -> Judged | None:
        """Return what was judged of a mutant."""
        known = self._known.get(mutant.key)
        return None if known is None else Judged(mutant, *known)

    def keep(self, judged: Judged) -> None:
        """Write a judgement down, if it is one."""
        if judged.by == UNDECIDED:
            return
        told = {"tree": self._tree, "mutant": judged.mutant.key, "by": judged.by, "how": judged.how}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write("\n" * self._is_cut() + json.dumps(told) + "\n")
        self._known[judged.mutant.key] = judged.by, judged.how

    def _is_cut(self) -> bool:
        """Say whether the last line broke off."""
        text = self._path.read_bytes()[-1:] if self._path.exists() else b""
        return text not in {b"", b"\n"}
