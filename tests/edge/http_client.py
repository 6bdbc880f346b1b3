"""A client of the gateway's HTTP interface, and what its answers have to be."""

import json

import httpx

from edge.client.server_sent_events import events_in
from schemas import (
    Batch,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    DocumentRef,
    EventRejected,
    Manifest,
    Passage,
    QuestionAsked,
)
from tests.edge.fake_log import Answers, an_entry
from tests.fakes import a_meta

DOCUMENT = {"uri": "https://acme.test/vat", "media_type": "text/plain", "content": "VAT is due."}


class HttpClient:
    """An HTTP client of an application in this process."""

    def __init__(self, app, key):
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://gateway",
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    async def __call__(self, method, path, body=None, **more):
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, **more)


def is_problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail", "request_id", "trace_id"} <= set(problem)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["trace_id"] == response.headers["traceparent"].split("-")[1]
    assert "Traceback" not in response.text
    return problem


def frames_of(response):
    """The frames of a streamed response."""
    return [json.loads(event.data) for event in events_in([response.content])]


# ---------------------------------------------------------------------- what steps would write


def passages_for(gateway):
    def answer(event):
        entry = an_entry(gateway.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe")
        return [
            ChunksRetrieved(
                meta=Answers(event).meta("retrieve", 0),
                outcome="retrieved",
                subject=event.subject,
                question="q",
                query="q",
                passages=(
                    Passage(
                        chunk="c-1",
                        document="d-1",
                        version=1,
                        number=0,
                        title="VAT",
                        uri="u",
                        text="Ask <PERSON_1>.",
                        tokens=3,
                        score=0.5,
                        entries=(entry,),
                    ),
                ),
                ask=event.ask,
            )
        ]

    return answer


def answers_with(*texts, **more):
    def answer(event):
        return Answers(event).whole(*texts, **more) if isinstance(event, QuestionAsked) else ()

    return answer


def rejected(event, step="generate", error="Permanent", message="m", meta=None):
    return EventRejected(
        meta=meta or Answers(event).meta(step, 0),
        topic="t",
        partition=0,
        offset=0,
        step=step,
        error=error,
        message=message,
        attempts=1,
    )


def outcomes_of(event, last="indexed"):
    """What ingest and index would write for a request about a document."""
    ref = DocumentRef(document=event.meta.session, version=1, uri="u")
    manifest = Manifest(
        checksum="c", parser="p", parser_version="1", policy="procedural", chunks=("c-1", "c-2")
    )
    cut = {"indexed": "cut", "unchanged": "unchanged", "withdrawn": "withdrawn"}[last]
    meta = a_meta(
        tenant=event.meta.tenant,
        session=event.meta.session,
        request=event.meta.request,
        at=event.meta.at + 1,
        lane=event.meta.lane,
    )
    return [
        ChunksCut(
            meta=meta,
            document=ref,
            batch=Batch(number=0, last=True),
            outcome=cut,
            manifest=manifest if last == "indexed" else None,
        ),
        ChunksIndexed(
            meta=meta,
            document=ref,
            batch=Batch(number=0, last=True),
            outcome=last,
            visible=last == "indexed",
            manifest=manifest if last == "indexed" else None,
        ),
    ]
