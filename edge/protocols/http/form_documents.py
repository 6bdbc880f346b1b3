"""A form with documents: all of it is read and checked before any of them is on the log."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

from fastapi import Request

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.load.admission import largest_body
from edge.problems import Problem, overloaded
from edge.protocols.http.bodies import arriving, refusing_the_rest
from edge.protocols.http.dependencies import fingerprinted, trace_of
from edge.protocols.http.file_description import FileDescription
from edge.protocols.http.multipart_body import MEDIA_TYPE, FormFile, FormReader, boundary_of
from edge.requests.identity import Identity
from edge.requests.new_document import NewDocument
from edge.uploading.spooled_files import FRAME_BYTES, IN_MEMORY_BYTES, SpooledFiles

HELD_BYTES = IN_MEMORY_BYTES + 2 * FRAME_BYTES
"""Of a form that is being read, however large it is."""


async def submit_form(
    request: Request, gateway: Gateway, caller: Caller, idempotency_key: str
) -> dict[str, Any]:
    """Hand in the files of a form; raises Problem, with none of them on the log before all came."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    with (
        gateway.uploading.hold(caller.tenant, caller.key),
        gateway.admission.body(caller.tenant, caller.key) as count,
        SpooledFiles(gateway.settings.run) as spool,
    ):
        try:
            with refusing_the_rest():
                count(HELD_BYTES)
                body = arriving(request, largest_body(gateway.settings), gateway.bounds.pace)
                files = await FormReader(boundary, spool, caller).read(body)
            documents = _documents(gateway, caller, files)
            digests = hashlib.sha256("".join(file.digest for file in files).encode()).digest()
            fingerprint = fingerprinted(request, MEDIA_TYPE.encode() + digests)
            async with gateway.reception.once(caller, idempotency_key, fingerprint) as turn:
                taken = []
                for number, (file, document) in enumerate(zip(files, documents, strict=True)):
                    mark = turn.fingerprint and f"{turn.fingerprint}|{number}"
                    identity = gateway.reception.identify_document(caller, document.uri, mark)
                    if not turn.repeated:
                        count(file.spooled.size)
                        content = await asyncio.to_thread(spool.read, file.spooled)
                        whole = replace(document, content=content)
                        del content
                        await gateway.reception.submit(caller, identity, whole, trace_of(request))
                        del whole
                        count(-file.spooled.size)
                    taken.append(_taken(file, identity))
        except OSError as error:
            raise overloaded(
                f"the gateway has no room for what is handed in ({error.strerror}): try again"
            ) from None
    return {"documents": taken}


def _taken(file: FormFile, identity: Identity) -> dict[str, str]:
    return {
        "name": file.name,
        "document_id": identity.session,
        "request_id": identity.request,
    }


def _documents(gateway: Gateway, caller: Caller, files: list[FormFile]) -> list[NewDocument]:
    """Say which documents the files are, all checked; raises Problem."""
    documents = []
    for number, file in enumerate(files, start=1):
        try:
            document = file.description.document(file.name, file.media_type)
            gateway.reception.check_document(caller, document, file.spooled.size)
        except Problem as problem:
            detail = f"file {number}: {problem.detail}"
            raise Problem(problem.status, problem.slug, detail) from None
        documents.append(document)
    if len({document.uri for document in documents}) < len(documents):
        raise Problem(
            422,
            "invalid",
            "two files of the form are one document, by their uri or name: send each once",
        )
    return documents


def with_form_described(described: dict[str, Any]) -> dict[str, Any]:
    """Add the form to how a body is described in the OpenAPI document."""
    schema = FileDescription.model_json_schema()
    form = {
        "title": "DocumentForm",
        "type": "object",
        "required": ["file"],
        "description": "Parts with a file name are documents; `document` before one describes it.",
        "properties": {
            "document": schema,
            "file": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "binary"},
            },
        },
    }
    encoding = {"document": {"contentType": "application/json"}}
    described["requestBody"]["content"][MEDIA_TYPE] = {"schema": form, "encoding": encoding}
    return described
