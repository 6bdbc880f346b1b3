"""Resumable uploads over HTTP: tus 1.0.0, from created to on the log."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
from email.utils import parsedate_to_datetime

import pytest
from starlette.requests import ClientDisconnect

from agents.errors import Transient
from edge.gateway import upload_desk
from edge.protocols.http import uploads
from edge.protocols.http.app import create_app
from edge.requests import limits
from edge.uploading import upload_store
from schemas import DocumentSubmitted
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import HttpClient, frames_of, is_problem, outcomes_of

TEXT = b"VAT is due after 3 months. " * 10
TUS = {"Tus-Resumable": "1.0.0"}


def spelt(**told):
    """What describes a document, as a header."""
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
    return ",".join(pairs)


SIZE = len(TEXT)


async def create(call, length=SIZE, metadata=None, **headers):
    told = spelt(filename="vat.txt") if metadata is None else metadata
    given = {**TUS, "Upload-Length": str(length), "Upload-Metadata": told, **headers}
    return await call("POST", "/v1/uploads", headers=given)


async def created(call, *given, **more):
    response = await create(call, *given, **more)
    assert response.status_code == 201, response.text
    assert response.headers["tus-resumable"] == "1.0.0"
    return response.headers["location"]


async def patch(call, at, offset, content, **headers):
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return await call("PATCH", at, content=content, headers={**TUS, **kind, **headers})


async def offset_of(call, at):
    response = await call("HEAD", at, headers=TUS)
    assert response.status_code == 200, response.headers
    assert response.headers["cache-control"] == "no-store"
    return int(response.headers["upload-offset"])


@pytest.fixture
async def another(gateway, log, call):
    """Begins another gateway over the same stores; returns the same user's client of it."""
    gateways = []

    def begin():
        gateways.append(a_gateway(gateway.settings.run, log))
        gateways[-1].start()
        client = HttpClient(create_app(gateways[-1]), "")
        client.http.headers["Authorization"] = call.http.headers["Authorization"]
        return client

    yield begin
    for one in gateways:
        await one.stop()


# ---------------------------------------------------------------------- the way of an upload


async def test_an_upload_in_parts_becomes_a_document_with_its_last_byte(call, gateway, log):
    more = {
        "title": "VAT",
        "metadata": '{"y": 1}',
        "groups": '["tax"]',
        "uri": "https://acme.test/vat",
    }
    at = await created(call, metadata=spelt(filetype="text/html; charset=latin-1", **more))
    for start in range(0, len(TEXT), 100):
        assert not log.published(DocumentSubmitted)
        assert await offset_of(call, at) == start
        response = await patch(call, at, start, TEXT[start : start + 100])
        assert response.status_code == 204
        assert response.headers["upload-offset"] == str(min(start + 100, len(TEXT)))
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT
    assert gateway.keyring.unseal("acme", event.title) == b"VAT"
    assert (event.uri, event.metadata, event.groups) == (more["uri"], {"y": "1"}, ("tax",))
    assert event.media_type == "text/html; charset=latin-1"
    assert response.headers["x-request-id"] == event.meta.request
    told = (await call("GET", at)).json()
    assert (told["status"], told["offset"], told["length"]) == ("submitted", len(TEXT), len(TEXT))
    assert (told["document_id"], told["request_id"]) == (event.document, event.meta.request)


async def test_parts_lie_sealed_where_no_key_of_another_opens_them(call, gateway):
    at = await created(call, metadata=spelt(filename="a.txt", title="Jane Doe"))
    await patch(call, at, 0, TEXT[:50])
    lying = [
        path.read_bytes() for path in gateway.settings.run.rglob("uploads/**/*") if path.is_file()
    ]
    assert len(lying) == 2
    assert not any(b"VAT" in one or b"Jane" in one or b"a.txt" in one for one in lying)


async def test_what_the_gateway_speaks_is_told_to_anybody(app):
    response = await HttpClient(app, "")("OPTIONS", "/v1/uploads")
    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert response.headers["tus-extension"] == "creation,expiration,checksum,termination"
    assert response.headers["tus-max-size"] == str(16_777_216)
    assert response.headers["tus-checksum-algorithm"].split(",")[0] == "sha1"


async def test_an_upload_of_nothing_is_a_document_at_once(call, log):
    at = await created(call, 0)
    [event] = log.published(DocumentSubmitted)
    assert await offset_of(call, at) == 0
    assert (await call("GET", at)).json()["request_id"] == event.meta.request


