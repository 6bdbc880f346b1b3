"""The limits of requests, and that all ways in go by the same ones."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from edge.protocols.http.bodies import DocumentBody, MessageBody, SearchBody
from edge.protocols.websocket.client_frames import CancelFrame, MessageFrame, ResumeFrame
from edge.requests import limits
from edge.requests.configured_limits import ConfiguredLimits
from streams.log.configuration import FOLDER


def bound_of(model: type[BaseModel], name, bound):
    schema = model.model_json_schema()["properties"][name]
    return next(one[bound] for one in schema.get("anyOf", [schema]) if bound in one)


@pytest.mark.parametrize(
    ("model", "name", "bound", "limit"),
    [
        (MessageBody, "text", "maxLength", limits.QUESTION_MAX),
        (SearchBody, "text", "maxLength", limits.QUESTION_MAX),
        (MessageFrame, "text", "maxLength", limits.QUESTION_MAX),
        (MessageBody, "session_id", "maxLength", limits.SESSION_MAX),
        (MessageFrame, "session_id", "maxLength", limits.SESSION_MAX),
        (MessageBody, "max_tokens", "maximum", limits.ANSWER_TOKENS_MAX),
        (MessageBody, "budget_ms", "maximum", limits.BUDGET_MS[1]),
        (MessageBody, "budget_ms", "minimum", limits.BUDGET_MS[0]),
        (SearchBody, "budget_ms", "maximum", limits.BUDGET_MS[1]),
        (SearchBody, "k", "maximum", limits.PASSAGES_MAX),
        (DocumentBody, "uri", "maxLength", limits.URI_MAX),
        (DocumentBody, "title", "maxLength", limits.TITLE_MAX),
        (DocumentBody, "groups", "maxItems", limits.GROUPS_MAX),
        (DocumentBody, "media_type", "maxLength", limits.MEDIA_TYPE_MAX),
        (ResumeFrame, "cursor", "maxLength", limits.CURSOR_MAX),
        (ResumeFrame, "request_id", "maxLength", limits.ID_MAX),
        (CancelFrame, "request_id", "maxLength", limits.ID_MAX),
    ],
)
def test_every_way_in_has_the_same_limit(model, name, bound, limit):
    assert bound_of(model, name, bound) == limit


def test_documents_may_be_cut_in_every_way_that_ingest_is_configured_with():
    files = {path.stem for path in (FOLDER / "chunk_policies").iterdir()}
    assert set(ConfiguredLimits().chunk_policies) == files


@pytest.mark.parametrize(
    ("path", "method", "name", "limit"),
    [
        ("/v1/messages/{request_id}", "get", "Last-Event-ID", limits.CURSOR_MAX),
        ("/v1/documents", "get", "after", limits.ID_MAX),
        ("/v1/messages", "post", "Idempotency-Key", limits.IDEMPOTENCY_KEY_MAX),
    ],
)
async def test_what_stands_beside_a_body_has_its_limit(app, path, method, name, limit):
    parameters = app.openapi()["paths"][path][method]["parameters"]
    [schema] = [one["schema"] for one in parameters if one["name"] == name]
    assert schema["maxLength"] == limit


@pytest.mark.parametrize("tenant", ["a", "acme", "A-1_b", "0", "a" * 63])
def test_a_tenant_may_be_called(tenant):
    assert limits.TENANT.fullmatch(tenant)


@pytest.mark.parametrize(
    "tenant", ["", "-a", "_a", "a b", "a/b", "..", "a" * 64, "é", "a\n", "a\0", "ａ"]
)
def test_a_tenant_may_not_be_called(tenant):
    assert not limits.TENANT.fullmatch(tenant)


@pytest.mark.parametrize("session", ["s", "s-1", "a.b:c_d-e", "0" * 128])
def test_a_session_may_be_called(session):
    assert limits.SESSION.fullmatch(session)


@pytest.mark.parametrize("session", ["", "-s", ".s", "a b", "a|b", "é", "s" * 129, "s\n"])
def test_a_session_may_not_be_called(session):
    assert not limits.SESSION.fullmatch(session)
