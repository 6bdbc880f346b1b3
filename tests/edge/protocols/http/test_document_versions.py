"""Versions and originals of documents, for those allowed; many documents withdrawn at once."""

from __future__ import annotations

import pytest

from agents.errors import Transient
from edge.requests import limits
from schemas import DocumentSubmitted, DocumentWithdrawn, TextRestored
from tests.edge.documents_on_log import hand_in
from tests.edge.fake_log import a_key
from tests.edge.http_client import DOCUMENT, HttpClient, is_problem, outcomes_of

ALL = ("ask", "restore")


@pytest.fixture
def reader(app, gateway):
    """A client that may see all."""
    return HttpClient(app, a_key(gateway, scopes=ALL))


async def original(call, document, **query):
    return await call("GET", f"/v1/documents/{document}/original", params=query)


async def test_an_original_is_what_was_handed_in_and_the_log_says_who_has_it(reader, gateway, log):
    document = await hand_in(gateway, log, "https://acme.test/a/Ask me.txt", ["Ask <PERSON_1>."])
    response = await original(reader, document, reason="audit 7")
    assert response.status_code == 200, response.text
    assert response.content == b"c"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''Ask%20me.txt"
    [told] = log.published(TextRestored)
    assert (told.document, told.version, told.reason) == (document, 1, "audit 7")
    assert told.kinds == ("ORIGINAL", "PERSON")
    assert told.digests == (gateway.keyring.digest("acme", b"Jane Doe"),)
    assert told.meta.trace == response.headers["traceparent"]


async def test_an_original_in_which_nothing_was_found_is_told_of_too(reader, gateway, log):
    document = await hand_in(gateway, log, "u", ["One."])
    assert (await original(reader, document)).content == b"c"
    [told] = log.published(TextRestored)
    assert (told.kinds, told.digests) == (("ORIGINAL",), ())


@pytest.mark.parametrize("scopes", [("ask",), ("ask", "ingest"), ("ask", "restore:PERSON")])
async def test_an_original_is_not_for_who_may_see_a_part(app, gateway, log, scopes):
    document = await hand_in(gateway, log, "u", ["Ask <PERSON_1>."])
    is_problem(await original(HttpClient(app, a_key(gateway, scopes=scopes)), document), 403)
    assert not log.published(TextRestored)


async def test_an_original_with_a_value_that_was_erased_is_not_handed_out(reader, gateway, log):
    document = await hand_in(gateway, log, "u", ["Ask <PERSON_1>."])
    gateway.keyring.destroy("acme", f"value/{gateway.keyring.digest('acme', b'Jane Doe')}")
    problem = is_problem(await original(reader, document), 403)
    assert "1 values" in problem["detail"]
    assert not log.published(TextRestored)


async def test_an_original_is_for_its_groups_in_its_tenant(app, gateway, log, reader):
    document = await hand_in(gateway, log, "u", ["One."], groups=("tax",))
    is_problem(await original(reader, document), 404)
    other = HttpClient(app, a_key(gateway, "globex", scopes=ALL))
    is_problem(await original(other, document), 404)
    key = gateway.keys.create("acme", scopes=ALL, groups=("tax",))[1]
    assert (await original(HttpClient(app, key), document)).content == b"c"


async def test_who_hands_in_gets_no_original_that_a_policy_lets_them_not_read(
    app, gateway, log, monkeypatch
):
    document = await hand_in(gateway, log, "u", ["One."])
    writer = HttpClient(app, a_key(gateway, scopes=("ask", "ingest", "restore")))
    assert (await original(writer, document)).status_code == 200
    monkeypatch.setattr("edge.callers.access.is_readable", lambda *_: False)
    is_problem(await original(writer, document), 404)


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_policy_may_keep_originals_from_everybody(
    reader, gateway, log, monkeypatch, allowed
):
    document = await hand_in(gateway, log, "u", ["One."])
    asked = []
    monkeypatch.setattr(
        "edge.callers.access.may_restore",
        lambda _policy, _caller, kind: asked.append(kind) or allowed,
    )
    assert (await original(reader, document)).status_code == (200 if allowed else 403)
    assert asked == ["ORIGINAL"]


async def test_an_original_of_an_erased_document_is_gone(reader, gateway, log):
    document = await hand_in(gateway, log, "u", ["One."])
    gateway.keyring.destroy("acme", f"document/{document}")
    is_problem(await original(reader, document), 410)
    assert not log.published(TextRestored)


async def test_nobody_gets_an_original_of_which_the_log_can_t_be_told(
    reader, gateway, log, monkeypatch
):
    document = await hand_in(gateway, log, "u", ["One."])

    def fails(_):
        raise Transient("no broker")

    monkeypatch.setattr(log, "send", fails)
    problem = await original(reader, document)
    is_problem(problem, 503)
    assert problem.content != b"c"


