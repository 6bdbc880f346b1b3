"""Questions and searches, answered as JSON and as streams."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from schemas import (
    EventRejected,
    QuestionAsked,
    TokensReleased,
)
from tests.edge.conftest import address_of
from tests.edge.fake_log import Answers, a_citation, a_key, an_entry
from tests.edge.http_client import (
    HttpClient,
    answers_with,
    frames_of,
    is_problem,
    passages_for,
)


async def test_a_message_is_answered_as_json(call, gateway, log):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    response = await call("POST", "/v1/messages", {"text": "Is VAT due?", "session_id": "s-9"})
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {
        "request_id",
        "session_id",
        "text",
        "citations",
        "usage",
        "finish_reason",
        "degraded",
    }
    assert answer["text"] == "VAT is due."
    assert answer["session_id"] == "s-9"
    assert answer["citations"][0]["quote"] == "VAT is due."
    [asked] = log.published(QuestionAsked)
    assert b"VAT" not in asked.text.ciphertext
    assert gateway.keyring.unseal("acme", asked.text) == b"Is VAT due?"
    assert asked.text.key == f"user/{asked.subject}"
    assert asked.ask.deadline > asked.meta.at
    again = (await call("GET", f"/v1/messages/{answer['request_id']}")).json()
    assert again["status"] == "completed"
    assert {key: again[key] for key in answer} == answer


async def test_an_answer_is_read_back_for_as_long_as_its_client_is_there(served, gateway, log):
    log.answer = answers_with("VAT ", "is due.")
    begun, ended = asyncio.Event(), asyncio.Event()
    read_back = log.read_back

    async def for_long(request, kinds):
        begun.set()
        try:
            await asyncio.sleep(3_600)
        finally:
            ended.set()

    headers = {"Authorization": f"Bearer {a_key(gateway)}"}
    address = f"http://{address_of(served)}"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        answer = (await client.post("/v1/messages", json={"text": "x"})).json()
        log.read_back = for_long
        asking = asyncio.create_task(client.get(f"/v1/messages/{answer['request_id']}"))
        async with asyncio.timeout(60):
            await begun.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await ended.wait()
        log.read_back = read_back
        again = (await client.get(f"/v1/messages/{answer['request_id']}")).json()
    assert again["text"] == "VAT is due."


@pytest.mark.parametrize("stream", [False, True])
async def test_what_came_before_the_log_was_read_live_is_read_back_then(call, log, stream):
    """As at a gateway that has just started: what it is not told lies on the log all the same."""
    parts = Answers.whole
    log.ready, tell = False, log._tell

    def told_once_live(event, entry):
        if log.ready:
            tell(event, entry)

    log._tell = told_once_live
    log.answer = lambda event: parts(Answers(event), "VAT ", "is ")[:1]
    body = {"text": "x", "budget_ms": 60_000, "stream": stream}
    asking = asyncio.create_task(call("POST", "/v1/messages", body))
    async with asyncio.timeout(60):
        while not log.published(TokensReleased):  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.2)  # who reads back at once does so by now
    [asked] = log.published(QuestionAsked)
    for event in parts(Answers(asked), "VAT ", "is ")[1:]:
        log.append(event)
    log.ready = True
    response = await asking
    told = frames_of(response)[-1] if stream else response.json()
    assert told["text"] == "VAT is "
    if stream:
        deltas = [frame["text"] for frame in frames_of(response) if frame["type"] == "delta"]
        assert deltas == ["VAT ", "is "]


async def test_a_message_streams_as_server_sent_events(call, log):
    log.answer = answers_with("VAT ", "is due.")
    response = await call("POST", "/v1/messages", {"text": "x", "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = frames_of(response)
    assert [frame["type"] for frame in frames] == ["accepted", "delta", "delta", "completed"]
    assert all(frame["request_id"] == response.headers["x-request-id"] for frame in frames)
    assert response.text.count("\nid: ") + response.text.startswith("id: ") == 4


async def test_a_stream_that_is_asked_for_again_under_its_key_goes_on_after_the_last_event(
    call, log
):
    log.answer = answers_with("VAT ", "is due.")
    body = {"text": "x", "stream": True}

    async def asked(**headers):
        response = await call(
            "POST", "/v1/messages", body, headers={"Idempotency-Key": "k", **headers}
        )
        assert response.status_code == 200
        return frames_of(response)

    frames = await asked(**{"Last-Event-ID": "of a question before"})
    assert frames[0]["type"] == "accepted"
    for seen, frame in enumerate(frames):
        assert await asked(**{"Last-Event-ID": frame["cursor"]}) == frames[seen + 1 :]
    assert await asked() == frames
    assert len(log.published(QuestionAsked)) == 1


async def test_the_last_event_of_another_answer_is_refused(call, log):
    log.answer = answers_with("VAT ", "is due.")
    cursors = [
        frames_of(await call("POST", "/v1/messages", {"text": "x", "stream": True}))[-1]
        for _ in range(2)
    ]
    headers = {"Accept": "text/event-stream", "Last-Event-ID": cursors[1]["cursor"]}
    path = f"/v1/messages/{cursors[0]['request_id']}"
    is_problem(await call("GET", path, headers=headers), 422)


async def test_a_stream_is_resumed_after_the_last_event(call, log):
    log.answer = answers_with("VAT ", "is due.")
    frames = frames_of(await call("POST", "/v1/messages", {"text": "x", "stream": True}))
    for seen in range(len(frames)):
        resumed = await call(
            "GET",
            f"/v1/messages/{frames[0]['request_id']}",
            headers={"Accept": "text/event-stream", "Last-Event-ID": frames[seen]["cursor"]},
        )
        assert frames_of(resumed) == frames[seen + 1 :]


async def test_a_cursor_of_somewhere_else_is_refused(call, log):
    log.answer = answers_with("x")
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "nonsense"}
    is_problem(await call("GET", f"/v1/messages/{answer['request_id']}", headers=headers), 422)


async def test_a_dead_letter_is_a_problem_for_whoever_waits(call, log):
    log.answer = lambda event: [
        EventRejected(
            meta=Answers(event).meta("generate", 0),
            topic="t",
            partition=0,
            offset=0,
            step="generate",
            error="Permanent",
            message="m",
            attempts=1,
        )
    ]
    problem = is_problem(await call("POST", "/v1/messages", {"text": "x"}), 502)
    assert not problem["retryable"]
    frames = frames_of(await call("POST", "/v1/messages", {"text": "x", "stream": True}))
    assert [frame["type"] for frame in frames] == ["accepted", "error"]
    assert not frames[-1]["retryable"]


@pytest.mark.parametrize("bounds", [Bounds(grace_s=0.0, tick_s=0.05)])
async def test_a_deadline_that_passes_is_504_and_names_where_the_answer_will_be(call, log):
    problem = is_problem(await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100}), 504)
    assert problem["request_id"] in problem["detail"]
    [asked] = log.published(QuestionAsked)
    for event in Answers(asked).whole("late"):
        log.append(event)
    late = (await call("GET", f"/v1/messages/{problem['request_id']}")).json()
    assert late["text"] == "late"


async def test_a_retracted_answer_has_no_text(call, log):
    def answer(event):
        answers = Answers(event)
        return [answers.tokens("bad", 0), answers.retracted("not allowed", 0)]

    log.answer = answer
    found = (await call("POST", "/v1/messages", {"text": "x"})).json()
    assert found["text"] == ""
    assert found["finish_reason"] == "retracted"
    assert found["reason"] == "not allowed"


async def test_a_session_is_its_users_and_another_who_names_it_has_one_of_their_own(
    call, app, gateway, log
):
    """They are not told that it exists; what the steps remember is the user's (test_tables)."""
    log.answer = answers_with("x")
    other = HttpClient(app, a_key(gateway))
    requests = [
        (await who("POST", "/v1/messages", {"text": "x", "session_id": "s-1"})).json()["request_id"]
        for who in (call, other)
    ]
    asked = log.published(QuestionAsked)
    assert [event.meta.request for event in asked] == requests
    assert len({event.subject for event in asked}) == 2
    is_problem(await other("GET", f"/v1/messages/{requests[0]}"), 404)