# ---------------------------------------------------------------------- cut off, and gone on with


async def test_another_gateway_goes_on_with_an_upload(call, another, gateway, log):
    at = await created(call)
    assert (await patch(call, at, 0, TEXT[:70])).status_code == 204
    other = another()
    assert await offset_of(other, at) == 70
    assert (await patch(other, at, 70, TEXT[70:])).status_code == 204
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT
    assert await offset_of(call, at) == len(TEXT)
    assert (await patch(call, at, len(TEXT), b"")).status_code == 204
    assert len(log.published(DocumentSubmitted)) == 1


async def test_what_came_before_a_part_was_cut_off_stays(call, gateway, log, monkeypatch):
    monkeypatch.setattr(upload_desk, "PART_BYTES", 40)
    at = await created(call)

    async def cut():
        yield TEXT[:64]
        yield TEXT[64:100]
        raise ClientDisconnect

    with contextlib.suppress(AssertionError):  # nobody is there to be answered
        await patch(call, at, 0, cut())
    assert await offset_of(call, at) == 100
    assert (await patch(call, at, 100, TEXT[100:])).status_code == 204
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT


async def test_a_post_that_names_another_method_is_taken_as_that(call, app, gateway, log):
    """So says the protocol, for clients behind a proxy that lets no PATCH or DELETE through."""
    at = await created(call)

    async def post(who, method, offset, content=b""):
        headers = {
            "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "X-HTTP-Method-Override": method,
        }
        return await who("POST", at, content=content, headers=headers)

    assert (await post(call, "patch", 0, TEXT[:70])).headers["upload-offset"] == "70"
    assert (await post(call, "PATCH", 0, TEXT[:70])).status_code == 409
    for method in ("", "PUT", "GET", "POST"):
        refused = await post(call, method, 70)
        is_problem(refused, 405)
        assert "PATCH" in refused.headers["allow"]
    stranger = HttpClient(app, gateway.keys.create("acme", user="another")[1])
    is_problem(await post(stranger, "DELETE", 70), 404)
    assert await offset_of(call, at) == 70
    assert (await post(call, "PATCH", 70, TEXT[70:])).status_code == 204
    assert len(log.published(DocumentSubmitted)) == 1
    other = await created(call)
    at = other
    assert (await post(call, "DELETE", 0)).status_code == 204
    is_problem(await call("GET", other), 404)


async def test_a_wrong_offset_is_409_and_changes_nothing(call, log):
    at = await created(call)
    await patch(call, at, 0, TEXT[:10])
    for offset in (0, 9, 11, len(TEXT)):
        is_problem(await patch(call, at, offset, TEXT[offset:]), 409)
    assert await offset_of(call, at) == 10
    assert not log.published(DocumentSubmitted)


async def test_the_last_part_again_is_409_and_then_the_offset_says_that_all_is_done(call, log):
    at = await created(call)
    await patch(call, at, 0, TEXT)
    is_problem(await patch(call, at, 0, TEXT), 409)
    assert await offset_of(call, at) == len(TEXT)
    assert len(log.published(DocumentSubmitted)) == 1


async def test_more_than_was_said_is_413(call, log, gateway):
    at = await created(call)
    is_problem(await patch(call, at, 0, TEXT + b"x"), 413)

    async def untold():
        yield TEXT[:100]
        yield TEXT[100:] + b"x"

    is_problem(await patch(call, at, 0, untold()), 413)
    assert not log.published(DocumentSubmitted)
    is_problem(await create(call, gateway.settings.document_bytes_max + 1), 413)


async def test_two_at_once_are_not_let_write(call, gateway, log):
    """On one gateway the second is refused at once."""
    at = await created(call)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        yield TEXT[:10]
        begun.set()
        await go_on.wait()
        yield TEXT[10:]

    first = asyncio.create_task(patch(call, at, 0, slow()))
    await begun.wait()
    is_problem(await patch(call, at, 0, TEXT), 423)
    is_problem(await call("DELETE", at, headers=TUS), 423)
    go_on.set()
    assert (await first).status_code == 204
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT


async def test_of_two_gateways_the_second_to_store_a_part_is_refused(call, another, gateway, log):
    at, other = await created(call), another()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        yield b"o" * 10
        begun.set()
        await go_on.wait()
        yield b"o" * (len(TEXT) - 10)

    first = asyncio.create_task(patch(call, at, 0, slow()))
    await begun.wait()
    assert (await patch(other, at, 0, TEXT)).status_code == 204
    go_on.set()
    is_problem(await first, 409)
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT


