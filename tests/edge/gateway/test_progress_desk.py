"""Readers of uploads and documents: told all, once, by any gateway, for as long as they may."""

from __future__ import annotations

import asyncio

import pytest

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from edge.protocols.http.app import create_app
from schemas import DocumentSubmitted
from tests.edge.documents_on_log import hand_in
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import DOCUMENT, HttpClient, frames_of, is_problem, outcomes_of


@pytest.fixture
def bounds():
    return Bounds(tick_s=0.01, followed=Shares(of_all=3, of_tenant=3, of_key=1, least=1))


async def follow(call, document, cursor=""):
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": cursor} if cursor else {})}
    return await call("GET", f"/v1/documents/{document}", headers=headers)


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what changes is the gateway's
            await asyncio.sleep(0.005)


async def handed_in(call, **more):
    return (await call("POST", "/v1/documents", {**DOCUMENT, **more})).json()["document_id"]


def statuses(response):
    return [frame.get("status") for frame in frames_of(response)]


async def test_a_reader_is_told_what_was_and_what_comes(call, log, gateway):
    document = await handed_in(call)
    [event] = log.published(DocumentSubmitted)
    cut, indexed = outcomes_of(event)
    log.append(cut)
    following = asyncio.create_task(follow(call, document))
    await until(lambda: gateway.dispatch.waiting)
    log.append(indexed)
    response = await following
    assert response.headers["content-type"].startswith("text/event-stream")
    assert statuses(response) == ["accepted", "ingested", "indexed"]
    assert not gateway.dispatch.waiting
    assert len(gateway.followed) == len(gateway.keys_in_use) == 0


async def test_another_gateway_goes_on_after_the_cursor(call, log, gateway, bounds):
    log.answer = outcomes_of
    document = await handed_in(call)
    frames = frames_of(await follow(call, document))
    other = a_gateway(gateway.settings.run, log, bounds)
    other.start()
    client = HttpClient(create_app(other), a_key(other))
    for entry in log.entries.values():
        other.dispatch.take(entry)
    for place, frame in enumerate(frames):
        assert frames_of(await follow(client, document, frame["cursor"])) == frames[place + 1 :]
    await other.stop()


async def test_a_cursor_holds_on_to_its_request_when_a_newer_version_comes(call, log):
    log.answer = outcomes_of
    document = await handed_in(call)
    first = frames_of(await follow(call, document))
    await handed_in(call, content="Another text.")
    rest = frames_of(await follow(call, document, first[0]["cursor"]))
    assert rest == first[1:]
    newest = frames_of(await follow(call, document))
    assert newest[0]["request_id"] != first[0]["request_id"]


async def test_a_cursor_of_another_document_is_refused(call, log):
    log.answer = outcomes_of
    one, other = await handed_in(call), await handed_in(call, uri="other")
    [frame, *_] = frames_of(await follow(call, one))
    is_problem(await follow(call, other, frame["cursor"]), 422)


async def test_a_document_of_another_tenant_is_not_followed(call, app, gateway):
    document = await handed_in(call)
    is_problem(await follow(HttpClient(app, a_key(gateway, "globex")), document), 404)


async def broken_off(call, log, gateway, break_it):
    """Follow a document, break something in the middle; the last frame says why it ended."""
    document = await handed_in(call)
    following = asyncio.create_task(follow(call, document))
    await until(lambda: gateway.dispatch.waiting)
    break_it(document)
    frames = frames_of(await following)
    assert [frame["type"] for frame in frames] == ["document", "error"]
    assert frames[1]["cursor"] == frames[0]["cursor"]
    assert len(gateway.followed) == 0
    return frames[1]


async def test_a_stream_ends_with_its_key(call, log, gateway):
    def break_it(_):
        [standing] = [one for held in gateway.keys_in_use._standings.values() for one in held]
        standing.ended = "revoked"

    assert (await broken_off(call, log, gateway, break_it))["status"] == 401


async def test_a_stream_ends_where_the_gateway_does(call, log, gateway):
    def break_it(_):
        gateway.stopping = True

    error = await broken_off(call, log, gateway, break_it)
    assert (error["status"], error["retryable"]) == (503, True)


async def test_a_stream_that_missed_something_ends_to_be_resumed(call, log, gateway):
    error = await broken_off(call, log, gateway, lambda _: gateway.dispatch.interrupt())
    assert (error["status"], error["retryable"]) == (503, True)


async def test_a_stream_ends_where_its_reader_may_not_know_the_document_any_more(app, log, gateway):
    document = await hand_in(gateway, log, "u", [], outcome=False)
    reader = HttpClient(app, a_key(gateway, scopes=("ask",)))
    following = asyncio.create_task(follow(reader, document))
    await until(lambda: gateway.dispatch.waiting)
    log.tick()
    await hand_in(gateway, log, "u", [], groups=("board",), outcome=False)
    frames = frames_of(await following)
    assert [frame["type"] for frame in frames] == ["document", "error"]
    assert frames[1]["status"] == 404


async def test_a_key_follows_so_many_at_once(call, log, gateway):
    document = await handed_in(call)
    following = asyncio.create_task(follow(call, document))
    await until(lambda: gateway.dispatch.waiting)
    is_problem(await follow(call, document), 429)
    for event in outcomes_of(log.published(DocumentSubmitted)[0]):
        log.append(event)
    assert statuses(await following)[-1] == "indexed"


async def test_without_asking_for_events_a_document_is_told_as_it_stands(call):
    document = await handed_in(call)
    response = await call("GET", f"/v1/documents/{document}", headers={"Accept": "*/*"})
    assert response.json()["status"] == "accepted"
