"""Mutants: made as said, run apart from the tree, noticed where an outcome shows them."""

import ast
import json
import pickle
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.golden import mutant_runs
from tests.golden import mutants as command
from tests.golden.equivalent_mutants import EQUIVALENT
from tests.golden.mutant_runs import (
    BY_TESTS,
    BY_VERIFY,
    NO_TESTS,
    SURVIVED,
    UNDECIDED,
    Focus,
    GoldenLog,
    Judged,
    MutantJudge,
    Readings,
    by_tests,
    ended,
    run_tests,
)
from tests.golden.mutants import copies, drawn, files_of_steps, own_tests, reached, table
from tests.golden.mutations import Mutant, mutants_of, sample
from tests.golden.verifying import ROOT

CHANGES = [
    ("a = b < c", "a = b <= c"),
    ("a = b < c <= d", "a = b < c < d"),
    ("a = (b) in c", "a = (b) not in c"),
    ("a = b and c", "a = b or c"),
    ("a = b + 1", "a = b - 1"),
    ("a = b + 1", "a = b + 2"),
    ("a = 0.5", "a = 0.551"),
    ("a = True", "a = False"),
    ("a = not b", "a = b"),
    ("a = -b", "a = b"),
    ("a = {'word': 1}", "a = {'word_': 1}"),
    ("a += b", "a -= b"),
    ("if b: pass", "if not (b): pass"),
    ("a = b if c else d", "a = b if not (c) else d"),
    ("a = [b for b in c if b]", "a = [b for b in c if True]"),
    ("f(x)", "pass"),
    ("a = max(b, c)", "a = min(b, c)"),
    ("a = sorted(b)", "a = list(b)"),
    ("a = sorted(b, key=c)", "a = sorted(b, key=c, reverse=True)"),
    ("a.sort()", "a.sort(reverse=True)"),
    ("a = b.strip()", "a = b"),
    ("a = reversed(b)", "a = list(b)"),
    ("a = 'ü' + b if c < d else e", "a = 'ü' + b if c <= d else e"),
    ("for a in b: break", "for a in b: continue"),
    ("while a: continue", "while a: break"),
]
LEFT_ALONE = [
    "a: list[int]",
    "def f(a: Literal[1]) -> Literal[2]: ...",
    '"""What it does."""',
    "raise ValueError(1 + 2)",
    "assert a < b",
    "a = 'more words than one'",
    "a = 'b c' + c",
    "@cached(1)\ndef f(): ...",
    "a = f'{b + 1}'",
    "T = TypeVar('T')",
    "a = zip(b, c, strict=True)",
]


def made(tmp_path: Path, source: str) -> list[Mutant]:
    (tmp_path / "m.py").write_text(source)
    return list(mutants_of(tmp_path, "m.py"))


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_line_is_changed(tmp_path, before, after):
    assert after in [mutant.after for mutant in made(tmp_path, before)]


@pytest.mark.parametrize("source", LEFT_ALONE)
def test_what_no_outcome_can_show_is_left_alone(tmp_path, source):
    assert made(tmp_path, source) == []


def test_a_mutant_changes_one_line_and_is_another_program():
    for file in ("agents/scoring.py", "agents/language.py", "agents/chunking.py"):
        lines = (ROOT / file).read_text().splitlines()
        tree = ast.dump(ast.parse("\n".join(lines)))
        mutants = mutants_of(ROOT, file)
        assert (
            len({mutant.source for mutant in mutants})
            == len({mutant.key for mutant in mutants})
            == len(mutants)
        )
        for mutant in mutants:
            changed = mutant.source.splitlines()
            differing = [
                at
                for at, pair in enumerate(zip(lines, changed, strict=True), 1)
                if pair[0] != pair[1]
            ]
            assert differing == [mutant.line]
            assert ast.dump(ast.parse(mutant.source)) != tree
            assert (lines[mutant.line - 1].strip(), changed[mutant.line - 1].strip()) == (
                mutant.before,
                mutant.after,
            )


def test_a_sample_stays_when_other_lines_come(tmp_path):
    lines = [f"a{number} = b{number} < {number}" for number in range(30)]
    few = {mutant.key for mutant in sample(made(tmp_path, "\n".join(lines)), 9, 3)}
    more = {mutant.key for mutant in sample(made(tmp_path, "\n".join(["", "c = d", *lines])), 9, 3)}
    assert few == more
    assert few != {mutant.key for mutant in sample(made(tmp_path, "\n".join(lines)), 9, 4)}


@pytest.fixture(scope="module")
def every_mutant():
    """The mutants of each file that a step runs: thousands of files are compiled to make them."""
    return {file: mutants_of(ROOT, file) for file in files_of_steps()}


@pytest.fixture
def made_once(every_mutant, monkeypatch):
    monkeypatch.setattr(command, "mutants_of", lambda root, file: every_mutant[file])
    return every_mutant