async def test_each_version_has_its_original_by_its_request(reader, gateway, log):
    document = await hand_in(gateway, log, "u", ["One."])
    log.tick()
    await hand_in(gateway, log, "u", ["One.", "Two."], new=["Two."])
    log.tick()
    await hand_in(gateway, log, "u", [], outcome=False)
    told = (await reader("GET", f"/v1/documents/{document}/versions")).json()["versions"]
    submitted = log.published(DocumentSubmitted)
    assert [one["request_id"] for one in told] == [one.meta.request for one in reversed(submitted)]
    assert [(one["status"], one["version"]) for one in told] == [
        ("accepted", 0),
        ("indexed", 2),
        ("indexed", 1),
    ]
    assert [one["checksum"] for one in told] == ["", "c", "c"]
    for one in told[1:]:
        assert (await original(reader, document, request_id=one["request_id"])).status_code == 200
    assert (await original(reader, document)).status_code == 200
    assert [one.version for one in log.published(TextRestored)] == [2, 1, 2]
    is_problem(await original(reader, document, request_id=told[0]["request_id"]), 404)
    is_problem(await original(reader, document, request_id="none"), 404)
    is_problem(await original(reader, document, reason="a\nb"), 422)


async def test_a_document_that_can_t_be_found_has_no_original(call, reader, log):
    log.answer = lambda event: (
        outcomes_of(event, "withdrawn") if isinstance(event, DocumentWithdrawn) else ()
    )
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    assert is_problem(await original(reader, taken["document_id"]), 409)["retryable"]
    await call("DELETE", f"/v1/documents/{taken['document_id']}")
    assert not is_problem(await original(reader, taken["document_id"]), 409)["retryable"]
    told = (await call("GET", f"/v1/documents/{taken['document_id']}/versions")).json()["versions"]
    assert {(one["what"], one["status"]) for one in told} == {
        ("submitted", "accepted"),
        ("withdrawn", "deleted"),
    }


# ---------------------------------------------------------------------- many withdrawn


async def withdraw(call, *ids, **headers):
    return await call(
        "POST", "/v1/documents/withdraw", {"document_ids": list(ids)}, headers=headers
    )


async def some(call, count):
    bodies = ({**DOCUMENT, "uri": f"u{number}"} for number in range(count))
    return [(await call("POST", "/v1/documents", body)).json()["document_id"] for body in bodies]


async def test_each_document_that_is_to_be_withdrawn_is_answered_on_its_own(
    call, app, gateway, log
):
    first, second = await some(call, 2)
    theirs = await some(HttpClient(app, a_key(gateway, "globex")), 1)
    told = (await withdraw(call, first, "none", *theirs, second, first)).json()["documents"]
    assert [one["document_id"] for one in told] == [first, "none", *theirs, second]
    assert [one["status"] for one in told] == [202, 404, 404, 202]
    assert told[1]["problem"]["type"].endswith("not-found")
    events = log.published(DocumentWithdrawn)
    assert [(one.document, one.meta.request) for one in events] == [
        (one["document_id"], one["request_id"]) for one in told if one["status"] == 202
    ]
    assert {one.meta.tenant for one in events} == {"acme"}


async def test_a_key_makes_a_repeat_the_same_and_does_what_was_not_done(call, log, monkeypatch):
    ids, key = await some(call, 2), {"Idempotency-Key": "k-1"}
    send, refused = log.send, iter([False, True, False])

    def fails(event):
        if next(refused):
            raise Transient("no broker")
        return send(event)

    monkeypatch.setattr(log, "send", fails)
    before = (await withdraw(call, *ids, **key)).json()["documents"]
    assert [one["status"] for one in before] == [202, 503]
    after = (await withdraw(call, *ids, **key)).json()["documents"]
    assert [one["status"] for one in after] == [202, 202]
    assert after[0] == before[0]
    assert [one.document for one in log.published(DocumentWithdrawn)] == ids
    is_problem(await withdraw(call, ids[0], **key), 422)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"document_ids": []},
        {"document_ids": [""]},
        {"document_ids": "x"},
        {"document_ids": ["x"] * (limits.WITHDRAWN_MAX + 1)},
    ],
)
async def test_what_names_no_documents_or_too_many_is_refused(call, body):
    is_problem(await call("POST", "/v1/documents/withdraw", body), 422)


async def test_who_may_not_hand_in_withdraws_nothing(app, gateway):
    is_problem(await withdraw(HttpClient(app, a_key(gateway, scopes=("ask",))), "x"), 403)
