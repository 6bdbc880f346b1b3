"""Asking: the first text and the end of a stream are timed, and the records tell where the time went."""

import json

import httpx
import pytest

from bench.answers.asking import alternate, ask, broken_down
from bench.child import MeasurementFailed
from bench.direct import Answered, Direct
from bench.facts import facts
from bench.synthetic.answers import CannedModels
from bench.synthetic.request_maker import SECTIONS, TENANTS
from connectors.documents import Documents
from connectors.keyring import Keyring
from streams.operations.timeline import EffectTime, StepTime
from streams.settings import Settings
from tests.fakes import a_codec


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


class FakeAnswers:
    """Stands for the steps without a log; an answer takes as long as its number says."""

    def __init__(self, order):
        self._order = order
        self._asked = 0

    async def ask(self, tenant, text):
        self._order.append(("direct", tenant, text))
        self._asked += 1
        return Answered(1.0 * self._asked, 2.0 * self._asked)


@pytest.fixture(params=[True, False])
def answering(request, tmp_path):
    """What answers without a log: the fake, and the steps themselves over canned answers."""
    if request.param:
        return FakeAnswers([])
    settings, models = Settings(run=tmp_path), CannedModels()
    models.index_guide(0)
    keyring = Keyring(settings)
    return Direct(settings, (keyring, Documents(settings), models), keyring, a_codec()._ids)


async def test_an_answer_has_its_first_text_before_its_end(answering):
    for _, question in facts(SECTIONS)[3:5]:
        answered = await answering.ask(TENANTS[0], question)
        assert isinstance(answered, Answered)
        assert 0 < answered.first_ms <= answered.whole_ms


async def taken(questions):
    """Let both be asked; return who was asked what, and what came of it."""
    order = []

    def gateway(request):
        order.append(("through", "bench", json.loads(request.content)["text"]))
        frames = [{"type": kind, "request_id": f"r-{len(order)}"} for kind in ("delta", "final")]
        body = "".join(f"event: {f['type']}\ndata: {json.dumps(f)}\n\n" for f in frames)
        return httpx.Response(200, text=body, headers={"Content-Type": "text/event-stream"})

    with httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(gateway)) as client:
        return order, await alternate(FakeAnswers(order), client, questions)


@pytest.mark.parametrize("questions", [3, 4, 20])
async def test_both_are_asked_as_often_and_take_turns_at_beginning(questions):
    order, _ = await taken(questions)
    who = [asked for asked, _, _ in order]
    assert who.count("through") == who.count("direct") == questions
    pairs = [tuple(who[at : at + 2]) for at in range(0, len(who), 2)]
    assert all(set(pair) == {"through", "direct"} for pair in pairs)
    assert pairs == [("through", "direct"), ("direct", "through")] * (questions // 2) + (
        [("through", "direct")] * (questions % 2)
    )


async def test_no_question_is_asked_twice_and_all_are_of_one_tenant():
    order, _ = await taken(5)
    assert len({text for _, _, text in order}) == 10
    assert {tenant for _, tenant, _ in order} == {"bench"}


async def test_the_first_of_each_warms_up_and_is_left_out():
    _, (through, direct, requests) = await taken(4)
    assert [one.first_ms for one in direct] == [2.0, 3.0, 4.0]
    assert len(through) == 3
    assert requests == ["r-4", "r-5", "r-8"]


def test_a_median_is_taken_of_each_time_by_itself():
    steps = broken_down(
        [
            [a_step("embed", queued, took, took // 2)]
            for queued, took in [(1_000, 90_000), (2_000, 10_000), (30_000, 20_000)]
        ]
    )
    assert steps == {"embed": {"queued_ms": 2.0, "running_ms": 20.0, "effects_ms": 10.0}}


def test_steps_stand_in_the_order_in_which_they_came():
    names = ["redact", "rewrite", "retrieve"]
    steps = broken_down([[a_step(name, 1, 1) for name in names], [a_step("moderate", 1, 1)]])
    assert list(steps) == [*names, "moderate"]
