"""Documents, from handed in to withdrawn."""

from __future__ import annotations

import base64

from schemas import (
    DocumentSubmitted,
    DocumentWithdrawn,
)
from tests.edge.fake_log import a_key
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    is_problem,
    outcomes_of,
)


async def test_a_document_is_sealed_published_and_accepted(call, gateway, log):
    response = await call(
        "POST", "/v1/documents", {**DOCUMENT, "title": "VAT", "metadata": {"y": 1}}
    )
    assert response.status_code == 202
    taken = response.json()
    assert set(taken) == {"document_id", "request_id"}
    assert response.headers["x-request-id"] == taken["request_id"]
    [event] = log.published(DocumentSubmitted)
    assert event.meta.id == event.meta.request == taken["request_id"]
    assert event.meta.session == event.document == taken["document_id"]
    assert event.meta.trace == response.headers["traceparent"]
    assert event.metadata == {"y": "1"}
    assert b"VAT" not in event.content.ciphertext
    assert gateway.keyring.unseal("acme", event.content) == b"VAT is due."
    view = (await call("GET", f"/v1/documents/{taken['document_id']}")).json()
    assert view["status"] == "accepted"
    assert view["title"] == "VAT"
    assert view["uri"] == DOCUMENT["uri"]


async def test_bytes_travel_as_base64(call, gateway, log):
    body = {"uri": "u", "media_type": "text/html; charset=latin-1"}
    encoded = base64.b64encode(b"\xe9").decode()
    response = await call("POST", "/v1/documents", {**body, "content_base64": encoded})
    assert response.status_code == 202
    [event] = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", event.content) == b"\xe9"
    assert event.media_type == "text/html; charset=latin-1"


async def test_a_text_is_utf_8_whatever_charset_it_names(call, log):
    """JSON has made characters of it already."""
    body = {**DOCUMENT, "media_type": "text/html; charset=iso-2022-jp"}
    assert (await call("POST", "/v1/documents", body)).status_code == 202
    [event] = log.published(DocumentSubmitted)
    assert event.media_type == "text/html"


async def test_a_document_goes_from_accepted_to_indexed_to_deleted(call, log):
    log.answer = lambda event: outcomes_of(
        event, "withdrawn" if isinstance(event, DocumentWithdrawn) else "indexed"
    )
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    path = f"/v1/documents/{taken['document_id']}"
    view = (await call("GET", path)).json()
    assert view["status"] == "indexed"
    assert view["version"] == 1
    assert view["chunks"] == 2
    assert view["manifest"]["chunks"] == ["c-1", "c-2"]
    assert view["request_id"] == taken["request_id"]
    response = await call("DELETE", path)
    assert response.status_code == 202
    assert (await call("GET", path)).json()["status"] == "deleted"


async def test_documents_of_another_tenant_do_not_exist(call, app, gateway):
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    other = HttpClient(app, a_key(gateway, "globex"))
    assert (await other("GET", "/v1/documents")).json()["documents"] == []
    is_problem(await other("GET", f"/v1/documents/{taken['document_id']}"), 404)
    is_problem(await other("DELETE", f"/v1/documents/{taken['document_id']}"), 404)


async def test_a_document_has_a_timeline_in_its_tenant_and_no_answer(call, app, gateway):
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    path = f"/v1/messages/{taken['request_id']}"
    assert (await call("GET", f"{path}/timeline")).json()["steps"][0]["step"] == "gateway"
    is_problem(await call("GET", path), 404)
    is_problem(await HttpClient(app, a_key(gateway, "globex"))("GET", f"{path}/timeline"), 404)


async def test_documents_are_listed_in_pages(call):
    for number in range(5):
        await call("POST", "/v1/documents", {**DOCUMENT, "uri": f"u{number}"})
    first = (await call("GET", "/v1/documents?limit=3")).json()
    second = (await call("GET", f"/v1/documents?limit=3&after={first['next']}")).json()
    ids = [one["document_id"] for page in (first, second) for one in page["documents"]]
    assert len(ids) == len(set(ids)) == 5
    assert second["next"] is None
