"""`playhead replay rebuild tables`: what it prints, how it exits, and when it refuses."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from replay.rebuild import tables_cli
from replay.rebuild.changelog_rows import kept_of
from replay.rebuild.rebuild_cli import rebuild
from replay.rebuild.table_comparison import RowDifference, TableReport
from replay.rebuild.table_repair import RepairReport, StepStillRuns
from streams.delivery.step_tables import TABLES
from streams.topics import STEPS, changelog_of


def a_row(verdict, table="sessions", number=1):
    digest = {"missing": ("a" * 64, ""), "extra": ("", "b" * 64)}.get(verdict, ("a" * 64, "b" * 64))
    return RowDifference(table, 2, 7, "acme", f"s-{number}", verdict, *digest, "the reason")


def a_report(*verdicts, lost=()):
    report = TableReport(lost=list(lost))
    for number, verdict in enumerate(verdicts):
        report.add(a_row(verdict, number=number))
    return report


class Doubles:
    """Stands for what makes and writes tables; notes what is asked of it."""

    def __init__(self, report=None, repaired=None, error=None):
        self.names, self.archive, self.there = [], [], True
        self.report, self.repaired, self.error = report, repaired, error

    @contextmanager
    def rebuilding(self, _settings, archive, names):
        self.names.append(tuple(names))
        self.archive.append(archive)
        yield SimpleNamespace(compare=self.compare)

    @contextmanager
    def repair(self, _settings):
        yield SimpleNamespace(repair=self.put_right, roll_back=self.roll_back, drop=self.drop)

    def erased(self, _settings):
        return {("acme", "jane")}

    async def compare(self):
        return self.report

    async def put_right(self, _):
        if self.error:
            raise self.error
        return self.repaired

    def roll_back(self, names, people):
        if self.error:
            raise self.error
        self.names.append(tuple(names))
        assert people == {("acme", "jane")}
        return self.repaired

    def drop(self, names):
        return [kept_of(name) for name in names if self.there]


def run(doubles, *arguments):
    return CliRunner().invoke(rebuild, ["tables", *arguments], obj=doubles)


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (a_report("equal"), 0),
        (a_report("equal", "different"), 1),
        (a_report("unverifiable"), 3),
        (a_report(lost=[changelog_of("sessions")]), 1),
        (a_report(), 2),
    ],
)
def test_a_comparison_exits_by_what_it_found(report, status):
    doubles = Doubles(report)
    assert run(doubles).exit_code == status
    if status != 2:
        told = run(doubles, "--json")
        assert told.exit_code == status
        assert json.loads(told.stdout) == report.as_json()


def test_each_difference_is_told_with_place_digests_and_reason():
    doubles = Doubles(a_report("equal", "missing", "extra", lost=["a topic"]))
    lines = run(doubles).stdout.splitlines()
    assert lines[0].startswith("sessions: 1 equal, 1 extra, 1 missing; ")
    assert lines[1] == "the broker has no topic a topic"
    assert lines[2] == (
        f"  sessions[2]@7 acme s-1: missing, the reason ({'a' * 12} by the log, no row held)"
    )
    assert lines[3].endswith(f"(no row by the log, {'b' * 12} held)")
    assert "playhead replay rebuild tables repair" in lines[4]


def test_what_is_not_listed_is_counted():
    report = TableReport(listed_max=2)
    for number in range(5):
        report.add(a_row("missing", number=number))
    assert "  … and 3 more" in run(Doubles(report)).stdout.splitlines()


def test_tables_and_an_archive_are_named(tmp_path):
    doubles = Doubles(a_report("equal"))
    run(doubles, "--table", "sessions", "--table", "documents", "--archive", str(tmp_path))
    assert doubles.names == [("sessions", "documents")]
    assert doubles.archive == [tmp_path]
    assert run(doubles, "--table", "other").exit_code == 2
    assert set(tables_cli.NAMES) == set(TABLES) == {name for one in STEPS for name in one.tables}


def a_repaired(after=None, **fields):
    return RepairReport(after=after, **fields)


@pytest.mark.parametrize(("after", "status"), [("equal", 0), ("different", 1), ("unverifiable", 3)])
def test_a_repair_exits_by_the_comparison_of_afterwards(after, status):
    report = a_repaired(
        a_report(after), written={"sessions": 1}, left={"sessions": 2}, kept=[kept_of("sessions")]
    )
    doubles = Doubles(repaired=report)
    told = run(doubles, "repair")
    assert told.exit_code == status
    assert told.stdout.startswith("sessions: 1 row put right, 2 left as they are\n")
    assert kept_of("sessions") in told.stdout.splitlines()[-1]
    told = run(doubles, "repair", "--json")
    assert json.loads(told.stdout) == report.as_json()
    assert told.exit_code == status


def test_nothing_to_repair_is_told():
    doubles = Doubles(repaired=a_repaired(a_report("equal")))
    assert run(doubles, "repair").stdout.startswith("nothing was to be done\n")


@pytest.mark.parametrize("verb", ["repair", "roll-back"])
def test_a_step_that_runs_is_one_line_and_exit_1(verb):
    doubles = Doubles(error=StepStillRuns("1 worker of rewrite at here: Stop it"))
    told = run(doubles, verb)
    assert (told.exit_code, told.stderr) == (1, "Error: 1 worker of rewrite at here: Stop it\n")


def test_what_was_replaced_is_put_back():
    doubles = Doubles(repaired=a_repaired(written={"sessions": 3}))
    assert run(doubles, "roll-back").stdout == "sessions: 3 rows put back\n"
    assert json.loads(run(doubles, "roll-back", "--json", "--table", "sessions").stdout)[
        "written"
    ] == {"sessions": 3}
    assert doubles.names == [tuple(tables_cli.NAMES), ("sessions",)]


def test_what_was_kept_is_dropped():
    doubles = Doubles()
    assert run(doubles, "drop", "--table", "sessions").stdout == f"{kept_of('sessions')} is gone\n"
    assert json.loads(run(doubles, "drop", "--json", "--table", "sessions").stdout) == {
        "dropped": [kept_of("sessions")]
    }
    doubles.there = False
    assert run(doubles, "drop").stdout == "nothing was kept\n"
