"""The command: what may be asked for, and what is told where a part fails."""

import json

import httpx
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, KafkaException

from agents.errors import Transient
from bench.chats.questions import BadAnswer
from bench.chats.stub_server import NotServing
from bench.child import MeasurementFailed
from bench.cli import COMPARED, FAILURES, ON_REQUEST, PARTS, PEERS, bench, lacking, measured
from bench.ends import Stuck
from bench.quality.rehearsal import Rehearsal
from infra.stack_error import StackError


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
        ([], [name for name in PARTS if name not in ON_REQUEST]),
        (["--only", "peers"], ["peers"]),
        (["--only", "scale"], ["scale"]),
        (["--only", " scale, chats"], ["scale", "chats"]),
    ],
)
def test_the_usual_parts_are_measured_unless_some_are_named(given, names):
    assert bench.make_context("bench", given).params["only"] == names


@pytest.mark.parametrize(
    ("names", "installed", "lacks"),
    [
        (["transports"], COMPARED, []),
        (["transports", "scale"], COMPARED[:1], list(COMPARED[1:])),
        (["transports"], (), list(COMPARED)),
        (["answers", "chats", "scale"], (), []),
        (["peers"], PEERS, []),
        (["peers"], (), list(PEERS)),
        (
            ["transports", "peers"],
            (),
            ["quixstreams", "faststream", "haystack", "haystack_integrations"],
        ),
        (["peers", "scale"], ("quixstreams",), ["haystack", "haystack_integrations"]),
    ],
)
def test_only_the_parts_that_compare_need_what_they_are_compared_with(names, installed, lacks):
    assert lacking(names, lambda name: name in installed) == lacks


def test_who_lacks_a_package_is_told_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("bench.cli.find_spec", lambda _: None)
    done = CliRunner().invoke(bench, ["--only", "peers"])
    assert done.exit_code == 1
    assert done.output.endswith(
        "Error: quixstreams and haystack and haystack_integrations not installed: run `make bench ONLY=peers`, or"
        " uv sync --group bench --group peers\n"
    )


@pytest.mark.parametrize(("given", "wrong"), [([], False), (["--show"], True)])
def test_wrong_turns_of_conversations_are_shown_where_they_are_asked_for(monkeypatch, given, wrong):
    shown = []
    made = [Rehearsal("our own", (), ())]
    monkeypatch.setattr("bench.cli.measure_rehearsals", lambda _say: made)
    monkeypatch.setattr(
        "bench.cli.show_rehearsals", lambda given, _console, wrong: shown.append((given, wrong))
    )
    done = CliRunner().invoke(bench, ["--only", "conversations", *given])
    assert (done.exit_code, shown) == (0, [(made, wrong)])


def test_conversations_are_part_of_the_document(monkeypatch):
    made = [Rehearsal("our own", (), ())]
    monkeypatch.setattr("bench.cli.measure_rehearsals", lambda _say: made)
    done = CliRunner().invoke(bench, ["--only", "conversations", "--json"])
    [part] = json.loads(done.stdout)["conversations"]
    assert (part["set"], part["turns"], part["stages"]) == ("our own", 0, {})


def test_the_help_names_every_part():
    said = CliRunner().invoke(bench, ["--help"]).output
    assert all(f"\n  {name} " in said for name in PARTS)


# ---------------------------------------------------------------------- how a part may fail


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MeasurementFailed("ended with 1: no word"), "MeasurementFailed: ended with 1: no word"),
        (Stuck("3 of 5 records came"), "Stuck: 3 of 5 records came"),
        (BadAnswer("chat 3 ended"), "BadAnswer: chat 3 ended"),
        (NotServing("see the log"), "NotServing: see the log"),
        (StackError("kafka is not ready"), "StackError: kafka is not ready"),
        (Transient("the broker is away"), "Transient: the broker is away"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), "KafkaException: KafkaError{"),
        (TimeoutError("the broker still shows"), "TimeoutError: the broker still shows"),
        (httpx.ConnectError("refused"), "ConnectError: refused"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_measured_or_lies_under_it_may_fail_and_the_next_part_is_measured(error, told):
    def part(*_):
        raise error

    document, _ = measured(["broken", "whole"], {"broken": part, "whole": a_part("whole")}, 3, 1)
    [failure] = document["failures"]
    assert failure.startswith(f"broken: {told}")
    assert document["whole"] == [3, 1]


@pytest.mark.parametrize("error", [AttributeError, KeyError, AssertionError, KeyboardInterrupt])
def test_a_mistake_or_a_stop_is_no_failure(error):
    assert not issubclass(error, FAILURES)


# ---------------------------------------------------------------------- the whole command


def a_figure(questions, rounds):
    """Measure a part that is done at once."""
    document = {"figure": {"questions": questions, "rounds": rounds}}
    return document, lambda console: console.print(f"{rounds} rounds of a figure")


def invoke(*arguments, **parts):
    return CliRunner().invoke(bench, arguments, obj=parts)


def test_figures_are_shown_and_what_is_under_way_is_told_aside():
    done = invoke("--rounds", "2", one=a_figure, other=a_figure)
    assert done.exit_code == 0
    assert done.stdout.split("\n\n") == ["2 rounds of a figure"] * 2 + [""]
    assert done.stderr == "== one\n== other\n"


def test_one_document_is_printed_for_programs_and_nothing_beside_it():
    done = invoke("--json", "--questions", "7", "--rounds", "2", one=a_figure)
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["figure"] == {"questions": 7, "rounds": 2}
    assert document["failures"] == []
    assert document["machine"]["cpus"] >= 1


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "programs"])
def test_a_part_that_failed_fails_the_command_when_all_is_shown(options):
    done = invoke(*options, broken=failing, whole=a_figure)
    assert done.exit_code == 1
    assert "figure" in done.stdout
    assert done.stderr.endswith("Error: broken: MeasurementFailed: the worker ended\n")


def test_only_what_is_named_is_measured():
    done = invoke("--only", "whole", broken=failing, whole=a_figure)
    assert (done.exit_code, done.stderr) == (0, "== whole\n")


def test_without_a_word_there_are_three_rounds_and_twenty_questions():
    document = json.loads(invoke("--json", one=a_figure).stdout)
    assert document["figure"] == {"questions": 20, "rounds": 3}
