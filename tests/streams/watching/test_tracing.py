"""Tracing: one trace from header to header, and nothing of a person in it."""

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.settings import Settings
from streams.watching import tracing

ROOT = Path(__file__).parents[3]
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


def test_a_run_that_is_not_recorded_has_ids_of_its_own_in_the_same_trace():
    with tracing.RunSpan(PARENT) as run:
        run.failed(ValueError())
    assert run.traceparent[:36] == PARENT[:36]
    assert run.traceparent[36:52] != PARENT[36:52]
    assert run.traceparent[52:] == PARENT[52:]
    assert tracing.context_of(run.traceparent)


UNEXPORTED = f"""
from streams.settings import Settings
from streams.watching import tracing

def attributes():
    raise AssertionError("attributes are asked for where nobody sees them")

try:
    tracing.export_to(None)
except TypeError as error:
    assert "call configure first" in str(error)
tracing.flush()  # nothing to do yet
tracing.configure(Settings(), "test")  # no endpoint: nothing is exported
with tracing.run_span("retrieve", "{PARENT}", attributes) as run:
    assert type(run) is tracing.RunSpan
    with tracing.effect_span("Search") as effect:
        assert not effect.is_recording()
    assert not tracing.start_stream_span("Generate").is_recording()
tracing.flush()
print(run.traceparent)
"""


def test_without_an_exporter_nothing_is_recorded_and_attributes_are_not_asked_for():
    program = [sys.executable, "-c", UNEXPORTED]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout[:36] == PARENT[:36]


@pytest.mark.parametrize(
    "parent", ["", "rubbish", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", PARENT + "\n"]
)
def test_without_an_exporter_an_unusable_traceparent_begins_a_new_trace(parent):
    made = tracing.child_of(parent)
    assert tracing.child_of(made)[:36] == made[:36]
    assert made[3:35] not in parent.lower()


@pytest.mark.parametrize(("sampled", "flags"), [(True, "01"), (False, "00")])
def test_every_trace_that_begins_is_another_one(sampled, flags):
    begun = [tracing.new_trace(sampled=sampled) for _ in range(9)]
    assert all(tracing.TRACEPARENT.fullmatch(one) and one.endswith(flags) for one in begun)
    assert len({one[3:35] for one in begun}) == len({one[36:52] for one in begun}) == 9


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [(PARENT, PARENT[3:35]), ("", ""), ("rubbish", ""), ("a-b-c", ""), ("a-b-c-d", "b")],
)
def test_the_id_of_a_trace_is_the_second_part(traceparent, trace_id):
    assert tracing.trace_id_of(traceparent) == trace_id


@given(st.text(max_size=60))
def test_no_header_whatever_breaks_a_trace(parent):
    with tracing.RunSpan(parent) as run:
        pass
    again = tracing.child_of(run.traceparent)
    assert again[:36] == run.traceparent[:36]
    assert len(again) == len(PARENT)


def test_a_streamed_effect_is_a_child_of_the_run_and_ended_by_who_started_it():
    spans = exported()
    with tracing.run_span("generate", PARENT, dict):
        span = tracing.start_stream_span("Generate")
        span.set_attribute("playhead.parts", 3)
    assert [each.name for each in spans.get_finished_spans()] == ["generate"]
    span.end()
    [run, effect] = spans.get_finished_spans()
    assert effect.parent.span_id == run.context.span_id
    assert dict(effect.attributes) == {"playhead.parts": 3}


def test_an_effect_that_fails_is_told_by_its_class_alone():
    spans = exported()
    with (
        contextlib.suppress(ValueError),
        tracing.run_span("retrieve", PARENT, dict),
        tracing.effect_span("Search") as span,
    ):
        tracing.failed(span, ValueError("Alice Example"))
        raise ValueError("Alice Example")
    for each in spans.get_finished_spans():
        assert "Alice" not in each.to_json()
        assert each.attributes["error.type"] == "ValueError"


def test_a_failure_is_told_by_its_class_alone():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, dict) as run:
        run.failed(ValueError("Alice Example"))
    [span] = spans.get_finished_spans()
    assert "Alice" not in span.to_json()
    assert span.attributes["error.type"] == "ValueError"


@pytest.mark.parametrize("sampled", ["00", "01"])
def test_whether_a_trace_is_sampled_is_decided_where_it_begins(sampled):
    parent = PARENT[:-2] + sampled
    assert tracing.child_of(parent)[-2:] == sampled
    assert tracing.child_of("")[-2:] == "00"


def test_a_span_survives_a_header():
    spans = exported()
    with tracing.run_span("retrieve", PARENT, dict) as run:
        header = run.traceparent
    with tracing.run_span("generate", header, dict):
        pass
    first, second = spans.get_finished_spans()
    assert second.parent.span_id == first.context.span_id
    assert second.context.trace_id == first.context.trace_id


def test_a_span_that_is_none_has_no_header():
    assert tracing.traceparent_of(trace.INVALID_SPAN) == ""


def test_a_run_that_is_cancelled_has_not_failed():
    spans = exported()
    with (
        contextlib.suppress(asyncio.CancelledError),
        tracing.run_span("retrieve", PARENT, dict),
    ):
        raise asyncio.CancelledError
    [span] = spans.get_finished_spans()
    assert span.status.is_unset
    assert "error.type" not in span.attributes
