"""`make mutants`: how many one-line changes of the steps the golden logs notice, and which they do not.

A seeded sample of all mutants of `agents/`, of those modules that a step imports. N= takes that many (0: all of them),
SEED= another sample, ONLY=agents/NAME.py those of one file; NOT_RUN=1 lists the lines that no log runs, where no
mutant can be noticed by verify, instead. Each judgement is kept under .playhead (KEEP= elsewhere): who
is interrupted calls it again, and it goes on, as long as neither the code nor the logs nor the tests are others. Nothing
of the tree is edited.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from replay.whatif.whatif_figures import share_of
from tests.golden.equivalent_mutants import EQUIVALENT
from tests.golden.judgements import Judgements, digest_of_tree
from tests.golden.mutant_runs import (
    BY_TESTS,
    BY_VERIFY,
    SURVIVED,
    UNDECIDED,
    GoldenLog,
    Judged,
    MutantJudge,
)
from tests.golden.mutations import Mutant, mutants_of, sample
from tests.golden.packing import unpacked
from tests.golden.verifying import ROOT

HERE = Path(__file__).parent
LOGS = ("present", "0.1.0")  # the smaller one first: it notices most
STEPS = "streams/topics.py"  # imports the steps
SAMPLE, SEED, PROCESSES = 150, 11, 2
LEAST_VERIFY, LEAST_BOTH = 0.90, 0.95
KEPT = ROOT / ".playhead" / "mutants.jsonl"


@cache
def imported(file: str, root: Path = ROOT) -> frozenset[str]:
    """Return the files of `agents` and its tests that a file imports; of a package the one that stands for it."""
    found = set()
    for node in ast.walk(ast.parse((root / file).read_bytes())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith(("agents.", "tests.agents.")):
                place = name.replace(".", "/")
                paths = (f"{place}.py", f"{place}/__init__.py")
                found |= {path for path in paths if (root / path).exists()}
    return frozenset(found)


def reached_from(files: Iterable[str], root: Path = ROOT) -> set[str]:
    """Return the files of `agents` and its tests that run when some do, those included."""
    found, new = set[str](), set(files)
    while new:
        found |= new
        new = set[str]().union(*(imported(file, root) for file in new)) - found
    return found


def files_of_steps(root: Path = ROOT) -> list[str]:
    """List the files of `agents` that run when a step does."""
    return sorted(reached_from(imported(STEPS, root), root))


@cache
def run_by(file: str) -> set[str]:
    """Return the files that run when a file does: a step's, or a test's."""
    return reached_from({file})


@cache
def own_tests(file: str) -> list[str]:
    """List the tests of a file, its own first: of its name in its folder, or else those that import it.

    Then those of each step that runs it, and those that run it by way of others: a tool's tests drive
    the step by what its own tests drive it with.
    """
    folder, path = ROOT / "tests" / "agents", Path(file).relative_to("agents")
    named = folder / path.with_name(f"test_{path.name}")
    tests = {str(test.relative_to(ROOT)): test.stem for test in sorted(folder.rglob("test_*.py"))}
    steps = {f"test_{Path(step).stem}" for step in imported(STEPS) if file in run_by(step)}
    own = [test for test in tests if file in imported(test)]
    if named.exists():
        own = [str(named.relative_to(ROOT))]
    of_steps = [test for test, name in tests.items() if name in steps]
    driving = [test for test in tests if not run_by(test).isdisjoint({file, *of_steps})]
    return list(dict.fromkeys([*own, *of_steps, *driving]))


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
    """Unpack the golden logs."""
    return [GoldenLog(unpacked(HERE / name, place / name)) for name in LOGS]


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


def shares(judged: Sequence[Judged]) -> list[str]:
    """Tell what share of all mutants is noticed, each with Wilson's interval of the sample."""
    told = []
    for name, missed in (("verify", {SURVIVED, BY_TESTS}), ("verify or tests", {SURVIVED})):
        share = share_of(sum(one.by not in missed for one in judged), len(judged))
        if share is not None:
            told.append(f"by {name} {share.value:.1%} ({share.low:.1%} to {share.high:.1%})")
    return told


