"""Recorded requests become spans with the ids that their records hold."""

import pytest
from msgspec.structs import replace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from replay.one_request import events_by_request
from replay.recorded_spans import NotTaken, export_spans, spans_of
from streams.running.run import stamped
from tests.conftest import SpanCollector
from tests.replay.little_log import a_log

TRACE = "0af7651916cd43dd8448eb211c80319c"


def traced(events):
    """Give records the traceparents that an edge and a step would."""
    return [
        stamped(
            event, replace(event.meta, trace=f"00-{TRACE}-{1 + bool(event.meta.cause):016x}-01")
        )
        for event in events
    ]


async def events_of_one():
    return traced(events_by_request(await a_log(2), "r-1")["r-1"])


async def test_a_run_has_the_ids_of_its_records_and_effects_stand_in_it():
    spans = list(spans_of(await events_of_one()))
    edge, run, *effects = spans
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    assert (edge.context.span_id, edge.parent) == (1, None)
    assert (run.name, run.context.span_id, run.parent.span_id) == ("redact", 2, 1)
    assert [span.name for span in effects] == ["Digest", "ReadPlaceholders", "Detect", "Generate"]
    assert {span.parent.span_id for span in effects} == {2}
    assert len({span.context.span_id for span in spans}) == len(spans)
    assert all(span.start_time <= span.end_time for span in spans)
    assert run.attributes["playhead.request"] == "r-1"


async def test_the_same_records_are_the_same_spans_and_no_text_is_among_them():
    events = await events_of_one()
    once, again = ([span.to_json() for span in spans_of(events)] for _ in range(2))
    assert once == again
    assert not any("hello" in span for span in once)


async def test_what_was_never_traced_has_no_spans():
    assert list(spans_of(events_by_request(await a_log(1), "r-0")["r-0"])) == []


async def test_a_collector_gets_them_and_one_that_is_away_is_told():
    collector = SpanCollector()
    try:
        sent = export_spans(spans_of(await events_of_one()), collector.endpoint)
        assert len(collector.of_trace(TRACE)) == sent == 6
    finally:
        collector.close()


async def test_a_server_that_is_no_collector_is_told(monkeypatch):
    monkeypatch.setattr(OTLPSpanExporter, "export", lambda *_: SpanExportResult.FAILURE)
    with pytest.raises(NotTaken, match="must speak OTLP over HTTP"):
        export_spans(spans_of(await events_of_one()), "http://127.0.0.1:1")


async def test_a_session_is_all_of_its_requests_in_order():
    log = await a_log(3)
    assert list(events_by_request(log, "s-1")) == ["r-0", "r-1", "r-2"]
    assert {name: len(events) for name, events in events_by_request(log, "s-1").items()} == {
        "r-0": 4,
        "r-1": 4,
        "r-2": 4,
    }
    assert list(events_by_request(log, "r-2")) == ["r-2"]
    with pytest.raises(LookupError, match="a session_id or a document_id"):
        events_by_request(log, "s-")
