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
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        names = {span.name for span in collector.of_trace(trace_id)}
        if names >= STEPS and {"Embed", "Generate"} & names:
            break
        time.sleep(0.3)
    assert names >= STEPS, names
    spans = collector.of_trace(trace_id)
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_span_id not in ids]
    assert len(roots) == 1, [span.name for span in roots]
    assert not any("compressor" in str(span) for span in spans), "a span holds a person's words"
