"""Answers followed over graphql-transport-ws."""

import asyncio

import pytest
import websockets

from edge.answering.bounds import Bounds
from schemas import CancellationRequested, QuestionAsked
from tests.edge.chat_client import question
from tests.edge.fake_log import Answers, a_key
from tests.edge.protocols.graphql.graphql_client import connected

FOLLOW = """
subscription ($id: ID!, $cursor: String! = "") {
  answer(requestId: $id, cursor: $cursor) { type text cursor finishReason reason problem }
}
"""


@pytest.fixture
def bounds():
    return Bounds(late_s=0.5, stop_s=0.3)


@pytest.fixture
async def asked(gateway, log):
    """A question that a reader of the default key asked."""
    from edge.gateway.voiced_requests import NewQuestion

    key = a_key(gateway)
    caller = await gateway.caller(key)
    new = NewQuestion("Is VAT due?")
    request = await gateway.reception.ask(caller, gateway.reception.identify(caller, new), new)
    return key, request.request, Answers(await question(log))


def put(log, *events):
    for event in events:
        log.append(event)


async def test_an_answer_is_followed_frame_by_frame_and_its_retraction_too(url, asked, log):
    key, request, answers = asked
    async with connected(url, key) as client:
        await client.init()
        await client.subscribe(FOLLOW, id=request)
        assert [one["type"] for one in await client.frames("accepted")] == ["accepted"]
        put(log, *answers.whole("VAT ", "is due."))
        frames = await client.frames("completed")
        assert [one["text"] for one in frames] == ["VAT ", "is due.", "VAT is due."]
        put(log, answers.retracted("because", 9))
        [retracted] = await client.frames()
        assert (retracted["type"], retracted["reason"]) == ("retracted", "because")


async def test_a_reader_resumes_after_its_cursor_and_gets_the_rest_once(url, asked, log):
    key, request, answers = asked
    put(log, *answers.whole("VAT ", "is ", "due."))
    async with connected(url, key) as client:
        await client.init()
        await client.subscribe(FOLLOW, id=request)
        first = await client.frames("delta")
    async with connected(url) as client:
        await client.init(authorization=f"Bearer {key}")
        await client.subscribe(FOLLOW, id=request, cursor=first[-1]["cursor"])
        rest = await client.frames("completed")
    assert [one["text"] for one in rest] == ["is ", "due.", "VAT is due."]


async def test_an_answer_is_cancelled_on_its_connection(url, asked, log):
    key, request, _ = asked
    async with connected(url, key) as client:
        await client.init()
        await client.subscribe(FOLLOW, id=request)
        await client.frames("accepted")
        await client.subscribe("mutation ($id: ID!) { cancel(requestId: $id) }", id=request)
        seen = [await client.receive() for _ in range(4)]
    told = {(one["id"], one["type"]) for one in seen}
    assert told == {("1", "next"), ("1", "complete"), ("2", "next"), ("2", "complete")}
    [frame] = [
        one["payload"]["data"]["answer"]
        for one in seen
        if one["type"] == "next" and one["id"] == "1"
    ]
    assert (frame["type"], frame["finishReason"]) == ("completed", "cancelled")
    assert [wish.meta.request for wish in log.published(CancellationRequested)] == [request]


async def test_who_completes_a_subscription_is_followed_no_longer(url, asked, gateway):
    key, request, _ = asked
    async with connected(url, key) as client:
        await client.init()
        await client.subscribe(FOLLOW, id=request)
        await client.frames("accepted")
        assert gateway.dispatch.waiting == 1
        await client.send(type="complete", id="1")
        async with asyncio.timeout(60):
            while gateway.dispatch.waiting:  # noqa: ASYNC110 - the dispatch has no event for it
                await asyncio.sleep(0.01)


async def test_a_question_can_be_asked_and_followed_on_one_connection(url, gateway, log):
    async with connected(url, a_key(gateway)) as client:
        await client.init()
        await client.subscribe('mutation { ask(text: "Is VAT due?") { requestId } }')
        request = (await client.receive())["payload"]["data"]["ask"]["requestId"]
        assert (await client.receive())["type"] == "complete"
        await client.subscribe(FOLLOW, id=request)
        await client.frames("accepted")
        put(log, *Answers(await question(log)).whole("Yes."))
        assert (await client.frames("completed"))[-1]["text"] == "Yes."


@pytest.mark.parametrize(
    ("variables", "status"),
    [({"id": "none"}, 404), ({"cursor": "forged"}, 422), ({"cursor": "eyJsIjo5OSwicCI6e319"}, 422)],
)
async def test_what_can_t_be_followed_is_an_error_of_the_operation(url, asked, variables, status):
    key, request, _ = asked
    async with connected(url, key) as client:
        await client.init()
        await client.subscribe(FOLLOW, **{"id": request, **variables})
        message = await client.receive()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert errors[0]["extensions"]["status"] == status


async def test_another_tenant_s_answer_does_not_exist(url, asked, gateway):
    _, request, _ = asked
    async with connected(url, a_key(gateway, "other")) as client:
        await client.init()
        await client.subscribe(FOLLOW, id=request)
        message = await client.receive()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert errors[0]["extensions"]["status"] == 404


@pytest.mark.parametrize(
    "payload", [{}, {"authorization": "Bearer ph_wrong"}, {"authorization": 7}]
)
async def test_without_a_key_a_connection_is_closed(url, payload):
    async with connected(url) as client:
        await client.send(type="connection_init", payload=payload)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.receive()
    assert closed.value.rcvd.code == 4403


async def test_a_page_of_another_address_is_not_let_in(url, gateway):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connected(url, a_key(gateway), origin="https://evil.test"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["{"], 4400),
        (["[]"], 4400),
        (['{"type": "nothing"}'], 4400),
        (['{"type": "subscribe", "id": 1, "payload": 7}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ me { user } }"}}'], 4401),
        (['{"type": "connection_init"}'] * 2, 4429),
        (["x" * 70_000], 1009),
    ],
)
async def test_a_client_that_breaks_the_protocol_is_told_how(url, gateway, messages, code):
    async with connected(url, a_key(gateway)) as client:
        for one in messages:
            await client._socket.send(one)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.until_closed()
    assert closed.value.rcvd.code == code


async def test_a_key_that_ends_closes_its_connection(url, gateway):
    record, key = gateway.keys.create("acme")
    async with connected(url, key) as client:
        await client.init()
        gateway.keys.revoke(record.id)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.receive()
    assert closed.value.rcvd.code == 4403
    assert "revoked" in closed.value.rcvd.reason


async def test_so_many_operations_at_once_and_no_more(url, gateway, log):
    most = gateway.bounds.questions_max
    async with connected(url, a_key(gateway)) as client:
        await client.init()
        for _ in range(most + 1):
            await client.subscribe('mutation { ask(text: "a") { answer { text } } }')
        message = await client.receive()
    assert (message["id"], message["type"]) == (str(most + 1), "error")
    assert len(log.published(QuestionAsked)) <= most


async def test_limits_hold_over_a_connection_too(url, gateway):
    async with connected(url, a_key(gateway)) as client:
        await client.init()
        await client.subscribe("{ ...a } fragment a on Query { ...a }")
        message = await client.receive()
    assert message["type"] == "error"
    assert "itself" in message["payload"][0]["message"]
    assert message["payload"][0]["extensions"]["type"] == "urn:playhead:problem:too-complex"
