import json
import logging

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_tracer_provider

from streams import logs, tracing
from streams.settings import Settings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def exported():
    tracing.configure(Settings(), "test")
    exporter = InMemorySpanExporter()
    get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_a_run_is_a_child_of_what_published_its_input_and_an_effect_of_the_run():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, {"playhead.attempt": 1}) as run:
        with tracing.effect_span("Search"):
            pass
        traceparent = tracing.traceparent_of(run)
    effect, run = spans.get_finished_spans()
    assert tracing.trace_id_of(traceparent) == "0af7651916cd43dd8448eb211c80319c"
    assert f"{run.parent.span_id:016x}" == "b7ad6b7169203331"
    assert effect.parent.span_id == run.context.span_id
    assert (run.name, effect.name) == ("retrieve", "Search")


def test_an_unusable_traceparent_begins_a_new_trace():
    exported()
    with tracing.run_span("retrieve", "rubbish", {}) as run:
        assert len(tracing.trace_id_of(tracing.traceparent_of(run))) == 32


def test_a_failure_is_told_by_its_class_alone():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, {}) as run:
        tracing.failed(run, ValueError("Alice Example"))
    [span] = spans.get_finished_spans()
    assert "Alice" not in span.to_json()
    assert span.attributes["error.type"] == "ValueError"


def test_log_lines_are_json_with_ids_and_without_the_words_of_an_exception(capsys):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure("info")
        logs.logger("test").info("moved", request="r-1")
        try:
            raise ValueError("Alice Example")
        except ValueError as error:
            logging.getLogger("faust").exception("Crashed reason=%r", error)  # noqa: TRY401
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    said = capsys.readouterr().err
    first, second = (json.loads(line) for line in said.splitlines())
    assert (first["event"], first["request"], first["logger"]) == ("moved", "r-1", "playhead.test")
    assert "ValueError" in second["event"]
    assert "Alice" not in said
