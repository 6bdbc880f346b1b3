"""Erasing people over HTTP: who may, what is told before and after, and what comes of a hold."""

from __future__ import annotations

import pytest

from edge.erasing.named_person import named_person
from schemas import ErasureRequested, PersonErased, QuestionAsked
from streams.topics import topic_of
from tests.edge.fake_log import a_key
from tests.edge.http_client import HttpClient, answers_with, is_problem
from tests.erased_people import PeopleHeld


def a_user(app, gateway, user, *scopes):
    return HttpClient(app, gateway.keys.create("acme", user=user, scopes=scopes)[1])


@pytest.fixture
def jane(app, gateway, log):
    log.answer = answers_with("x")
    return a_user(app, gateway, "jane", "read")


@pytest.fixture
def officer(app, gateway):
    return a_user(app, gateway, "officer", "erase")


@pytest.fixture
def work(tmp_path, gateway, log):
    """Execute what was asked for, as a worker does: over a log on which there is nothing else."""
    people = PeopleHeld(tmp_path / "worker")

    def run():
        known = log.told_of_erasures()
        for erasure in known.pending():
            people.executor(
                keyring=gateway.keyring, write=lambda events: [log.append(one) for one in events]
            ).execute(erasure, known)

    return run


async def asked(who):
    return (await who("POST", "/v1/messages", {"text": "x"})).json()["request_id"]


async def test_a_person_is_erased_and_comes_back_as_somebody_else(jane, officer, log, work):
    request = await asked(jane)
    before = (await officer("GET", "/v1/subjects/jane")).json()
    assert before["state"] == "active"
    response = await officer("DELETE", "/v1/subjects/jane")
    assert (response.status_code, response.json()["state"]) == (202, "requested")
    [wish] = log.published(ErasureRequested)
    assert response.headers["x-request-id"] == response.json()["request_id"] == wish.meta.request
    again = await officer("DELETE", "/v1/subjects/jane")
    assert (again.status_code, again.json()["request_id"]) == (202, wish.meta.request)
    work()
    done = await officer("DELETE", "/v1/subjects/jane")
    assert (done.status_code, done.json()["state"]) == (200, "erased")
    assert done.json() == (await officer("GET", "/v1/subjects/jane")).json()
    assert len(log.published(ErasureRequested)) == 1
    assert log.published(PersonErased)[0].meta.cause.topic == topic_of(ErasureRequested)

    assert is_problem(await jane("GET", f"/v1/messages/{request}"), 410)["type"].endswith("erased")
    is_problem(await jane("GET", f"/v1/messages/{request}/timeline"), 410)
    is_problem(await officer("GET", f"/v1/messages/{request}/timeline"), 403)
    later = await asked(jane)
    assert (await jane("GET", f"/v1/messages/{later}")).status_code == 200
    subjects = [event.subject for event in log.published(QuestionAsked)]
    assert len(set(subjects)) == 2
    assert (await officer("GET", "/v1/subjects/jane")).json()["subject"] == subjects[-1]


async def test_only_who_may_erases(app, gateway, jane, log):
    await asked(jane)
    own = a_user(app, gateway, "jane", "read", "erase:self")
    for who, subject in ((jane, "me"), (jane, "jane"), (own, "bob"), (own, "0" * 64)):
        is_problem(await who("DELETE", f"/v1/subjects/{subject}"), 403)
        is_problem(await who("GET", f"/v1/subjects/{subject}"), 403)
    [question] = log.published(QuestionAsked)
    called_so = a_user(app, gateway, question.subject, "erase:self")
    is_problem(await called_so("DELETE", "/v1/subjects/me"), 404)
    is_problem(await called_so("GET", f"/v1/subjects/{question.subject}"), 404)
    assert not log.published(ErasureRequested)
    assert (await own("DELETE", "/v1/subjects/me")).status_code == 202
    assert (await own("GET", "/v1/subjects/jane")).json()["state"] == "requested"


@pytest.mark.parametrize(
    ("scope", "names"), [("erase:self", ("me", "their digest")), ("erase", ("me",))]
)
async def test_nobody_erases_another_by_being_called_by_their_digest(
    app, gateway, jane, log, scope, names
):
    await asked(jane)
    [question] = log.published(QuestionAsked)
    thief = a_user(app, gateway, question.subject, "read", scope)
    await asked(thief)
    for name in names:
        subject = name if name == "me" else question.subject
        await thief("DELETE", f"/v1/subjects/{subject}")
    wished = {one.subject for one in log.published(ErasureRequested)}
    assert wished == {log.published(QuestionAsked)[1].subject} != {question.subject}


async def test_of_whom_nothing_is_held_is_unknown_and_other_tenants_people_are(
    app, gateway, jane, officer, log
):
    await asked(jane)
    stranger = HttpClient(app, a_key(gateway, "globex", ["erase"]))
    for who, subject in ((officer, "nobody"), (stranger, "jane")):
        is_problem(await who("DELETE", f"/v1/subjects/{subject}"), 404)
        is_problem(await who("GET", f"/v1/subjects/{subject}"), 404)
    is_problem(await officer("DELETE", f"/v1/subjects/{'x' * 300}"), 422)
    assert not log.published(ErasureRequested)


async def test_a_hold_is_a_conflict_that_says_why(gateway, jane, officer, log):
    await asked(jane)
    named = named_person(gateway.keyring, "acme", "jane")
    gateway.erasures.hold(named, held=True, by="x", reason="case 4711")
    problem = is_problem(await officer("DELETE", "/v1/subjects/jane"), 409)
    assert "case 4711" in problem["detail"]
    assert (await officer("GET", "/v1/subjects/jane")).json()["reason"] == "case 4711"
    assert not log.published(ErasureRequested)


async def test_while_the_log_is_away_who_asks_is_told_to_come_again(jane, officer, log):
    await asked(jane)
    log.broker = False
    for method in ("DELETE", "GET"):
        response = await officer(method, "/v1/subjects/jane")
        is_problem(response, 503)
        assert response.headers["retry-after"]


async def test_without_a_desk_nobody_can_be_erased(gateway, officer):
    gateway.erasures = None
    is_problem(await officer("DELETE", "/v1/subjects/jane"), 503)
