"""`playhead routes explain`: which model answered and why, read from the record."""

import json

import pytest
from msgspec.structs import replace

from infra.cli import main
from replay.archive import ArchiveLog
from replay.routes_cli import explained
from schemas import (
    Answer,
    Ask,
    Batch,
    Cause,
    ChunksRetrieved,
    ConsideredRoute,
    Effect,
    RouteDecision,
    TokensGenerated,
    Usage,
)
from streams.log.codec import Codec
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


def a_part(ordinal, costs=(), decision=None, last=False, attempt=1):
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
    }


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


@pytest.fixture
def answered(archive):
    """A request of the archive that a model answered."""
    log = ArchiveLog(archive.folder)
    codec = Codec(log.ids)
    for topic, partition in sorted(log.extents()):
        if topic != topic_of(TokensGenerated):
            continue
        for stored in log.records(topic, partition):
            event = codec.decode_any(stored.value)
            if event.answer is not None and event.answer.route is not None:
                return event.meta.request
    raise AssertionError("no model answered in the archive")


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["routes", *map(str, arguments)])
    return ended.value.code, *capsys.readouterr()


def test_the_command_prints_a_table_or_json(archive, answered, capsys, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
    code, out, err = command(capsys, "explain", answered, "--archive", archive.folder)
    assert (code, err) == (0, "")
    assert "by chat@" in out
    assert "first: distilled" in out
    code, out, _ = command(capsys, "explain", answered, "--archive", archive.folder, "--json")
    told = json.loads(out)
    assert (code, told["request_id"]) == (0, answered)
    assert told["answers"][0]["chosen"].startswith("chat@")


def test_a_request_that_there_is_not_is_said_in_one_line(archive, capsys, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
    code, out, err = command(capsys, "explain", "nobody", "--archive", archive.folder)
    assert (code, out) == (1, "")
    assert err.startswith("playhead: no record of request nobody")
    assert err.count("\n") == 1
