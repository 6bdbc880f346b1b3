"""The client of the gateway: what it tries again, and how it goes on after a lost connection."""

from __future__ import annotations

import json
import os

import click
import httpx
import pytest

from edge.client.gateway_client import GatewayClient
from edge.load.limits_in_force import LimitsInForce
from schemas import DocumentSubmitted, QuestionAsked
from streams.log.configuration import LIMITS, configuration
from tests.edge.http_client import DOCUMENT, answers_with


def a_client(pauses=None, **more):
    pause = (lambda _: None) if pauses is None else pauses.append
    url = os.environ["PLAYHEAD_GATEWAY"]
    return GatewayClient(url, os.environ["PLAYHEAD_KEY"], pause=pause, **more)


def asked(client, text="When?"):
    return list(client.stream("/v1/messages", {"text": text, "stream": True}))


CALLS = {
    "post": lambda client: client.post("/v1/documents", DOCUMENT),
    "get": lambda client: client.get("/v1/documents"),
    "stream": asked,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_gateway_that_is_away_is_one_clear_line(call):
    client = GatewayClient("http://127.0.0.1:9", "ph_x", retries_max=0)
    with pytest.raises(click.ClickException, match="playhead up"):
        call(client)


@pytest.mark.parametrize("call", [CALLS["post"], CALLS["stream"]], ids=["post", "stream"])
def test_a_gateway_without_room_is_asked_again_when_it_says(stack, log, call):
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        log.broker = True

    log.answer = answers_with("yes")
    log.broker = False
    assert call(
        GatewayClient(os.environ["PLAYHEAD_GATEWAY"], os.environ["PLAYHEAD_KEY"], pause=pause)
    )
    assert len(pauses) == 1
    assert 5 <= pauses[0] <= 7  # what Retry-After said


@pytest.mark.parametrize("call", [CALLS["post"], CALLS["stream"]], ids=["post", "stream"])
def test_a_gateway_that_stays_without_room_is_given_up(stack, log, call):
    log.broker = False
    pauses = []
    with pytest.raises(click.ClickException, match="Service Unavailable"):
        call(a_client(pauses, retries_max=2))
    assert len(pauses) == 2


def test_a_problem_is_told_and_not_tried_again(stack):
    pauses = []
    with pytest.raises(click.ClickException, match="no document 'none'"):
        a_client(pauses).get("/v1/documents/none")
    assert pauses == []


def not_here(_request):
    return httpx.Response(404, text="not here")


def test_what_is_no_gateway_is_said_to_be_none():
    client = GatewayClient("http://gateway", "k", transport=httpx.MockTransport(not_here))
    with pytest.raises(click.ClickException, match="is PLAYHEAD_GATEWAY its address"):
        client.get("/v1/documents")


FRAMES = [
    {"type": "accepted", "request_id": "r-1", "cursor": "c0"},
    {"type": "delta", "request_id": "r-1", "cursor": "c1", "text": "VAT\u2028is "},
    {"type": "completed", "request_id": "r-1", "cursor": "c2", "text": "due."},
]


class Cut(httpx.SyncByteStream):
    """A stream that breaks off after some frames, with or without word of it."""

    def __init__(self, frames, *, error):
        self._frames, self._error = frames, error

    def __iter__(self):
        for frame in self._frames:
            yield b"data: " + json.dumps(frame, ensure_ascii=False).encode() + b"\n\n"
        if self._error:
            raise httpx.ReadError("cut")


def a_cut_client(cuts, requests, *, error, retries_max=5):
    """A client whose connection is cut after each of some frames."""

    def answer(request):
        requests.append(request)
        begin = int(request.headers.get("last-event-id", "c-1")[1:]) + 1
        end = cuts.pop(0) if cuts else len(FRAMES)
        return httpx.Response(200, stream=Cut(FRAMES[begin:end], error=error))

    return GatewayClient(
        "http://gateway",
        "k",
        retries_max=retries_max,
        pause=lambda _: None,
        transport=httpx.MockTransport(answer),
    )


@pytest.mark.parametrize("error", [True, False])
@pytest.mark.parametrize("cuts", [[1], [2], [1, 2], [1, 1, 1, 2], []])
def test_a_lost_connection_is_taken_up_after_the_last_frame(cuts, error):
    requests = []
    assert asked(a_cut_client([*cuts], requests, error=error)) == FRAMES
    assert len(requests) == len(cuts) + 1
    assert requests[0].method == "POST"
    for request, seen in zip(requests[1:], cuts, strict=True):
        assert (request.method, request.url.path) == ("GET", "/v1/messages/r-1")
        assert request.headers["last-event-id"] == f"c{seen - 1}"


@pytest.mark.parametrize("error", [True, False])
def test_a_connection_that_is_lost_again_and_again_is_given_up(error):
    client = a_cut_client([1] * 9, [], error=error, retries_max=2)
    with pytest.raises(click.ClickException, match="playhead up" if error else "try again"):
        asked(client)


def test_a_question_that_never_reached_the_gateway_is_not_sent_again_and_again():
    requests, pauses = [], []

    def answer(request):
        requests.append(request)
        raise httpx.ConnectError("away")

    transport = httpx.MockTransport(answer)
    client = GatewayClient("http://gateway", "k", pause=pauses.append, transport=transport)
    with pytest.raises(click.ClickException, match="playhead up"):
        asked(client)
    assert (len(requests), pauses) == (1, [])


def test_one_stream_asks_one_question(stack, log):
    log.answer = answers_with("VAT ", "is due.")
    kinds = [frame["type"] for frame in asked(a_client())]
    assert kinds == ["accepted", "delta", "delta", "completed"]
    assert len(log.published(QuestionAsked)) == 1


def test_what_no_waiting_makes_room_for_is_told_at_once_with_what_to_do(stack, log):
    values = {"tenants": {"*": {"documents": 1, "document_bytes": 5}}}
    stack.quotas.limits = LimitsInForce({LIMITS: configuration(LIMITS, values)})
    pauses = []
    with pytest.raises(click.ClickException, match="and 5 is its limit: withdraw some"):
        a_client(pauses).post("/v1/documents", DOCUMENT)
    assert pauses == []
    assert log.published(DocumentSubmitted) == []