async def test_two_gateways_that_end_an_upload_at_once_make_one_request_of_it(
    call, another, gateway, log, monkeypatch
):
    at, other = await created(call), another()
    send, sent = log.send, []

    def fails(event):
        sent.append(event)
        raise Transient("no broker")

    monkeypatch.setattr(log, "send", fails)
    is_problem(await patch(call, at, 0, TEXT), 503)
    monkeypatch.setattr(log, "send", lambda event: sent.append(event) or send(event))
    await asyncio.gather(offset_of(call, at), offset_of(other, at))
    assert len({(one.meta.id, one.content, one.uri) for one in sent}) == 1


async def test_who_is_told_that_all_has_arrived_finds_the_document_on_the_log(
    call, log, monkeypatch
):
    """A client takes the offset for the end: it does not come back."""
    at, send = await created(call), log.send
    refused = itertools.chain([True, True], itertools.repeat(False))

    def fails(event):
        if next(refused):
            raise Transient("no broker")
        return send(event)

    monkeypatch.setattr(log, "send", fails)
    is_problem(await patch(call, at, 0, TEXT), 503)
    assert (await call("HEAD", at, headers=TUS)).status_code == 503
    assert not log.published(DocumentSubmitted)
    assert await offset_of(call, at) == len(TEXT)
    assert len(log.published(DocumentSubmitted)) == 1


async def test_a_crash_between_the_log_and_the_note_of_it_submits_nothing_twice(
    call, another, log, monkeypatch
):
    at = await created(call)

    def dies(*_):
        raise Transient("no room")

    with monkeypatch.context() as crash:
        crash.setattr(upload_store.UploadStore, "finish", dies)
        is_problem(await patch(call, at, 0, TEXT), 503)
    assert len(log.published(DocumentSubmitted)) == 1
    assert await offset_of(call, at) == len(TEXT)
    assert len(log.published(DocumentSubmitted)) == 1


# ---------------------------------------------------------------------- whose it is


async def test_an_upload_is_of_its_user_in_its_tenant(call, app, gateway, log):
    at = await created(call)
    key = gateway.keys.create("acme", user="somebody", scopes=("ingest",))[1]
    for other in (HttpClient(app, a_key(gateway, "globex")), HttpClient(app, key)):
        is_problem(await other("GET", at), 404)
        assert (await other("HEAD", at, headers=TUS)).status_code == 404
        is_problem(await patch(other, at, 0, TEXT), 404)
        is_problem(await other("DELETE", at, headers=TUS), 404)
    reader = HttpClient(app, a_key(gateway, scopes=("ask",)))
    is_problem(await patch(reader, at, 0, TEXT), 403)
    is_problem(await create(reader), 403)
    assert await offset_of(call, at) == 0


@pytest.mark.parametrize(
    "name", ["x", "..%2f..%2fkeys.sqlite", "%00", "a" * 70, "0065000000-" + "0" * 48]
)
async def test_what_is_no_upload_is_404_or_410(call, name):
    for method in ("GET", "DELETE", "PATCH"):
        headers = {**TUS, "Content-Type": uploads.PART_TYPE, "Upload-Offset": "0"}
        response = await call(method, f"/v1/uploads/{name}", headers=headers)
        assert response.status_code == (410 if name.startswith("0065") else 404)


async def test_ids_are_not_guessed(call):
    ids = {(await created(call)).rpartition("/")[2] for _ in range(5)}
    assert len({one.partition("-")[2] for one in ids}) == 5
    assert all(upload_store.UPLOAD_ID.fullmatch(one) for one in ids)


async def test_whoever_was_erased_has_no_upload_any_more(call, gateway, log):
    at = await created(call)
    await patch(call, at, 0, TEXT[:10])
    [key] = gateway.keyring.keys("acme")
    assert key.startswith("user/")
    gateway.keyring.destroy("acme", key)
    assert (await patch(call, at, 10, TEXT[10:])).status_code in (404, 410)
    assert not log.published(DocumentSubmitted)


async def test_parts_that_were_changed_where_they_lie_are_no_document(call, gateway, log):
    at = await created(call)
    await patch(call, at, 0, TEXT[:100])
    [part] = gateway.settings.run.rglob("uploads/**/000000000000000")
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    problem = is_problem(await patch(call, at, 100, TEXT[100:]), 410)
    assert "begin another one" in problem["detail"]
    assert not log.published(DocumentSubmitted)