def test_the_files_are_those_that_a_step_runs(made_once):
    files = files_of_steps()
    assert {"agents/ingest.py", "agents/pieces.py", "agents/lexicon.py"} <= set(files)
    # a step imports the package, and the package the rest
    assert {"agents/routing/__init__.py", "agents/routing/trials.py"} <= set(files)
    assert len(drawn(0, 1)) > 5_000
    for file in files:
        assert own_tests(file) or file in {"agents/errors.py", "agents/effects.py"}, (
            f"{file} has no tests"
        )


def test_the_tests_of_a_file_are_its_own_and_then_those_of_the_steps_that_run_it():
    tests = own_tests("agents/routing/trials.py")
    assert tests[0] == "tests/agents/routing/test_trials.py"
    assert "tests/agents/test_generate.py" in tests
    assert "tests/agents/test_ingest.py" not in tests
    # which drives generate by what its tests drive it with
    assert "tests/agents/tools/test_tool_turns.py" in own_tests("agents/composer.py")


def test_an_equivalent_mutant_is_one_that_can_be_made_and_is_not_counted(made_once):
    made_here = {mutant.key[:3] for mutants in made_once.values() for mutant in mutants}
    assert set(EQUIVALENT) <= made_here, "the line was edited: look again"
    assert all(EQUIVALENT.values())
    assert not {mutant.key[:3] for mutant in drawn(0, 1)} & set(EQUIVALENT)


# -------------------------------------------------------------------- how they are judged


def named(file: str, after: str) -> Mutant:
    [mutant] = [mutant for mutant in mutants_of(ROOT, file) if mutant.after == after]
    return mutant


@pytest.fixture(scope="module")
def judge(unit_path_factory):
    [present, _] = copies(unit_path_factory.mktemp("golden"))
    made_ready = MutantJudge([present], lambda _: [])
    made_ready.prepare()
    return made_ready


@pytest.mark.slow
def test_verify_notices_a_handful_of_mutants_and_the_tree_stays_as_it_is(judge):
    handful = [
        named(
            "agents/scoring.py", "return sorted(range(len(ids)), key=lambda i: (scores[i], ids[i]))"
        ),
        named("agents/retrieve.py", 'if event.ask.mode != "search":'),
        named("agents/embed.py", "if len(models) > 2:"),
    ]
    before = {mutant.file: (ROOT / mutant.file).read_bytes() for mutant in handful}
    agents = {name: module for name, module in sys.modules.items() if name.startswith("agents")}
    judged = {one.mutant.file: one for one in judge.judge(handful, 2)}
    assert {one.by for one in judged.values()} == {BY_VERIFY}
    assert judged["agents/scoring.py"].how.startswith("present: retrieve: ")
    assert before == {file: (ROOT / file).read_bytes() for file in before}
    assert agents == {
        name: module for name, module in sys.modules.items() if name.startswith("agents")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("while True: pass", "ended at its limit"),
        ("a = []\nwhile True: a.append(bytes(2**28))", "MemoryError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_mutant_that_hangs_ends_or_raises_is_noticed(judge, monkeypatch, body, how):
    monkeypatch.setattr(judge, "cpu_s", 3)
    [one] = judge.judge([Mutant("agents/scoring.py", 1, "", "", body, 0)], 1)
    assert one.by == BY_VERIFY
    assert how in one.how


@pytest.mark.slow
def test_a_mutant_that_changes_nothing_survives(judge):
    source = (ROOT / "agents/scoring.py").read_text()
    [one] = judge.judge([Mutant("agents/scoring.py", 1, "", "", source, 0)], 1)
    assert one.by == SURVIVED


@pytest.mark.slow
def test_own_tests_notice_what_verify_does_not():
    mutant = next(
        one for one in mutants_of(ROOT, "agents/numbering.py") if "entries_max" in one.before
    )
    tests = own_tests("agents/numbering.py")[
        :1
    ]  # of the module itself: steps that run it take longer
    by, how = by_tests(mutant, tests, run_tests)
    assert by == BY_TESTS
    assert "test_numbering.py" in how
    unchanged = Mutant(mutant.file, 1, "", "", (ROOT / mutant.file).read_text(), 0)
    assert by_tests(unchanged, tests, run_tests)[0] == SURVIVED


A_MUTANT = Mutant("agents/scoring.py", 1, "", "", "", 0)


@pytest.mark.parametrize(
    ("status", "by"), [(signal.SIGXCPU, BY_VERIFY), (signal.SIGKILL, UNDECIDED), (0, UNDECIDED)]
)
def test_a_process_that_told_nothing_is_judged_by_how_it_ended(status, by):
    assert ended(A_MUTANT, status).by == by


def test_an_error_of_who_judges_is_no_judgement():
    def tests(_file: str) -> list[str]:
        raise OSError("no file of tests")

    judge = MutantJudge([], tests)
    [one] = judge.judge([A_MUTANT], 1)
    assert one.by == UNDECIDED
    assert "no file of tests" in one.how


@pytest.mark.parametrize(
    ("ended_with", "failed", "fails_without", "by"),
    [
        (0, "", "", SURVIVED),
        (NO_TESTS, "", "", SURVIVED),
        (1, "test_x.py::test_y", "", BY_TESTS),
        (1, "test_x.py::test_y", "test_x.py::test_y", UNDECIDED),
        (2, "test_x.py", "", BY_TESTS),
        (-signal.SIGXCPU, "", "", BY_TESTS),
        (-signal.SIGKILL, "", "", UNDECIDED),
        (4, "", "", UNDECIDED),
    ],
)
def test_tests_notice_a_mutant_where_one_fails_that_passes_without_it(
    ended_with, failed, fails_without, by
):
    def runs(_file: str, source: str, tests: list[str]) -> tuple[int, str]:
        return (ended_with, failed) if source == "" else (int(bool(fails_without)), fails_without)

    assert by_tests(A_MUTANT, ["test_x.py"], runs)[0] == by


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "by"),
    [
        ("import pytest\n@pytest.mark.slow\ndef test_it(): assert 0", SURVIVED),
        ("def test_it():\n    import agents.embed as embed\n    assert embed.embed", BY_TESTS),
    ],
)
def test_what_a_run_of_tests_says(tmp_path, test, by):
    (tmp_path / "test_it.py").write_text(test)
    emptied = Mutant("agents/embed.py", 1, "", "", "", 0)
    assert by_tests(emptied, [str(tmp_path / "test_it.py")], run_tests)[0] == by