async def test_another_users_answer_does_not_exist(call, app, gateway, log):
    log.answer = answers_with("x")
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    for other in (a_key(gateway), a_key(gateway, "globex")):
        is_problem(await HttpClient(app, other)("GET", f"/v1/messages/{answer['request_id']}"), 404)


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (["read", "restore"], "Ask Jane Doe at jane@acme.test <PERSON_9>"),
        (["read", "restore:PERSON"], "Ask Jane Doe at <EMAIL_ADDRESS_1> <PERSON_9>"),
        (["read"], "Ask <PERSON_1> at <EMAIL_ADDRESS_1> <PERSON_9>"),
    ],
)
async def test_values_are_restored_for_readers_whose_scopes_say_so(app, gateway, log, scopes, text):
    entries = (
        an_entry(gateway.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe"),
        an_entry(gateway.keyring, "acme", "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS", "jane@acme.test"),
    )
    log.answer = answers_with("Ask <PERS", "ON_1> at <EMAIL_ADDRESS_1> <PERSON_9>", entries=entries)
    call = HttpClient(app, a_key(gateway, scopes=scopes))
    body = {"text": "x", "stream": True}
    frames = frames_of(await call("POST", "/v1/messages", body))
    assert frames[-1]["text"] == text
    assert "".join(frame["text"] for frame in frames if frame["type"] == "delta") == text


async def test_an_erased_value_keeps_its_placeholder(call, gateway, log):
    entry = an_entry(gateway.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe")
    gateway.keyring.destroy("acme", entry.value.key)
    log.answer = answers_with("Ask <PERSON_1>", entries=(entry,))
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    assert answer["text"] == "Ask <PERSON_1>"


async def test_a_search_answers_with_passages(call, gateway, log):
    log.answer = passages_for(gateway)
    body = {
        "text": "vat",
        "k": 3,
        "filters": {"year": 2024, "due": 7.0, "new": True, "x": 0.5},
        "as_of": 7,
    }
    response = await call("POST", "/v1/search", body)
    assert response.json() == {
        "request_id": response.headers["x-request-id"],
        "passages": [
            {
                "document_id": "d-1",
                "chunk_id": "c-1",
                "title": "VAT",
                "uri": "u",
                "text": "Ask Jane Doe.",
                "score": 0.5,
            }
        ],
    }
    [asked] = log.published(QuestionAsked)
    assert asked.ask.mode == "search"
    assert (asked.ask.passages_max, asked.ask.as_of) == (3, 7)
    assert asked.ask.filters == {"year": "2024", "due": "7", "new": "true", "x": "0.5"}


async def test_the_timeline_shows_the_steps(call, log):
    log.answer = answers_with("VAT ", "is due.")
    answer = (await call("POST", "/v1/messages", {"text": "secret words"})).json()
    response = await call("GET", f"/v1/messages/{answer['request_id']}/timeline")
    found = response.json()
    assert {step["step"] for step in found["steps"]} == {"gateway", "moderate"}
    assert "VAT" not in response.text
    assert "secret" not in response.text


@pytest.mark.parametrize("bounds", [Bounds(followed=Shares(9, 9, 0, 0))])
async def test_too_many_at_once_of_one_key_are_told_to_wait(call, log):
    response = await call("POST", "/v1/messages", {"text": "x"})
    is_problem(response, 429)
    assert response.headers["retry-after"]
    assert not log.published(QuestionAsked)


@pytest.mark.parametrize("bounds", [Bounds(followed=Shares(0, 9, 9, 0))])
async def test_too_many_at_once_in_all_are_told_to_wait(call, log):
    is_problem(await call("POST", "/v1/messages", {"text": "x"}), 503)
    assert not log.published(QuestionAsked)
