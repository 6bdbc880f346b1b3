import asyncio
import contextlib
import json
import logging
import types

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.settings import Settings
from streams.watching import logs, tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def exported():
    tracing.configure(Settings(), "test")
    exporter = InMemorySpanExporter()
    tracing.export_to(SimpleSpanProcessor(exporter))
    return exporter


def test_a_run_is_a_child_of_what_published_its_input_and_an_effect_of_the_run():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, lambda: {"playhead.attempt": 1}) as run:
        with tracing.effect_span("Search"):
            pass
        traceparent = run.traceparent
    effect, run = spans.get_finished_spans()
    assert tracing.trace_id_of(traceparent) == "0af7651916cd43dd8448eb211c80319c"
    assert f"{run.parent.span_id:016x}" == "b7ad6b7169203331"
    assert effect.parent.span_id == run.context.span_id
    assert (run.name, effect.name) == ("retrieve", "Search")


def test_an_unusable_traceparent_begins_a_new_trace():
    exported()
    with tracing.run_span("retrieve", "rubbish", dict) as run:
        assert len(tracing.trace_id_of(run.traceparent)) == 32


def test_without_an_exporter_a_run_has_ids_of_its_own_in_the_same_trace(monkeypatch):
    monkeypatch.setattr(tracing, "_exported", False)
    with tracing.run_span("retrieve", PARENT, dict) as run, tracing.effect_span("Search") as effect:
        assert not effect.is_recording()
    assert run.traceparent[:36] == PARENT[:36]
    assert run.traceparent[36:52] != PARENT[36:52]
    assert tracing.context_of(run.traceparent)


@pytest.mark.parametrize(
    "parent", ["", "rubbish", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", PARENT + "\n"]
)
def test_without_an_exporter_an_unusable_traceparent_begins_a_new_trace(parent):
    made = tracing.child_of(parent)
    assert tracing.child_of(made)[:36] == made[:36]
    assert made[3:35] not in parent.lower()


def test_a_failure_is_told_by_its_class_alone():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, dict) as run:
        run.failed(ValueError("Alice Example"))
    [span] = spans.get_finished_spans()
    assert "Alice" not in span.to_json()
    assert span.attributes["error.type"] == "ValueError"


@contextlib.contextmanager
def configured_logs():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("info")
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


async def test_a_line_tells_what_its_own_task_runs_and_that_of_those_it_started(capsys):
    def say(event):
        logs.logger("test").info(event)

    async def work(name, *, ends):
        logs.begin_task()
        logs.enter("embed", name, types.SimpleNamespace(place=f"{name}@7"), PARENT)
        await asyncio.sleep(0)
        await asyncio.gather(asyncio.to_thread(say, "child"))
        if ends:
            logs.leave()
        say("own")

    async def starts_another():
        logs.begin_task()
        logs.enter("embed", "r-0", types.SimpleNamespace(place="r-0@7"), PARENT)
        await asyncio.gather(work("r-1", ends=False), work("r-2", ends=True))
        say("parent")

    with configured_logs():
        await asyncio.create_task(starts_another())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {(line["event"], line.get("request"), line.get("place")) for line in lines} == {
        ("child", "r-1", "r-1@7"),
        ("child", "r-2", "r-2@7"),
        ("own", "r-1", "r-1@7"),
        ("own", None, None),
        ("parent", "r-0", "r-0@7"),
    }
    assert {line["trace"] for line in lines if "place" in line} == {PARENT[3:35]}


def test_log_lines_are_json_with_ids_and_without_the_words_of_an_exception(capsys):
    with configured_logs():
        logs.logger("test").info("moved", request="r-1")
        try:
            raise ValueError("Alice Example")
        except ValueError as error:
            logging.getLogger("faust").exception("Crashed reason=%r", error)  # noqa: TRY401
    said = capsys.readouterr().err
    first, second = (json.loads(line) for line in said.splitlines())
    assert (first["event"], first["request"], first["logger"]) == ("moved", "r-1", "playhead.test")
    assert "ValueError" in second["event"]
    assert "Alice" not in said