@pytest.mark.slow
def test_a_line_that_no_log_runs_is_left_to_the_tests_and_others_are_not(judge):
    [lines] = judge.not_run(["agents/moderate.py"]).values()
    idle = Mutant("agents/moderate.py", min(lines), "", "", "1 / 0", 0)
    busy = replace(idle, line=1)  # of the module
    judged = {one.mutant: one.by for one in judge.judge([idle, busy], 2)}
    assert judged == {idle: SURVIVED, busy: BY_VERIFY}


@pytest.mark.slow
def test_a_line_is_verified_over_some_inputs_that_run_it_and_then_as_a_whole(judge):
    mutant = named("agents/retrieve.py", 'if event.ask.mode != "search":')
    [(log, [some, whole])] = judge.ways(mutant)
    assert {(one.step, one.lane) for one in some.inputs} == {("retrieve", some.inputs[0].lane)}
    assert whole == Focus()
    [(_, [of_module, _])] = judge.ways(replace(mutant, line=1))
    assert {one.step for one in of_module.inputs} == {"retrieve"}
    report = log.report(Readings(), some)
    assert (report["inputs"], report["diverged"]) == (len(some.inputs), [])


def test_which_lines_run_is_watched_once(monkeypatch, tmp_path):
    watched = []

    def lines_run(_judge, log):
        watched.append(log)
        return {"agents/embed.py": {30: []}}

    monkeypatch.setattr(MutantJudge, "_lines_run", lines_run)
    monkeypatch.setattr(mutant_runs, "difference", lambda *_: "")  # it verifies as it is
    kept, log = tmp_path / "kept" / "lines.pickle", GoldenLog(tmp_path / "present")
    first, again = MutantJudge([log], lambda _: []), MutantJudge([log], lambda _: [])
    first.prepare(kept)
    again.prepare(kept)
    assert watched == [log]
    assert first.not_run(["agents/embed.py"]) == again.not_run(["agents/embed.py"])
    kept.write_bytes(pickle.dumps({"present": {"agents/embed.py": {31: []}}}))
    again.prepare(kept)
    assert first.not_run(["agents/embed.py"]) != again.not_run(["agents/embed.py"])


def test_a_log_that_does_not_verify_as_it_is_judges_nothing(tmp_path):
    [present, _] = copies(tmp_path)
    report = present.folder / "report.json"
    said = json.loads(report.read_text())
    report.write_text(json.dumps({**said, "superseded": said["superseded"] + 1}))
    with pytest.raises(SystemExit, match="mend that first"):
        MutantJudge([GoldenLog(present.folder)], lambda _: []).prepare()


def a_judged(by: str) -> Judged:
    return Judged(Mutant("agents/x.py", 7, "a < b", "a <= b", "", 0), by, "")


@pytest.mark.parametrize(
    ("verified", "tested", "survived", "enough"),
    [(90, 5, 5, True), (89, 6, 5, False), (90, 4, 6, False), (100, 0, 0, True)],
)
def test_the_bounds_are_of_both_measures(verified, tested, survived, enough):
    judged = (
        [a_judged(BY_VERIFY)] * verified
        + [a_judged(BY_TESTS)] * tested
        + [a_judged(SURVIVED)] * survived
    )
    assert reached(judged) is enough
    assert not reached([*judged, a_judged(UNDECIDED)])
    assert table(judged)[-1].split() == ["all", "100", f"{verified}%", f"{verified + tested}%"]
    low, high = command.shares(judged)[0].split("(")[1].rstrip(")").split(" to ")
    assert float(low[:-1]) <= verified <= float(high[:-1])
    assert command.shares(judged)[1].startswith(f"by verify or tests {verified + tested}.0% (")
    assert command.line_of(judged[0]) == "agents/x.py:7\n    - a < b\n    + a <= b"
