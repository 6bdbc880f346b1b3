"""One's own conversations: listed, read page by page, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.bounds import Bounds
from edge.gateway.session_desk import TITLE_MAX, sessions_of
from edge.listening.known_requests import KnownRequest
from edge.protocols.http.app import create_app
from tests.edge.http_client import HttpClient, answers_with, is_problem


@pytest.fixture
async def talk(call, log):
    """Three conversations, the newest turns in the second."""
    log.answer = answers_with("VAT ", "is due.")
    for session, text in (
        ("s-1", "One?"),
        ("s-2", "Two?"),
        ("s-3", "Three?"),
        ("s-2", "And\n then?"),
    ):
        answer = await call("POST", "/v1/messages", {"text": text, "session_id": session})
        assert answer.status_code == 200
        log.tick()


async def listed(call, query=""):
    answer = await call("GET", f"/v1/sessions{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_conversations_are_listed_by_their_newest_question_with_the_first_as_title(
    call, talk
):
    found = (await listed(call))["sessions"]
    assert [(one["session_id"], one["title"], one["messages"]) for one in found] == [
        ("s-2", "Two?", 2),
        ("s-3", "Three?", 1),
        ("s-1", "One?", 1),
    ]
    assert found[0]["began_us"] < found[1]["last_us"] < found[0]["last_us"]


async def test_a_list_goes_on_behind_the_page_before(call, talk):
    first = await listed(call, "?limit=2")
    assert [one["session_id"] for one in first["sessions"]] == ["s-2", "s-3"]
    rest = await listed(call, f"?limit=2&before={first['next']}")
    assert [one["session_id"] for one in rest["sessions"]] == ["s-1"]
    assert rest["next"] is None
    is_problem(await call("GET", "/v1/sessions?before=s-none"), 422)


async def test_a_conversation_is_read_with_questions_and_answers(call, talk):
    found = (await call("GET", "/v1/sessions/s-2")).json()
    assert [one["question"] for one in found["messages"]] == ["Two?", "And\n then?"]
    assert {one["text"] for one in found["messages"]} == {"VAT is due."}
    assert {one["status"] for one in found["messages"]} == {"completed"}
    newest = (await call("GET", "/v1/sessions/s-2?limit=1")).json()
    assert [one["question"] for one in newest["messages"]] == ["And\n then?"]
    older = (await call("GET", f"/v1/sessions/s-2?limit=1&before={newest['next']}")).json()
    assert [one["question"] for one in older["messages"]] == ["Two?"]
    assert older["next"] is None


@pytest.mark.parametrize("bounds", [Bounds(grace_s=0.0, tick_s=0.02)])
async def test_searches_are_no_conversations(call, log):
    log.answer = lambda _: ()
    await call("POST", "/v1/search", {"text": "x", "budget_ms": 100})
    assert (await listed(call))["sessions"] == []


@pytest.mark.parametrize(("tenant", "user"), [("acme", "bob"), ("globex", "")])
async def test_another_users_or_tenants_conversations_do_not_exist(gateway, talk, tenant, user):
    other = HttpClient(create_app(gateway), gateway.keys.create(tenant, user=user)[1])
    assert (await listed(other)) == {"sessions": [], "next": None}
    is_problem(await other("GET", "/v1/sessions/s-2"), 404)


async def test_what_cannot_be_opened_has_no_words_and_the_rest_stands(
    call, gateway, talk, monkeypatch
):
    def gone(*_):
        from agents.errors import KeyDestroyed

        raise KeyDestroyed("erased")

    monkeypatch.setattr(gateway.keyring, "unseal", gone)
    assert {one["title"] for one in (await listed(call))["sessions"]} == {None}
    messages = (await call("GET", "/v1/sessions/s-2")).json()["messages"]
    assert [one["question"] for one in messages] == [None, None]


async def test_while_the_log_is_read_or_away_nothing_is_said_not_to_exist(call, log, talk):
    log.ready = False
    is_problem(await call("GET", "/v1/sessions"), 503)
    is_problem(await call("GET", "/v1/sessions/s-9"), 503)
    log.ready, log.broker = True, False
    is_problem(await call("GET", "/v1/sessions"), 503)
    is_problem(await call("GET", "/v1/sessions/s-2"), 503)


async def test_a_long_question_makes_a_short_title(call, log):
    log.answer = answers_with("x")
    await call("POST", "/v1/messages", {"text": "word " * 1_000})
    [one] = (await listed(call))["sessions"]
    assert len(one["title"]) <= TITLE_MAX
    assert one["title"].endswith("…")


@given(st.lists(st.integers(0, 5), max_size=60))
def test_each_question_is_in_one_conversation_and_the_newest_come_first(sessions):
    newest = [
        KnownRequest(f"r{number}", "acme", "u", f"s{session}", 0, 1_000 - number)
        for number, session in enumerate(sessions)
    ]
    found = sessions_of(newest)
    assert [one.id for one in found] == [f"s{one}" for one in dict.fromkeys(sessions)]
    assert sum(one.messages for one in found) == len(sessions)
    assert all(one.first.time_ms <= one.last.time_ms for one in found)
