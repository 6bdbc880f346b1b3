"""The command: what may be asked for, and what is told where a part fails."""

import json

import pytest
from click.testing import CliRunner

from bench.child import MeasurementFailed
from bench.cli import COMPARED, PARTS, bench, lacking, measured


def a_part(name):
    """Return a part that measures nothing; its document says with what it was called."""
    return lambda questions, rounds: ({name: [questions, rounds]}, lambda console: console(name))


def failing(*_):
    raise MeasurementFailed("the worker ended")


def test_parts_are_measured_in_the_order_asked_with_what_was_asked():
    parts = {"a": a_part("a"), "b": a_part("b"), "c": failing}
    document, shows = measured(["b", "a"], parts, 7, 2)
    assert [name for name in document if name in parts] == ["b", "a"]
    assert document["b"] == [7, 2]
    shown = []
    for show in shows:
        show(shown.append)
    assert shown == ["b", "a"]


def test_a_part_that_fails_is_told_and_the_others_are_shown():
    document, shows = measured(["c", "a"], {"a": a_part("a"), "c": failing}, 1, 1)
    assert document["a"] == [1, 1]
    assert document["failures"] == ["c: MeasurementFailed: the worker ended"]
    assert len(shows) == 1


def test_a_mistake_of_the_bench_itself_is_no_failed_part():
    with pytest.raises(ZeroDivisionError):
        measured(["a"], {"a": lambda *_: 1 / 0}, 1, 1)


def test_the_machine_stands_beside_the_figures():
    document, _ = measured([], {}, 1, 1)
    assert set(document["machine"]) == {"cpus", "python", "load"}
    assert len(document["machine"]["load"]) == 2
    assert json.loads(json.dumps(document))["failures"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "transports,nothing"], f"'nothing' is none of {', '.join(PARTS)}"),
        (["--only", ","], "'' is none of"),
        (["--rounds", "0"], "0 is not in the range 1<=x<=50"),
        (["--rounds", "51"], "51 is not in the range"),
        (["--questions", "many"], "'many' is not a valid integer"),
        (["--questions", "2"], "2 is not in the range x>=3"),
        (["transports"], "unexpected extra argument"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(arguments, says):
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], list(PARTS)),
        (["--only", "scale"], ["scale"]),
        (["--only", " scale, chats"], ["scale", "chats"]),
    ],
)
def test_all_parts_are_measured_unless_some_are_named(given, names):
    assert bench.make_context("bench", given).params["only"] == names


@pytest.mark.parametrize(
    ("names", "installed", "lacks"),
    [
        (["transports"], COMPARED, []),
        (["transports", "scale"], COMPARED[:1], list(COMPARED[1:])),
        (["transports"], (), list(COMPARED)),
        (["answers", "chats", "scale"], (), []),
    ],
)
def test_only_the_transports_need_what_they_are_compared_with(names, installed, lacks):
    assert lacking(names, lambda name: name in installed) == lacks


def test_the_help_names_every_part():
    said = CliRunner().invoke(bench, ["--help"]).output
    assert all(f"\n  {name} " in said for name in PARTS)
