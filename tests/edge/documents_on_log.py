"""Documents on a log in memory, as the steps would write them."""

import asyncio

from edge.callers.caller import Caller
from edge.requests.new_document import NewDocument
from schemas import Batch, ChunksIndexed, ChunksRedacted, DocumentRef, Manifest, RedactedChunk
from tests.edge.fake_log import an_entry
from tests.fakes import a_meta


def a_writer(tenant="acme"):
    return Caller("key-1", tenant, "w", "writer", frozenset({"write"}), ())


async def hand_in(
    gateway, log, uri, texts, *, new=None, tenant="acme", groups=(), metadata=None, outcome=True
):
    """Hand a version in whose chunks are called what they say; only those in `new` are written.

    <PERSON_1> is Jane Doe. Returns the document's id.
    """
    identity = gateway.reception.identify_document(a_writer(tenant), uri)
    document = NewDocument(uri=uri, content=b"c", groups=groups, metadata=metadata or {})
    request = await gateway.reception.submit(a_writer(tenant), identity, document)
    if outcome:
        for event in outcomes(gateway, request, uri, texts, texts if new is None else new):
            log.append(event)
    await asyncio.sleep(0.01)
    return identity.session


def outcomes(gateway, request, uri, texts, new):
    known = gateway.documents.find(request.tenant, request.session)
    meta = a_meta(
        tenant=request.tenant,
        session=request.session,
        request=request.request,
        lane=request.lane,
        at=known.newest.at + 1,
    )
    ref = DocumentRef(document=request.session, version=known.version + 1, uri=uri)
    manifest = Manifest(
        checksum="c", parser="p", parser_version="1", policy="procedural", chunks=tuple(texts)
    )
    entry = an_entry(gateway.keyring, request.tenant, "<PERSON_1>", "PERSON", "Jane Doe")
    chunks = tuple(
        RedactedChunk(
            id=text, number=n, text=text, tokens=1, entries=(entry,) if "<" in text else ()
        )
        for n, text in enumerate(new)
    )
    batch = Batch(number=0, last=True)
    yield ChunksRedacted(
        meta=meta,
        document=ref,
        batch=batch,
        outcome="redacted",
        chunks=chunks,
        manifest=manifest,
    )
    yield ChunksIndexed(
        meta=meta,
        document=ref,
        batch=batch,
        outcome="indexed",
        visible=True,
        position=known.position + 1,
        manifest=manifest,
    )
