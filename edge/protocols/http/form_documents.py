"""A form with documents: all of it is read and checked before any of them is on the log."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from fastapi import Request

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import KeyTurn
from edge.load.admission import largest_body
from edge.problems import Problem
from edge.protocols.http.bodies import arriving, refusing_the_rest
from edge.protocols.http.dependencies import fingerprinted, trace_of
from edge.protocols.http.file_description import FileDescription
from edge.protocols.http.multipart_body import MEDIA_TYPE, FormFile, FormReader, boundary_of
from edge.requests.identity import Identity
from edge.requests.new_document import NewDocument
from edge.uploading.spooled_files import (
    FRAME_BYTES,
    IN_MEMORY_BYTES,
    SpooledFiles,
    room_on_disk,
)

HELD_BYTES = IN_MEMORY_BYTES + 2 * FRAME_BYTES
"""Of a form that is being read, however large it is."""


async def submit_form(
    request: Request, gateway: Gateway, caller: Caller, idempotency_key: str
) -> dict[str, Any]:
    """Hand in the files of a form; raises Problem, with none of them on the log before all came.

    What keeps one of them from the log ends it there, and says which are on it.
    """
    boundary = boundary_of(request.headers.get("content-type", ""))
    with (
        gateway.uploading.hold(caller.tenant, caller.key),
        gateway.admission.body(caller.tenant, caller.key) as count,
        room_on_disk(),
        SpooledFiles(gateway.settings.run) as spool,
    ):
        with refusing_the_rest():
            count(HELD_BYTES)
            body = arriving(request, largest_body(gateway.settings), gateway.bounds.pace)
            files = await FormReader(boundary, spool, caller).read(body)
        documents = _documents(gateway, caller, files)
        digests = hashlib.sha256("".join(file.digest for file in files).encode()).digest()
        fingerprint = fingerprinted(request, MEDIA_TYPE.encode() + digests)
        async with gateway.reception.once(caller, idempotency_key, fingerprint) as turn:
            hand_in = _HandIn(gateway, caller, turn, spool, count, trace_of(request))
            return {"documents": await hand_in.all_of(files, documents)}


@dataclass(frozen=True)
class _HandIn:
    """Puts the files of one form on the log, one after the other."""

    gateway: Gateway
    caller: Caller
    turn: KeyTurn
    spool: SpooledFiles
    count: Callable[[int], None]
    trace: str

    async def all_of(
        self, files: Sequence[FormFile], documents: Sequence[NewDocument]
    ) -> list[dict[str, Any]]:
        """Hand all of them in, and tell which they are; raises Problem that tells it too."""
        told: list[dict[str, Any]] = []
        try:
            for number, (file, document) in enumerate(zip(files, documents, strict=True)):
                with room_on_disk():
                    identity = await self._one(number, file, document)
                told.append(_taken(file, identity))
        except Problem as problem:
            # those that come behind may have no room either, and their order would be another
            rest = [{"name": one.name, "status": problem.status} for one in files[len(told) :]]
            problem.members["documents"] = told + rest
            problem.detail += f" ({len(told)} of {len(files)} files are on the log: see documents)"
            raise
        return told

    async def _one(self, number: int, file: FormFile, document: NewDocument) -> Identity:
        """Hand one in, unless its request is on the log; a repeat goes on behind what is there."""
        reception, mark = self.gateway.reception, self.turn.fingerprint
        identity = reception.identify_document(
            self.caller, document.uri, mark and f"{mark}|{number}"
        )
        if not self.gateway.is_taken(self.caller, identity, self.turn):
            self.count(file.spooled.size)
            content = await asyncio.to_thread(self.spool.read, file.spooled)
            whole = replace(document, content=content)
            del content
            await reception.submit(self.caller, identity, whole, self.trace)
            del whole
            self.count(-file.spooled.size)
        return identity


def _taken(file: FormFile, identity: Identity) -> dict[str, Any]:
    return {
        "name": file.name,
        "status": HTTPStatus.ACCEPTED.value,
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
