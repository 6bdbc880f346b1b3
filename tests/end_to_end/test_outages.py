"""Services that hang, die and come back under questions: all are answered or cleanly refused."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from edge.client.gateway_client import frames_in
from infra.local.supervisor import read_state
from tests.standing_process import standing

pytestmark = pytest.mark.stack

QUESTION = "For how many days may a torque wrench be borrowed?"
PATIENCE_S = 90.0  # for what takes seconds on a machine that is not busy


def state_of(running, component):
    return read_state(running.settings.run)["components"][component]


@contextmanager
def dying(running, component):
    """Kill a component; when the block ends, wait until it was started again."""
    died = state_of(running, component)["pid"]
    os.kill(died, signal.SIGKILL)
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (now := state_of(running, component))["pid"] == died or now["state"] != "ready":
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


@contextmanager
def hanging(running, component):
    """Stop a component in its tracks: it takes connections and never answers."""
    with standing(state_of(running, component)["pid"]):
        yield


def put(running, tenant, **fields):
    """Ask; return the status and the body, whatever they are."""
    with running.client(tenant) as client:
        answer = client.post("/v1/messages", json={"text": QUESTION, **fields})
    return answer.status_code, answer.json()


def last_frame(running, tenant, **fields):
    """Ask for a stream; return the frame that closes it."""
    with (
        running.client(tenant) as client,
        client.stream(
            "POST", "/v1/messages", json={"text": QUESTION, "stream": True, **fields}
        ) as stream,
    ):
        if stream.status_code != 200:
            return {**json.loads(stream.read()), "type": "error"}
        return list(frames_in(stream))[-1]


def search(running, tenant, **fields):
    """Search; return the status and the body, whatever they are."""
    with running.client(tenant) as client:
        answer = client.post("/v1/search", json={"text": QUESTION, **fields})
    return answer.status_code, answer.json()


def in_full(running, tenant):
    """Wait until questions are answered in full again; return the answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status, answer = put(running, tenant)
        if status == 200 and not answer["degraded"]:
            return answer
        assert time.monotonic() < deadline, answer


def refused(status, problem):
    """Tell whether a step gave up, or the gateway did not let it come to that."""
    kinds = ("step-failed", "overloaded")
    return status == 503 and problem["type"].endswith(kinds) and problem["retryable"]


def told(status, answer):
    return status == 200 and "three days" in answer["text"]


@pytest.fixture
def askers():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_models_that_hang_are_done_without(running, workshop, askers):
    with hanging(running, "triton"):
        asked = [askers.submit(put, running, workshop, budget_ms=8_000) for _ in range(3)]
        streamed = askers.submit(last_frame, running, workshop, budget_ms=8_000)
        status, found = search(running, workshop, budget_ms=8_000)
        answers = [one.result() for one in asked]
        frame = streamed.result()
    assert (frame["type"], frame["finish_reason"]) == ("completed", "extractive")
    assert status == 200
    assert "torque wrench" in found["passages"][0]["text"]
    for status, answer in answers:
        assert status == 200, answer
        assert set(answer["degraded"]) >= {"embed", "rerank"}
        assert answer["finish_reason"] == "extractive"
        assert "three days" in answer["text"]
        assert answer["citations"]
    assert in_full(running, workshop)["citations"]


def test_models_that_die_are_waited_for_or_done_without(running, workshop, askers):
    with dying(running, "triton"):
        asked = [askers.submit(put, running, workshop) for _ in range(3)]
        for one in asked:
            assert told(*one.result()), one.result()
    assert in_full(running, workshop)["citations"]


def test_while_the_index_hangs_questions_wait_or_are_refused_and_documents_wait(
    running, workshop, askers
):
    text = "# Ladders\n\nA ladder is lent for one day against a deposit of five euros."
    with hanging(running, "weaviate"):
        hurried = [askers.submit(ask, running, workshop, budget_ms=3_000) for ask in (put, search)]
        streamed = askers.submit(last_frame, running, workshop, budget_ms=3_000)
        patient = [askers.submit(put, running, workshop) for _ in range(2)]
        document = askers.submit(running.submit, workshop, text, uri="ladders.md")
        for one in hurried:
            assert refused(*one.result()), one.result()
        frame = streamed.result()
        assert (frame["type"], frame["retryable"]) == ("error", True), frame
        assert not any(one.done() for one in patient)
        assert not document.done()
    for one in patient:
        assert told(*one.result()), one.result()
    assert document.result()["status"] == "indexed"
    assert in_full(running, workshop)["citations"]


def test_an_index_that_dies_is_waited_for_or_questions_are_refused(running, workshop, askers):
    with dying(running, "weaviate"):
        asked = [askers.submit(put, running, workshop) for _ in range(3)]
        for one in asked:
            assert told(*one.result()) or refused(*one.result()), one.result()
    assert in_full(running, workshop)["citations"]


def test_nobody_notices_that_the_registry_hangs_or_dies(running, workshop, askers):
    with hanging(running, "registry"):
        asked = [askers.submit(put, running, workshop) for _ in range(3)]
        answers = [one.result() for one in asked]
    with dying(running, "registry"):
        answers.append(put(running, workshop))
    for answer in answers:
        assert told(*answer), answer