# ---------------------------------------------------------------------- ended


async def test_an_upload_that_is_deleted_is_gone_with_all_its_parts(call, gateway):
    at = await created(call)
    await patch(call, at, 0, TEXT[:10])
    assert (await call("DELETE", at, headers=TUS)).status_code == 204
    assert not [path for path in gateway.settings.run.rglob("uploads/**/*") if path.is_file()]
    is_problem(await patch(call, at, 10, TEXT[10:]), 404)


async def test_a_document_stays_when_its_upload_is_deleted(call, log):
    at = await created(call)
    await patch(call, at, 0, TEXT)
    assert (await call("DELETE", at, headers=TUS)).status_code == 204
    [event] = log.published(DocumentSubmitted)
    assert (await call("GET", f"/v1/documents/{event.document}")).json()["status"] == "accepted"


async def test_an_upload_ends_by_its_time_and_is_swept_then(call, gateway, log):
    now_s = 2_000_000_000.0
    gateway.uploads._clock = lambda: now_s
    at, other = await created(call), await created(call)
    response = await patch(call, at, 0, TEXT[:10])
    ends = parsedate_to_datetime(response.headers["upload-expires"]).timestamp()
    assert ends == now_s + gateway.settings.uploads_kept_s
    await patch(call, other, 0, TEXT)
    now_s = ends - 1
    gateway.uploads.sweep()
    assert await offset_of(call, at) == 10
    now_s = ends
    is_problem(await patch(call, at, 10, TEXT[10:]), 410)
    files = lambda: [path for path in gateway.settings.run.rglob("uploads/**/*") if path.is_file()]  # noqa: E731
    gateway.uploads.sweep()
    assert len(files()) == 3
    now_s = ends + upload_store.SWEPT_AFTER_S
    gateway.uploads.sweep()
    assert files() == []
    assert len(log.published(DocumentSubmitted)) == 1


async def test_a_user_and_a_tenant_have_so_many_uploads_open(call, app, gateway, monkeypatch):
    monkeypatch.setattr(limits, "UPLOADS_OF_USER", 2)
    monkeypatch.setattr(limits, "UPLOADS_OF_TENANT", 3)
    at = [await created(call) for _ in range(2)]
    problem = await create(call)
    is_problem(problem, 429)
    assert problem.headers["ratelimit-policy"].startswith('"user-uploads";q=2')
    other = HttpClient(app, gateway.keys.create("acme", user="other", scopes=("ingest",))[1])
    await created(other)
    is_problem(await create(other), 429)
    await created(HttpClient(app, a_key(gateway, "globex")))
    await patch(call, at[0], 0, TEXT)
    await created(call)


async def test_an_upload_in_crumbs_ends(call, monkeypatch):
    monkeypatch.setattr(upload_desk, "PARTS_MAX", 3)
    at = await created(call)
    for offset in range(3):
        assert (await patch(call, at, offset, b"x")).status_code == 204
    problem = is_problem(await patch(call, at, 3, b"x"), 422)
    assert "at least" in problem["detail"]


# ---------------------------------------------------------------------- what is sent


async def test_an_idempotency_key_makes_a_repeat_the_same_upload_on_any_gateway(call, another):
    key = {"Idempotency-Key": "k-1"}
    at = await created(call, **key)
    await patch(call, at, 0, TEXT[:10])
    assert await created(call, **key) == at
    assert await created(another(), **key) == at
    await patch(call, at, 10, TEXT[10:])
    assert await created(call, **key) == at
    is_problem(await create(call, len(TEXT) + 1, **key), 422)


@pytest.mark.parametrize("algorithm", uploads.ALGORITHMS)
async def test_a_part_that_is_not_what_its_checksum_says_does_not_count(
    call, gateway, log, algorithm
):
    at = await created(call)
    digest = base64.b64encode(hashlib.new(algorithm, TEXT[:90]).digest()).decode()
    check = {"Upload-Checksum": f"{algorithm} {digest}"}
    response = await patch(call, at, 0, TEXT[1:91], **check)
    assert response.status_code == 460
    assert await offset_of(call, at) == 0
    assert (await patch(call, at, 0, TEXT[:90], **check)).status_code == 204
    assert (await patch(call, at, 90, TEXT[90:])).status_code == 204
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == TEXT


