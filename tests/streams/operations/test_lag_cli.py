"""What `playhead lag` shows."""

import json

import pytest
from click.testing import CliRunner

from infra.cli import VERBS
from streams.operations.lag import Lag
from streams.operations.lag_cli import lag, report, rows_of, summary
from streams.topics import STEPS


def test_a_report_holds_every_lane_and_the_sum():
    lags = [Lag("embed", "t", 0, 3, 10), Lag("embed", "t", 1, 4, 4)]
    told = report(lags, {("t", 0): 1.5}, rejected=2)
    assert told["lag"] == 7
    assert told["dead_letters"] == 2
    assert [(one["lane"], one["lag"], one["oldest_age_s"]) for one in told["lanes"]] == [
        (0, 7, 1.5),
        (1, 0, None),
    ]


def test_lanes_that_are_done_share_a_row_unless_all_are_asked_for():
    lags = [Lag("embed", "t", lane, 4, end) for lane, end in ((0, 10), (1, 4))]
    lags += [Lag("index", "u", lane, 4, 4) for lane in (0, 1)]
    assert list(rows_of(lags, {("t", 0): 1.26}, every=False)) == [
        ("embed", "t", "0", "6", "1.3 s", "4", "10"),
        ("index", "u", "all", "0", "", "", ""),
    ]
    assert [row[2] for row in rows_of(lags, {}, every=True)] == ["0", "1", "0", "1"]


@pytest.mark.parametrize(
    ("rejected", "said"),
    [
        (0, "9 records behind; 0 dead letters"),
        (2, "9 records behind; 2 dead letters (`playhead dead-letters list`)"),
    ],
)
def test_the_last_line_sums_up(rejected, said):
    lags = [Lag("embed", "t", 0, 3, 10), Lag("embed", "t", 1, 2, 4)]
    assert summary(lags, rejected) == said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--steps", "nonsense"], 2, "no step nonsense"),
        (["--steps", " "], 2, "names no step"),
        ([], 1, "127.0.0.1:1 does not answer"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, arguments, code, said):
    env = {"PLAYHEAD_RUN": str(tmp_path), "PLAYHEAD_KAFKA": "127.0.0.1:1"}
    done = CliRunner().invoke(lag, arguments, env=env)
    assert done.exit_code == code
    assert said in done.output
    assert "Traceback" not in done.output


def test_the_verb_is_on_the_command_line():
    assert VERBS["lag"].place == "streams.operations.lag_cli:lag"


# ---------------------------------------------------------------------- on the real broker


@pytest.mark.stack
def test_the_verb_reports_every_step(running):
    done = running.playhead("lag", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    lanes = {(one["step"], one["topic"], one["lane"]) for one in told["lanes"]}
    assert len(lanes) == len(told["lanes"])
    assert {step for step, _, _ in lanes} == {*(step.name for step in STEPS), "inbox"}
    assert {lane for _, _, lane in lanes} == set(range(running.settings.partitions))
    table = running.playhead("lag", "--all").stdout
    assert table.count("playhead.question.asked") == running.settings.partitions
