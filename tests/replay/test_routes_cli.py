"""`playhead routes explain`: which model answered and why, read from the record."""

import io
import json

import pytest
from msgspec.structs import replace
from rich.console import Console

from infra.cli import main
from replay.routes_cli import explained, print_answer
from replay.terminal import timeline_table
from schemas import (
    Answer,
    Ask,
    Batch,
    Cause,
    ChunksRetrieved,
    ConsideredRoute,
    Effect,
    RouteDecision,
    StepVersion,
    TokensGenerated,
    ToolUse,
    Usage,
)
from streams.operations.timeline import timeline
from streams.topics import topic_of
from tests.fakes import a_meta

DECIDED = RouteDecision(
    chosen="middle@1",
    arm="control",
    considered=(
        ConsideredRoute(
            route="big@1", provider="cloud", model="b", reason="first: quality 1; is away"
        ),
        ConsideredRoute(
            route="middle@1", provider="house", model="m", reason="fallback 1: quality 2"
        ),
    ),
)


USED = ToolUse(
    name="weather",
    arguments='{"city":"Oslo"}',
    outcome="answered",
    result="degrees: [4]",
    cost_micros=7,
)


def a_part(ordinal, costs=(), decision=None, last=False, attempt=1, **answered):
    effects = tuple(
        Effect(
            number=2, part=n, kind="Generate", request=b"", started=1, took_us=1, cost_micros=cost
        )
        for n, cost in enumerate(costs)
    )
    answer = Answer(
        text="t",
        usage=Usage(),
        finish_reason="stop",
        question="q",
        query="q",
        model="m@1",
        route=decision,
        **answered,
    )
    return TokensGenerated(
        meta=a_meta(effects=effects, ordinal=ordinal, last=last, attempt=attempt),
        batch=Batch(number=ordinal, last=last),
        text="t", answer=answer if last else None, ask=Ask(), subject="u",
    )  # fmt: skip


def test_an_answer_is_explained_with_what_all_its_calls_cost():
    [one] = explained([a_part(0, [0, 3]), a_part(1, [0, 40], DECIDED, last=True)])
    assert one.as_json() == {
        "attempt": 1,
        "finish_reason": "stop",
        "model": "m@1",
        "cost_micros": 43,
        "chosen": "middle@1",
        "arm": "control",
        "configuration": "",
        "experiment": "",
        "variant": "",
        "considered": [
            {
                "route": "big@1",
                "provider": "cloud",
                "model": "b",
                "reason": "first: quality 1; is away",
            },
            {
                "route": "middle@1",
                "provider": "house",
                "model": "m",
                "reason": "fallback 1: quality 2",
            },
        ],
        "hedged": None,
        "tools": [],
    }


def test_the_tools_of_an_answer_are_explained(capsys):
    [one] = explained([a_part(0, [40], DECIDED, last=True, tools=(USED,))])
    assert one.as_json()["tools"] == [USED.to_avro()]
    print_answer(one)
    assert (
        'used weather {"city":"Oslo"}: answered, 0.000007: degrees: [4]' in capsys.readouterr().out
    )


def test_a_timeline_shows_the_tools_and_for_people_what_they_gave():
    cause = Cause(topic=topic_of(ChunksRetrieved), partition=0, offset=0, id="c")
    part = a_part(0, [40], DECIDED, last=True, tools=(USED,))
    [run] = timeline([replace(part, meta=replace(part.meta, cause=cause))])
    assert run.as_json()["tools"] == [{"name": "weather", "outcome": "answered", "cost_micros": 7}]
    text = io.StringIO()
    Console(file=text, width=300).print(timeline_table([run]))
    assert '→ weather {"city":"Oslo"}: answered, 0.000007: degrees: [4]' in text.getvalue()


def test_each_attempt_has_its_own_and_one_of_before_has_none():
    first, second = explained(
        [a_part(0, [5], None, last=True), a_part(0, [7], DECIDED, last=True, attempt=2)]
    )
    assert (first.cost_micros, first.as_json()["chosen"], first.as_json()["considered"]) == (
        5,
        "",
        [],
    )
    assert (second.attempt, second.cost_micros) == (2, 7)
    assert explained([a_part(0, [5])]) == []


def test_a_timeline_shows_cost_and_route():
    cause = Cause(topic=topic_of(ChunksRetrieved), partition=0, offset=0, id="c")
    part = a_part(0, [0, 3, 40], DECIDED, last=True)
    part = replace(part, meta=replace(part.meta, cause=cause))
    [run] = timeline([part])
    assert run.as_json()["route"] == "middle@1"
    assert [(one["parts"], one["cost_micros"]) for one in run.as_json()["effects"]] == [(3, 43)]


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["routes", *map(str, arguments)])
    return ended.value.code, *capsys.readouterr()


def test_the_command_finds_an_answer_in_an_archive(archive, capsys):
    given = ("explain", archive.request, "--archive", archive.folder)
    code, out, err = command(capsys, *given, "--json")
    told = json.loads(out)
    assert (code, err, told["request_id"]) == (0, "", archive.request)
    [answer] = told["answers"]
    code, out, _ = command(capsys, *given)
    assert (code, answer["finish_reason"] in out) == (0, True)


def test_people_see_the_routes_the_one_that_was_taken_and_the_cost(capsys):
    [one] = explained([a_part(0, [0, 43], DECIDED, last=True)])
    print_answer(one)
    out = capsys.readouterr().out
    assert "stop by middle@1 (m@1), control of a trial, 0.000043" in out
    assert [line.split()[:3] for line in out.splitlines()[2:4]] == [
        ["big@1", "cloud", "b"],
        ["→", "middle@1", "house"],
    ]


def test_a_request_that_there_is_not_is_said_in_one_line(archive, capsys):
    code, out, err = command(capsys, "explain", "nobody", "--archive", archive.folder)
    assert (code, out) == (1, "")
    assert err.startswith("playhead: no record of request nobody")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("answered", "variant", "said"),
    [
        ({"experiment": "tone-1", "arm": "curt"}, "curt", "curt of tone-1"),
        ({"experiment": "tone-1"}, "control", "control of tone-1"),
        ({"arm": "old"}, "old", "old of its arms"),
    ],
)
@pytest.mark.parametrize("decision", [None, DECIDED])
def test_an_answer_tells_its_configuration_and_arm(answered, variant, said, decision, capsys):
    part = a_part(0, [0, 43], decision, last=True, **answered)
    step = StepVersion(name="generate", code="1", configuration="0123456789abcdef")
    part = replace(part, meta=replace(part.meta, step=step))
    [one] = explained([part])
    assert (one.as_json()["variant"], one.as_json()["configuration"]) == (
        variant,
        step.configuration,
    )
    print_answer(one)
    assert f"by configuration 0123456789ab, {said}\n" in capsys.readouterr().out
    cause = Cause(topic=topic_of(ChunksRetrieved), partition=0, offset=0, id="c")
    [run] = timeline([replace(part, meta=replace(part.meta, cause=cause))])
    told = run.as_json()
    assert (told["experiment"], told["variant"]) == (answered.get("experiment", ""), variant)