async def test_a_part_that_is_checked_where_the_disk_is_full_is_told_and_may_come_again(
    call, log, monkeypatch
):
    def full(_spool, **_more):
        raise OSError(28, "No space left on device")

    at = await created(call)
    digest = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    with monkeypatch.context() as patched:
        patched.setattr(uploads.SpooledFiles, "flush", full)
        told = is_problem(
            await patch(call, at, 0, TEXT, **{"Upload-Checksum": f"sha256 {digest}"}), 503
        )
        assert "no room" in told["detail"]
    assert await offset_of(call, at) == 0
    assert (await patch(call, at, 0, TEXT)).status_code == 204
    assert log.published(DocumentSubmitted)


async def test_a_part_with_a_checksum_that_is_cut_does_not_count(call):
    at = await created(call)

    async def cut():
        yield TEXT[:64]
        raise ClientDisconnect

    with contextlib.suppress(AssertionError):  # nobody is there to be answered
        await patch(call, at, 0, cut(), **{"Upload-Checksum": "sha1 AAAA"})
    assert await offset_of(call, at) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": "9" * 16}, 400),
        ({"Upload-Length": ""}, 400),
        ({"Upload-Metadata": "filename !!"}, 400),
        ({"Upload-Metadata": "filename /w=="}, 400),
        ({"Upload-Metadata": "filename YQ==,filename YQ=="}, 400),
        ({"Upload-Metadata": "x" * (limits.UPLOAD_METADATA_MAX + 1)}, 400),
        ({"Upload-Metadata": spelt(filename="a.txt", metadata="{")}, 400),
        ({"Upload-Metadata": spelt(filename="a.txt", metadata="[]")}, 422),
        ({"Upload-Metadata": spelt(filename="../a.txt")}, 422),
        ({"Upload-Metadata": spelt(filename="a.unknown")}, 422),
        ({"Upload-Metadata": spelt(filename="a.txt", filetype="application/zip")}, 422),
        ({"Upload-Metadata": spelt(filename="a.txt", tenant="globex")}, 403),
        ({"Upload-Metadata": ""}, 422),
    ],
)
async def test_what_can_be_no_upload_is_refused_before_a_byte_of_it_comes(call, headers, status):
    problem = await create(call, **headers)
    is_problem(problem, status)
    assert problem.headers["tus-resumable"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": ""}, 412),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
        ({"Upload-Checksum": "sha1"}, 400),
        ({"Upload-Checksum": "sha1 !"}, 400),
    ],
)
async def test_a_part_that_is_not_sent_as_one_is_refused(call, headers, status):
    at = await created(call)
    problem = await patch(call, at, 0, TEXT, **headers)
    is_problem(problem, status)
    assert problem.headers["tus-resumable"] == "1.0.0"
    assert await offset_of(call, at) == 0


# ---------------------------------------------------------------------- told as it comes


async def follow(call, at, cursor=""):
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": cursor} if cursor else {})}
    return await call("GET", at, headers=headers)


async def test_an_upload_is_followed_until_its_document_can_be_found(call, log):
    log.answer = outcomes_of
    at = await created(call)
    await patch(call, at, 0, TEXT[:10])
    following = asyncio.create_task(follow(call, at))
    await asyncio.sleep(0)
    await patch(call, at, 10, TEXT[10:])
    response = await following
    frames = frames_of(response)
    [event] = log.published(DocumentSubmitted)
    arrived = [frame["offset"] for frame in frames if frame["type"] == "upload"]
    assert arrived[-1] == len(TEXT)
    assert arrived == sorted(set(arrived))
    assert [frame["status"] for frame in frames if frame["type"] == "document"] == [
        "accepted",
        "ingested",
        "indexed",
    ]
    assert {frame["request_id"] for frame in frames} == {event.meta.request}
    for place, frame in enumerate(frames):
        rest = frames_of(await follow(call, at, frame["cursor"]))
        assert rest == frames[place + 1 :]


async def test_a_cursor_of_another_upload_is_refused(call, log):
    log.answer = outcomes_of
    at, other = await created(call), await created(call)
    await patch(call, at, 0, TEXT)
    await patch(call, other, 0, TEXT)
    [frame, *_] = frames_of(await follow(call, at))
    is_problem(await follow(call, other, frame["cursor"]), 422)
    is_problem(await follow(call, at, json.dumps({"r": 1})), 422)