def reached(judged: Sequence[Judged]) -> bool:
    """Say whether as many were noticed as should be, and all were judged."""
    verified = sum(one.by == BY_VERIFY for one in judged)
    noticed = sum(one.by != SURVIVED for one in judged)
    if any(one.by == UNDECIDED for one in judged):
        return False
    return verified >= LEAST_VERIFY * len(judged) and noticed >= LEAST_BOTH * len(judged)


def judged_of(
    mutants: Sequence[Mutant], known: Judgements, processes: int, *, tests: bool
) -> Iterator[Judged]:
    """Take what was judged before, then judge the others."""
    left = []
    for mutant in mutants:
        before = known.of(mutant)
        if before is None:
            left.append(mutant)
        else:
            yield before
    if not left:
        return
    with tempfile.TemporaryDirectory() as place:
        judge = MutantJudge(copies(Path(place)), own_tests if tests else lambda _: [])
        judge.prepare(known.beside("lines"))
        for one in judge.judge(left, processes):
            # without tests nobody knows whether it survives
            if tests or one.by == BY_VERIFY:
                known.keep(one)
            yield one


def list_not_run(files: Sequence[str]) -> int:
    """Print the lines of functions that no golden log runs; return 0 where there are none."""
    with tempfile.TemporaryDirectory() as place:
        judge = MutantJudge(copies(Path(place)), lambda _: [])
        judge.prepare()
    left = judge.not_run(files)
    for file, lines in left.items():
        text = (ROOT / file).read_text().splitlines()
        print("\n".join([file, *(f"{line:5}  {text[line - 1]}" for line in sorted(lines))]))
    print(f"{sum(map(len, left.values()))} lines are run by no golden log")
    return 1 if left else 0


def main() -> int:
    """Judge a sample; return 0 where as many were noticed as should be."""
    options = argparse.ArgumentParser()
    options.add_argument("-n", type=int, default=SAMPLE)
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--only", default="")
    options.add_argument("--processes", type=int, default=PROCESSES)
    options.add_argument("--keep", type=Path, default=KEPT)
    options.add_argument("--verify-only", action="store_true", help="leave the tests out")
    options.add_argument("--not-run", action="store_true", help="list the lines that no log runs")
    given = options.parse_args()
    if given.not_run:
        return list_not_run([given.only] if given.only else files_of_steps())
    mutants = drawn(given.n, given.seed, given.only)
    began, judged, undecided = time.monotonic(), list[Judged](), list[Judged]()
    known = Judgements(given.keep, digest_of_tree(ROOT))
    try:
        for one in judged_of(mutants, known, given.processes, tests=not given.verify_only):
            if one.by == UNDECIDED:
                undecided.append(one)
                print(f"{one.by}, {one.how}: {line_of(one)}", flush=True)
                continue
            judged.append(one)
            said = f"{len(judged)} of {len(mutants)}: {one.by}"
            print(said, end="\r", file=sys.stderr, flush=True)
            if one.by != BY_VERIFY:
                print(f"{one.by}: {line_of(one)}", flush=True)
    except KeyboardInterrupt:
        print("interrupted: the figures are of those that were judged", file=sys.stderr)
    print("\n".join([*table(judged), *shares(judged)]) if judged else "no mutant")
    print(
        f"{len(judged)} mutants of seed {given.seed} in {time.monotonic() - began:.0f} s; "
        f"{len(EQUIVALENT)} are listed as equivalent and not drawn"
        + f"; {len(undecided)} could not be judged and do not count"
        * bool(undecided)
    )
    return 0 if judged and reached([*judged, *undecided]) else 1


if __name__ == "__main__":
    sys.exit(main())
