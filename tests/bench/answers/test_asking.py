"""Asking: the first text and the end of a stream are timed, and the records tell where the time went."""

import json

import httpx
import pytest

from bench.answers.asking import ask, broken_down
from bench.child import MeasurementFailed
from streams.operations.timeline import EffectTime, StepTime


def a_client(*frames):
    """Return a client whose gateway streams these frames."""

    def stream(request):
        assert json.loads(request.content) == {"text": "What?", "stream": True}
        body = "".join(f"event: {f['type']}\ndata: {json.dumps(f)}\n\n" for f in frames)
        return httpx.Response(200, text=body, headers={"Content-Type": "text/event-stream"})

    return httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(stream))


def frame(kind, **more):
    return {"type": kind, "request_id": "r-1", **more}


def test_the_first_text_comes_before_the_end():
    client = a_client(frame("accepted"), frame("delta"), frame("delta"), frame("final"))
    answered, request = ask(client, "What?")
    assert request == "r-1"
    assert 0 < answered.first_ms < answered.whole_ms


def test_an_answer_without_text_has_no_first_one():
    answered, _ = ask(a_client(frame("accepted"), frame("final")), "What?")
    assert answered.first_ms == 0 < answered.whole_ms


def test_an_error_ends_the_measurement():
    client = a_client(frame("accepted"), frame("error", title="Overloaded"))
    with pytest.raises(MeasurementFailed, match="Overloaded"):
        ask(client, "What?")


def a_step(name, queued_us, took_us, *effects_us, cause="t@1"):
    effects = [EffectTime("Embed", "m", 0, effect_us) for effect_us in effects_us]
    return StepTime(name, "t", cause, 1, "c", "d", queued_us, 0, took_us, effects=effects)


def test_of_a_step_the_first_run_of_each_request_counts():
    steps = broken_down(
        [
            [a_step("generate", 1_000, 5_000, 2_000, 1_000), a_step("generate", 9_000, 9_000)],
            [a_step("generate", 3_000, 7_000), a_step("moderate", 500, 250)],
        ]
    )
    assert steps == {
        "generate": {"queued_ms": 2.0, "running_ms": 6.0, "effects_ms": 1.5},
        "moderate": {"queued_ms": 0.5, "running_ms": 0.25, "effects_ms": 0.0},
    }


def test_the_request_itself_is_no_step():
    assert broken_down([[a_step("gateway", 0, 0, cause="")]]) == {}
