"""What people see of a verification and of a request."""

import io

import pytest
from rich.console import Console

from replay.report import LISTED_MAX, Difference, Report
from replay.terminal import DIFFERENCES_MAX, place_of, show, stages_table, timeline_table
from streams.operations.budget import StageTime
from streams.operations.timeline import EffectTime, StepTime


def shown(report):
    text = io.StringIO()
    show(report, Console(file=text, width=300))
    return text.getvalue()


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (Report(records=3, equal=3), "every record is equal: 3 records, 3 equal"),
        (Report(records=3, equal=1, erased=2), "every record is equal or erased: 3 records"),
        (Report(records=1, diverged=[Difference("t", 0, 1, "i", "s", "why")]), "DIVERGED: 1"),
        (Report(records=1, unreadable=[Difference("t", 0, 1, "", "", "why")]), "DIVERGED: 1"),
        (
            Report(records=1, erased=1, unverifiable=[Difference("t", 0, 1, "i", "s", "why")]),
            "nothing differs, but not every record can be verified here: 1 record",
        ),
    ],
)
def test_the_verdict_comes_first(report, verdict):
    assert shown(report).startswith(verdict)


def test_rates_are_told_and_no_time_at_all_is_no_error():
    assert "(500 records/s)" in shown(Report(records=1_000, seconds=2.0))
    assert "(0 records/s)" in shown(Report())


def test_work_in_progress_is_told_where_there_is_some():
    assert "2 inputs still in progress" in shown(Report(pending=2))
    assert "in progress" not in shown(Report())


def test_inputs_that_came_before_their_step_are_told_by_themselves():
    assert "2 inputs from before their step existed" in shown(Report(before_its_time=2))
    assert "existed" not in shown(Report())


@pytest.mark.parametrize(
    ("count", "more"), [(1, 0), (DIFFERENCES_MAX, 0), (DIFFERENCES_MAX + 3, 3)]
)
def test_differences_are_listed_as_they_are_and_not_without_end(count, more):
    entries = [Difference("t", 0, n, "i", "s", f"[red]why {n}[/red]") for n in range(count)]
    text = shown(Report(diverged=entries))
    assert text.count("[red]why") == min(count, DIFFERENCES_MAX)
    assert (f"… and {more} more: --json lists all" in text) is bool(more)


def test_what_is_listed_nowhere_is_counted():
    text = shown(Report(diverged=[Difference("t", 0, 1, "i", "s", "why")] * (LISTED_MAX + 3)))
    assert text.startswith(f"DIVERGED: 0 records, 0 equal, {LISTED_MAX + 3} diverged")
    assert "3 of them are listed nowhere" in text


def test_how_the_log_lies_comes_before_what_follows_from_it_and_each_reason_once():
    entries = [Difference("t", n % 2, n, f"i{n}", "s", "no cause") for n in range(30)]
    missing = Difference("t", 0, 0, "", "", "its file is missing")
    found = shown(Report(diverged=[*entries, missing])).splitlines()[1:]
    assert [line.strip() for line in found] == [
        "t[0]@0 its file is missing",
        "t[0]@0 (s) no cause (and so 29 more of its topic)",
    ]


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (Difference("t", 0, 1, "i", "s", ""), "t[0]@1 (s) "),
        (Difference("t", 2, -1, "", "", ""), "t[2] "),
        (Difference("t", -1, -1, "", "", ""), "t "),
        (Difference("", -1, -1, "", "", ""), ""),
    ],
)
def test_a_place_is_told_as_far_as_there_is_one(entry, place):
    assert place_of(entry) == place


def a_run(step, began_us=0, took_us=1_000, effects=(), **fields):
    values = {"topic": "t", "cause": "c", "attempt": 1, "code": "", "configuration": ""}
    return StepTime(
        step=step,
        queued_us=500,
        began_us=began_us,
        ended_us=began_us + took_us,
        records=1,
        effects=list(effects),
        **{**values, **fields},
    )


def rows(runs):
    text = io.StringIO()
    Console(file=text, width=300).print(timeline_table(runs))
    return [line.split() for line in text.getvalue().splitlines()[1:]]


def test_a_step_has_a_row_with_its_times_and_effects():
    effects = [EffectTime("Embed", "m", 0, 2_000), EffectTime("Generate", "m", 0, 3_000, parts=4)]
    [row] = rows([a_run("retrieve", effects=effects)])
    told = " ".join(row)
    assert told.startswith("+0.0 ms retrieve 0.5 ms 1.0 ms 1 ")
    assert told.endswith("Embed 2.0, Generate 3.0 (4 parts)")


def test_the_arm_of_an_experiment_stands_beside_its_step():
    [row] = rows([a_run("generate", experiment="tone-1", variant="curt")])
    assert " ".join(row).startswith("+0.0 ms generate [curt of tone-1] 0.5 ms")


def test_later_runs_of_a_step_share_a_row_of_means():
    runs = [
        a_run("moderate", began_us=n * 1_000, took_us=took)
        for n, took in enumerate((1_000, 2_000, 4_000))
    ]
    first, later = (" ".join(row) for row in rows(runs))
    assert first.startswith("+0.0 ms moderate 0.5 ms 1.0 ms 1")
    assert later.startswith("to 6.0 ms moderate (2 more) avg 0.5 ms avg 3.0 ms 2")


def test_a_second_attempt_is_named_and_nothing_is_an_empty_table():
    [row] = rows([a_run("embed", attempt=2)])
    assert "embed (attempt 2)" in " ".join(row)
    assert rows([]) == []


def test_a_stage_tells_its_share_what_it_took_and_what_it_left_out():
    passed = [
        StageTime("rewrite", 42_000, 1_458_000, ()),
        StageTime("search", 1_200_000, None, ("embed", "rerank")),
    ]
    text = io.StringIO()
    Console(file=text, width=300).print(stages_table(passed))
    _, rewrite, search = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert rewrite == "rewrite 250 ms 42 ms 1,458 ms"
    assert search == "search 300 ms 1,200 ms embed, rerank"
