"""`make mutants`: how many one-line changes of the steps the golden logs notice, and which they do not.

A seeded sample of all mutants of `agents/`, of those modules that a step imports. N= takes that many (0: all of them),
SEED= another sample, ONLY=agents/NAME.py those of one file. Nothing is written but a line for each survivor on stdout.
"""

from __future__ import annotations

import argparse
import ast
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.golden.equivalent_mutants import EQUIVALENT
from tests.golden.mutant_runs import BY_VERIFY, SURVIVED, GoldenLog, Judged, MutantJudge
from tests.golden.mutations import Mutant, mutants_of, sample
from tests.golden.verifying import ROOT

HERE = Path(__file__).parent
LOGS = ("present", "0.1.0")  # the smaller one first: it notices most
STEPS = "streams/topics.py"  # imports the steps
SAMPLE, SEED, PROCESSES = 150, 11, 2
LEAST_VERIFY, LEAST_BOTH = 0.90, 0.95


def imported(file: str, root: Path = ROOT) -> set[str]:
    """Return the files of `agents` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse((root / file).read_bytes())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = name.replace(".", "/") + ".py"
            if name.startswith("agents.") and (root / path).exists():
                found.add(path)
    return found


def files_of_steps(root: Path = ROOT) -> list[str]:
    """List the files of `agents` that run when a step does."""
    found, new = set[str](), imported(STEPS, root)
    while new:
        found |= new
        new = set().union(*(imported(file, root) for file in new)) - found
    return sorted(found)


@cache
def own_tests(file: str) -> list[str]:
    """List the tests of a file: those of its name in its folder, or else those that import it."""
    folder, path = ROOT / "tests" / "agents", Path(file).relative_to("agents")
    named = folder / path.with_name(f"test_{path.name}")
    if named.exists():
        return [str(named.relative_to(ROOT))]
    tests = (str(path.relative_to(ROOT)) for path in sorted(folder.rglob("test_*.py")))
    return [test for test in tests if file in imported(test)]


def is_equivalent(mutant: Mutant) -> bool:
    """Say whether it is listed as one that changes nothing."""
    return mutant.key[:3] in EQUIVALENT


def drawn(size: int, seed: int, only: str = "") -> list[Mutant]:
    """Draw so many that are not listed as equivalent, all where `size` is 0."""
    files = [only] if only else files_of_steps()
    counted = [
        mutant for file in files for mutant in mutants_of(ROOT, file) if not is_equivalent(mutant)
    ]
    return sample(counted, size or len(counted), seed)


def copies(place: Path) -> list[GoldenLog]:
    """Copy the golden logs: a key store makes files beside itself, and a master key is nobody else's to read."""
    logs = [GoldenLog(Path(shutil.copytree(HERE / name, place / name))) for name in LOGS]
    for log in logs:
        (log.folder / "run" / "master.key").chmod(0o600)
    return logs


def line_of(judged: Judged) -> str:
    """Say where a mutant is and what it changes."""
    mutant = judged.mutant
    return f"{mutant.file}:{mutant.line}\n    - {mutant.before}\n    + {mutant.after}"


def table(judged: Sequence[Judged]) -> list[str]:
    """Count by file and in all: mutants, noticed by verify, noticed at all."""
    every, verified, noticed = Counter[str](), Counter[str](), Counter[str]()
    for one in judged:
        for name in (one.mutant.file, "all"):
            every[name] += 1
            verified[name] += one.by == BY_VERIFY
            noticed[name] += one.by != SURVIVED
    return [f"{'':28} mutants  by verify  by verify or tests"] + [
        f"{name:28} {every[name]:7}  {verified[name] / every[name]:9.0%}  {noticed[name] / every[name]:18.0%}"
        for name in sorted(every, key=lambda name: (name == "all", name))
    ]


def reached(judged: Sequence[Judged]) -> bool:
    """Say whether as many were noticed as should be."""
    verified = sum(one.by == BY_VERIFY for one in judged)
    noticed = sum(one.by != SURVIVED for one in judged)
    return verified >= LEAST_VERIFY * len(judged) and noticed >= LEAST_BOTH * len(judged)


def main() -> int:
    """Judge a sample; return 0 where as many were noticed as should be."""
    options = argparse.ArgumentParser()
    options.add_argument("-n", type=int, default=SAMPLE)
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--only", default="")
    options.add_argument("--processes", type=int, default=PROCESSES)
    options.add_argument("--verify-only", action="store_true", help="leave the tests out")
    given = options.parse_args()
    mutants = drawn(given.n, given.seed, given.only)
    began, judged = time.monotonic(), list[Judged]()
    with tempfile.TemporaryDirectory() as place:
        judge = MutantJudge(copies(Path(place)), (lambda _: []) if given.verify_only else own_tests)
        judge.prepare()
        try:
            for one in judge.judge(mutants, given.processes):
                judged.append(one)
                print(
                    f"{len(judged)} of {len(mutants)}: {one.by}",
                    end="\r",
                    file=sys.stderr,
                    flush=True,
                )
                if one.by != BY_VERIFY:
                    print(f"{one.by}: {line_of(one)}", flush=True)
        except KeyboardInterrupt:
            print("interrupted: the figures are of those that were judged", file=sys.stderr)
    print("\n".join(table(judged)) if judged else "no mutant")
    print(f"{len(judged)} mutants of seed {given.seed} in {time.monotonic() - began:.0f} s")
    return 0 if reached(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
