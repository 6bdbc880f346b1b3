import time

import pytest

pytestmark = pytest.mark.stack

STEPS = {"redact", "rewrite", "retrieve", "generate", "moderate"}


def test_one_trace_leads_from_the_edge_through_every_step_to_the_model(
    running, workshop, collector
):
    with running.client(workshop) as client:
        answer = client.post("/v1/messages", json={"text": "Is the compressor ever lent out?"})
    trace_id = answer.headers["traceparent"].split("-")[1]
    deadline = time.monotonic() + 30  # each process exports its spans every few seconds
    while True:
        spans = collector.of_trace(trace_id)
        names = {span.name for span in spans}
        ids = {span.span_id for span in spans}
        roots = [span.name for span in spans if span.parent_span_id not in ids]
        if (names >= STEPS and len(roots) == 1) or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    assert names >= STEPS | {"Embed", "Search"}, names
    assert len(roots) == 1, roots
    assert not any("compressor" in str(span) for span in spans), "a span holds a person's words"
