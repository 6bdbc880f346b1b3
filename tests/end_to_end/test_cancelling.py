"""An answer that nobody wants any more: its model stops, and the log says so and verifies."""

import json
import threading

import pytest

from edge.client.gateway_client import frames_in
from replay.log import BrokerLog
from replay.one_request import events_of
from schemas import Begun, CancellationRequested, Generated, TokensGenerated
from streams.log.codec import open_codec

pytestmark = pytest.mark.stack

LONG = {
    "type": "array",
    "items": {"type": "string", "minLength": 40, "maxLength": 80},
    "minItems": 200,
}
"""JSON for which the chat model would write for minutes."""
ASKED = {
    "text": "What may be borrowed, and against what deposit?",
    "response_schema": LONG,
    "max_tokens": 4_096,
    "budget_ms": 300_000,
    "stream": True,
}


def test_a_cancelled_answer_ends_at_the_model_and_verifies(running, workshop):
    with running.client(workshop) as client, client.stream("POST", "/v1/messages", json=ASKED) as r:
        request, closing, other = "", {}, running.client(workshop)
        for frame in frames_in(r):
            request = request or frame["request_id"]
            if frame["type"] == "step":  # the passages are there: the model is asked next
                cancel = [f"/v1/messages/{request}/cancel"]
                threading.Timer(3.0, other.post, cancel).start()
            closing = frame
    assert (closing["type"], closing["finish_reason"], closing["text"]) == (
        "completed",
        "cancelled",
        "",
    )
    codec, log = open_codec(running.settings), BrokerLog(running.settings)
    try:
        events = events_of(log, request)
    finally:
        log.close()
    [wish] = [one for one in events if isinstance(one, CancellationRequested)]
    assert wish.why == "asked"
    [generated] = [one for one in events if isinstance(one, TokensGenerated)]
    begun, *others = generated.meta.effects
    parts = [codec.decode(one.response, Generated) for one in others if one.kind == "Generate"]
    if not codec.decode(begun.response, Begun).cancelled:  # unless the machine was that slow
        assert parts[-1].finish_reason == "cancelled"
    assert other.post(f"/v1/messages/{request}/cancel").status_code == 200  # it is over
    other.close()
    verified = running.playhead("replay", "verify", "--request", request, "--json")
    assert (verified.returncode, json.loads(verified.stdout)["diverged"]) == (0, [])
