"""Run mutants: each in a fork of a process that has imported what they all need, in memory, never in the tree.

First by verifying golden logs: the product's modules are imported anew in the fork, the mutant's text in place of the
file's, and the report must be the one that the log was written with. Who survives that is run by its module's own
tests, those that are quick. A mutant that raises, hangs or takes more than its share of CPU is noticed, too. Whatever
else goes wrong is the fault of who judges: of such a mutant nothing is known.

A log that does not run the changed line (`reach.py`) is not verified again: it could show nothing. One that does is
first verified over some of the inputs that run it, and as a whole where those show nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import math
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.golden.mutations import Mutant
from tests.golden.reach import Lines, LineWatch, RunInput, lines_of_functions, not_run
from tests.golden.verifying import LATER, ROOT, environment

RELOADED = ("agents", "connectors", "replay", "streams")
"""Packages that may hold what a mutant changes; the records of schemas stay as they are."""
SURVIVED, BY_VERIFY, BY_TESTS = "survived", "verify", "tests"
UNDECIDED = "undecided"
CPU_TIMES = 5  # what the logs take as they are; work is bounded, not waiting
TESTS_CPU_S = 600
MEMORY_BYTES = (
    6 * 2**30
)  # of addresses: what grows without end is stopped long before the machine is full
MUTANT = "MUTANT_FILE"  # where the tests of a mutant find it
FAILED = "failed"  # the file beside it in which they name a test that does
NO_TESTS = 5  # what pytest ends with where it has none to run: all are slow, say


LinesRun = dict[str, dict[int, list[RunInput]]]


@dataclass(frozen=True)
class Judged:
    """What became of a mutant."""

    mutant: Mutant
    by: str
    how: str


class InMemory(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import a module from a text."""

    def __init__(self, file: str, source: str) -> None:
        self._name = file.removesuffix(".py").replace("/", ".")
        self._file, self._source = str(ROOT / file), source

    def find_spec(
        self, name: str, _path: Any, _target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the one module."""
        if name != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=self._file)
        spec.has_location = True
        return spec

    def exec_module(self, module: Any) -> None:
        """Run the text as the module's."""
        exec(compile(self._source, self._file, "exec", dont_inherit=True), module.__dict__)


def install(file: str, source: str) -> None:
    """Let the text stand for the file from here on; what was imported before is imported anew."""
    forget()
    sys.meta_path.insert(0, InMemory(file, source))


def forget() -> None:
    """Have the product's modules imported anew."""
    for name in [name for name in sys.modules if name.split(".")[0] in RELOADED]:
        del sys.modules[name]


@dataclass
class Readings:
    """Documents as they are read here: no mutant of a step changes it, and a process for each takes longest."""

    known: dict[bytes, Any] = field(default_factory=dict)

    def over(self, local: Mapping[Any, Any]) -> dict[Any, Any]:
        """Answer from what is known, and learn the rest."""
        from schemas import Parse

        async def parse(request: Any, call: Any) -> Any:
            key = repr((request.media_type, request.content)).encode()
            if key not in self.known:
                self.known[key] = await local[Parse](request, call)
            return self.known[key]

        return {**local, Parse: parse}


class Noticed(BaseException):
    """A difference was found: nothing that comes after it matters."""


class FirstEntry(list[Any]):
    """A list of differences that ends the verification with the first one."""

    unlisted = 0

    def append(self, entry: Any) -> None:
        """End it."""
        raise Noticed(f"{entry.step}: {entry.reason[:160]}")

    def __iadd__(self, entries: Iterable[Any]) -> Self:
        """End it if there is one."""
        for entry in entries:
            self.append(entry)
        return self


@dataclass(frozen=True)
class Focus:
    """What of a log is verified, and who watches."""

    inputs: tuple[RunInput, ...] = ()
    """Inputs of one step; all of all steps where there is none."""
    watch: LineWatch | None = None


def focused(verifier: type[Any], focus: Focus) -> type[Any]:
    """Make a verifier, imported anew with all it needs, that has a focus."""

    class FocusedVerifier(verifier):
        def _takes(self, given: Any, stored: Any) -> bool:
            place = (stored.topic, stored.partition, stored.offset)
            return not focus.inputs or any(one[1:] == place for one in focus.inputs)

        async def _verify_input(self, walk: Any, given: Any, stored: Any, *more: Any) -> None:
            if focus.watch:
                place = (stored.topic, stored.partition, stored.offset)
                focus.watch.over = RunInput(walk.step.name, *place)
            await super()._verify_input(walk, given, stored, *more)

    return FocusedVerifier


@dataclass(frozen=True)
class GoldenLog:
    """A golden log, and what was said of it when it was written."""

    folder: Path

    @property
    def expected(self) -> dict[str, Any]:
        """Return the report, with the classes that 0.1.0 did not have."""
        written = json.loads((self.folder / "report.json").read_text())
        written.pop("code", None)
        return LATER | written

    def report(self, readings: Readings, focus: Focus | None = None) -> dict[str, Any]:
        """Verify it in this process, or what is in focus of it."""
        archive = importlib.import_module("replay.archive")
        local_effects = importlib.import_module("replay.local_effects")
        verify = importlib.import_module("replay.verify")
        settings = importlib.import_module("streams.settings")
        of_run = settings.Settings.load(environment=environment(self.folder))
        local, keyring = local_effects.local_handlers(of_run)
        with contextlib.closing(archive.ArchiveLog(self.folder / "log")) as log:
            # as of a part: what its tables hold is known of whole tenants alone
            part = importlib.import_module("replay.selection").Selection(since_us=0)
            verifier = focused(verify.Verifier, focus or Focus())(
                log,
                readings.over(local),
                keyring.digest_key,
                part if focus and focus.inputs else None,
            )
            said = verifier.report
            said.diverged, said.unverifiable, said.unreadable = (
                FirstEntry(),
                FirstEntry(),
                FirstEntry(),
            )
            lanes = sorted({one.lane for one in focus.inputs}) if focus and focus.inputs else None
            report: dict[str, Any] = asyncio.run(verifier.verify(lanes)).as_json()
        del report["seconds"]
        return report


def difference(log: GoldenLog, readings: Readings, focus: Focus | None = None) -> str:
    """Say in a line what a verification finds that it should not; nothing where it finds what it should."""
    try:
        report = log.report(readings, focus)
        same = bool(focus and focus.inputs) or report == log.expected
    except Noticed as found:
        return f"{log.folder.name}: {found}"
    return "" if same else f"{log.folder.name}: other counts"


class MutantJudge:
    """Judges mutants by golden logs, then by tests."""

    def __init__(self, logs: Iterable[GoldenLog], tests: Callable[[str], list[str]]) -> None:
        """Take logs that lie where nobody minds, the smallest first, and what names a file's own tests."""
        self._logs = list(logs)
        self._tests = tests
        self._readings = Readings()
        self._run: dict[GoldenLog, LinesRun] = {}
        """Of each log, the lines of the steps that its verification runs, and over which inputs."""
        self.cpu_s = 0.0
        """How much a mutant may take while the logs are verified."""

    def prepare(self, kept: Path | None = None) -> None:
        """Import everything, read all documents; raises where a log does not verify as it is.

        Which lines run is watched once where there is a file to keep it in, named for this state of the tree.
        """
        began = time.process_time()
        for log in self._logs:
            if found := difference(log, self._readings):
                raise SystemExit(f"without a mutant {found}: mend that first")
        self.cpu_s = CPU_TIMES * (time.process_time() - began)
        if kept is not None and kept.exists():
            by_name = pickle.loads(kept.read_bytes())
            self._run = {log: by_name[log.folder.name] for log in self._logs}
            return
        self._run = {log: self._lines_run(log) for log in self._logs}
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps({log.folder.name: run for log, run in self._run.items()}))
        for log in self._logs:
            self._verify_in_parts(log)

    def _verify_in_parts(self, log: GoldenLog) -> None:
        """See that what is in focus of a log verifies as it is, too: for lines of each step."""
        parts = {}
        for file, lines in self._run[log].items():
            for focus in self._ways(log, Mutant(file, max(lines), "", "", "", 0)):
                if focus.inputs:
                    parts[focus.inputs[0].step] = focus
        for focus in parts.values():
            if found := difference(log, self._readings, focus):
                raise SystemExit(f"without a mutant, in part, {found}: mend that first")

    def not_run(self, files: Iterable[str]) -> Lines:
        """Return the lines of functions that no log runs."""
        run = [{file: set(lines) for file, lines in one.items()} for one in self._run.values()]
        return not_run(ROOT, files, run)

    def _lines_run(self, log: GoldenLog) -> LinesRun:
        """Verify a log in a fork that imports all modules anew, and watch."""
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                forget()
                watch = LineWatch(ROOT, "agents")
                watch.watch(lambda: difference(log, self._readings, Focus(watch=watch)))
                with os.fdopen(writing, "wb") as telling:
                    pickle.dump(watch.run(), telling)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            run: LinesRun = pickle.load(told)
        os.waitpid(pid, 0)
        return run

    def ways(self, mutant: Mutant) -> list[tuple[GoldenLog, list[Focus]]]:
        """List the logs that may show a mutant, each with what of it to verify, one after the other."""
        listed = [(log, self._ways(log, mutant)) for log in self._logs]
        return [(log, ways) for log, ways in listed if ways]

    def _ways(self, log: GoldenLog, mutant: Mutant) -> list[Focus]:
        lines = self._run[log].get(mutant.file, {})
        if mutant.line in lines_of_functions((ROOT / mutant.file).read_text()):
            if mutant.line not in lines:
                return []
            inputs = lines[mutant.line]
        else:  # of the module: whoever runs a line of it may show it
            inputs = list(dict.fromkeys(one for of_line in lines.values() for one in of_line))
        places = Counter((one.step, one.lane) for one in inputs if one.step)
        most = next(iter(places.most_common(1)), ((), 0))[0]
        some = tuple(one for one in inputs if (one.step, one.lane) == most)
        return [Focus(some), Focus()] if some else [Focus()]

    def judge(self, mutants: Iterable[Mutant], processes: int) -> Iterator[Judged]:
        """Judge mutants in so many processes; they come as they are done."""
        left, running = iter(mutants), dict[int, tuple[Mutant, int]]()
        while True:
            for mutant in left:
                reading, writing = os.pipe()
                pid = self._fork(mutant, writing)
                os.close(writing)
                running[pid] = mutant, reading
                if len(running) == processes:
                    break
            if not running:
                return
            pid, status = _next(running)
            mutant, reading = running.pop(pid)
            with os.fdopen(reading) as told:
                by, _, how = told.read().partition("\n")
            yield Judged(mutant, by, how) if by else ended(mutant, status)

    def _fork(self, mutant: Mutant, writing: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            by, how = self._judged(mutant)
            os.write(writing, f"{by}\n{how}"[:4_000].encode())
        except BaseException:  # noqa: BLE001 - nothing of the fork may go on as the process it was forked from
            os.write(writing, f"{UNDECIDED}\n{traceback.format_exc(limit=-1)}"[:4_000].encode())
        finally:
            os._exit(0)

    def _judged(self, mutant: Mutant) -> tuple[str, str]:
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        _limit(resource.RLIMIT_AS, MEMORY_BYTES)
        listed, tests = self.ways(mutant), self._tests(mutant.file)
        most = resource.getrlimit(resource.RLIMIT_CPU)[1]
        _limit(resource.RLIMIT_CPU, math.ceil(self.cpu_s))
        install(mutant.file, mutant.source)
        for log, ways in listed:
            for focus in ways:
                try:
                    found = difference(log, self._readings, focus)
                except BaseException as error:  # noqa: BLE001 - a mutant may raise anything
                    found = f"{type(error).__name__}: {error}"
                if found:
                    return BY_VERIFY, found
        _limit(resource.RLIMIT_CPU, most)
        return by_tests(mutant, tests, run_tests)


def ended(mutant: Mutant, status: int) -> Judged:
    """Judge by how a process ended that told nothing: by the limit of its CPU, or by who knows what."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return Judged(mutant, BY_VERIFY, "the process ended at its limit of CPU")
    return Judged(mutant, UNDECIDED, f"the process ended with {status}")


def _next(running: Mapping[int, Any]) -> tuple[int, int]:
    """Wait for one of our own forks, and for nobody else's."""
    pid, status = os.wait()
    while pid not in running:
        pid, status = os.wait()
    return pid, status


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def by_tests(
    mutant: Mutant, tests: list[str], run: Callable[[str, str, list[str]], tuple[int, str]]
) -> tuple[str, str]:
    """Run tests over a mutant, in a process of their own; who fails must pass without it."""
    if not tests:
        return SURVIVED, "and has no tests of its own"
    ended_with, failed = run(mutant.file, mutant.source, tests)
    if ended_with in {0, NO_TESTS}:
        return SURVIVED, "verify and its own tests"
    if failed and run(mutant.file, (ROOT / mutant.file).read_text(), [failed])[1]:
        return UNDECIDED, f"{failed} fails without the mutant, too"
    if not failed and ended_with != -signal.SIGXCPU:
        return UNDECIDED, f"pytest ended with {ended_with}"
    return BY_TESTS, failed or "the tests ended at their limit of CPU"


def run_tests(file: str, source: str, tests: list[str]) -> tuple[int, str]:
    """Run tests with a text in the place of a file, until one fails; return how that ended, and which failed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "mutant.json"
        place.write_text(json.dumps({"file": file, "source": source}))
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "tests.golden.mutated",
             "-p", "no:cacheprovider", "--timeout", "120", "-m", "not slow and not stack", *tests],
            cwd=ROOT, env={**os.environ, MUTANT: str(place), "HYPOTHESIS_STORAGE_DIRECTORY": f"{folder}/examples"},
            capture_output=True, text=True, check=False,
            preexec_fn=lambda: _limit(resource.RLIMIT_CPU, TESTS_CPU_S),
        )  # fmt: skip
        failed = place.with_name(FAILED)
        return ran.returncode, failed.read_text() if failed.exists() else ""
