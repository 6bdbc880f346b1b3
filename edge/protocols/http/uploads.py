"""Routes of resumable uploads: tus 1.0.0 with creation, expiration, checksum and termination.

Source: https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from edge.answering.document_progress import cursor_read
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.upload_desk import UploadStanding
from edge.problems import Problem
from edge.protocols.http.bodies import arriving, held_to, refusing_the_rest
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    name_after,
    trace_of,
)
from edge.protocols.http.file_description import FileDescription
from edge.protocols.http.progress_stream import progress_stream
from edge.protocols.responses import on_invalid
from edge.requests import limits
from edge.uploading.spooled_files import (
    FRAME_BYTES,
    IN_MEMORY_BYTES,
    SpooledFiles,
    room_on_disk,
)
from edge.uploading.upload_store import PART_BYTES, KnownUpload

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,checksum,termination"
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
"""By which a part may be checked; the protocol asks for the first."""
PART_TYPE = "application/offset+octet-stream"
NUMBER = re.compile(rf"[0-9]{{1,{limits.UPLOAD_OFFSET_MAX}}}")
HELD_BYTES = 2 * PART_BYTES
"""Of a part that arrives, however large it is."""
CHECKED_BYTES = IN_MEMORY_BYTES + 2 * FRAME_BYTES
"""Of one that is checked before it counts, more."""
JSON_FIELDS = frozenset({"metadata", "groups"})
NAMES, TYPES = ("filename", "name"), ("filetype", "type")
"""Under which clients send a file's name and media type."""
TusHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class TusRoute(APIRoute):
    """A route whose every answer says which version of the protocol it speaks."""

    def get_route_handler(self) -> TusHandler:
        """Return what serves the route."""
        serve = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await serve(request)
            except RequestValidationError as error:
                response = await on_invalid(request, error)
            except Problem as problem:
                problem.headers["Tus-Resumable"] = VERSION
                raise
            response.headers["Tus-Resumable"] = VERSION
            return response

        return handler


router = APIRouter(route_class=TusRoute)
TusVersion = Annotated[
    str, Header(alias="Tus-Resumable", description="Version of the protocol: 1.0.0.")
]
UploadOffset = Annotated[str, Header(description="Where these bytes go.")]
UploadChecksum = Annotated[str, Header(description="Algorithm and base64 digest of these bytes.")]
PART_BODY = {
    "requestBody": {
        "required": True,
        "content": {PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.options("/v1/uploads", status_code=204)
async def upload_options(gateway: TheGateway) -> Response:
    """Tell what of the protocol is spoken here."""
    return Response(status_code=204, headers=_spoken(gateway))


@router.post("/v1/uploads", status_code=201)
async def begin_upload(
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    upload_length: Annotated[str, Header(description="Bytes that the document has.")] = "",
    upload_metadata: Annotated[
        str, Header(description="What describes the document: names, each with a base64 value.")
    ] = "",
    tus_resumable: TusVersion = "",
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Begin the upload of a document; its bytes come to the Location."""
    _check_version(tus_resumable)
    if not NUMBER.fullmatch(upload_length):
        raise Problem(
            400, "bad-upload-length", "Upload-Length is no number of bytes: say how many will come"
        )
    told = _metadata(upload_metadata)
    description = _description(told, caller)
    document = description.document(_first(told, NAMES), _first(told, TYPES))
    mark = fingerprinted(request, f"{upload_length}\n{upload_metadata}".encode())
    uploads = gateway.uploads
    upload = await uploads.begin(caller, document, int(upload_length), idempotency_key, mark)
    if upload.note.length == 0:  # nothing will come, so nobody else would put it on the log
        await uploads.settled(caller, upload.id, trace_of(request))
    headers = {"Location": f"{request.url.path}/{upload.id}", **_ends(upload)}
    return Response(status_code=201, headers=headers)


@router.head("/v1/uploads/{upload_id}")
async def upload_offset(
    upload_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    tus_resumable: TusVersion = "",
) -> Response:
    """Tell how many bytes have arrived: go on from there."""
    _check_version(tus_resumable)
    standing = await gateway.uploads.standing(caller, upload_id)
    if standing.is_whole and not standing.upload.is_done:
        with gateway.admission.body(caller.tenant, caller.key) as count:
            count(standing.upload.note.length)
            standing = await gateway.uploads.settled(caller, upload_id, trace_of(request))
    headers = {"Cache-Control": "no-store", "Upload-Length": str(standing.upload.note.length)}
    return Response(headers=headers | _progress(standing))


@router.get("/v1/uploads/{upload_id}")
async def get_upload(
    upload_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    last_event_id: Annotated[str, Header(max_length=limits.CURSOR_MAX)] = "",
) -> Response:
    """Tell how far an upload is, and which document it became; as events, until that is settled."""
    if "text/event-stream" in request.headers.get("accept", ""):
        cursor = cursor_read(last_event_id)
        standing = await gateway.uploads.standing(caller, upload_id)
        stream = gateway.progress.upload(caller, standing, cursor)
        return progress_stream(request, gateway, caller, stream)
    return JSONResponse(_told(await gateway.uploads.standing(caller, upload_id)))


@router.patch("/v1/uploads/{upload_id}", status_code=204, openapi_extra=PART_BODY)
async def continue_upload(
    upload_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    upload_offset: UploadOffset = "",
    upload_checksum: UploadChecksum = "",
    tus_resumable: TusVersion = "",
) -> Response:
    """Go on with an upload; with the last byte its document is on the log."""
    _check_version(tus_resumable)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PART_TYPE:
        raise Problem(415, "bad-media-type", f"a part of an upload is sent as {PART_TYPE}")
    if not NUMBER.fullmatch(upload_offset):
        raise Problem(
            400, "bad-upload-offset", "Upload-Offset is no number of bytes: ask for it with HEAD"
        )
    expected = _checksum(upload_checksum)
    with gateway.uploading.hold(caller.tenant, caller.key):
        standing = await _taken(request, gateway, caller, (upload_id, int(upload_offset)), expected)
    if standing.upload.is_done:
        name_after(request, standing.identity.request)
    return Response(status_code=204, headers=_progress(standing))


@router.delete("/v1/uploads/{upload_id}", status_code=204)
async def end_upload(
    upload_id: str, gateway: TheGateway, caller: TheCaller, tus_resumable: TusVersion = ""
) -> Response:
    """End an upload: what has arrived is deleted. A document that it became stays."""
    _check_version(tus_resumable)
    await gateway.uploads.delete(caller, upload_id)
    return Response(status_code=204)


@router.post("/v1/uploads/{upload_id}", status_code=204, openapi_extra=PART_BODY)
async def overridden(
    upload_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    method: Annotated[
        str, Header(alias="X-HTTP-Method-Override", description="PATCH or DELETE.")
    ] = "",
    upload_offset: UploadOffset = "",
    upload_checksum: UploadChecksum = "",
    tus_resumable: TusVersion = "",
) -> Response:
    """Do what the header names: for clients behind a proxy that lets neither method through."""
    match method.strip().upper():
        case "PATCH":
            return await continue_upload(
                upload_id, request, gateway, caller, upload_offset, upload_checksum, tus_resumable
            )
        case "DELETE":
            return await end_upload(upload_id, gateway, caller, tus_resumable)
    raise Problem(
        405,
        "method-not-allowed",
        "an upload goes on by PATCH, or by POST with X-HTTP-Method-Override: PATCH",
        headers={"Allow": "DELETE, GET, HEAD, PATCH, POST"},
    )


# ---------------------------------------------------------------------- a part


async def _taken(
    request: Request,
    gateway: Gateway,
    caller: Caller,
    where: tuple[str, int],
    expected: tuple[str, bytes] | None,
) -> UploadStanding:
    """Take a part in, and the document with the last one; raises Problem."""
    uploads, (upload_id, offset) = gateway.uploads, where
    with (
        uploads.alone(caller, upload_id),
        gateway.admission.body(caller.tenant, caller.key) as count,
    ):
        with refusing_the_rest():
            standing = await uploads.standing(caller, upload_id)
            standing.check_offset(offset)
            count(HELD_BYTES)
            left = standing.upload.note.length - standing.offset
            body = arriving(request, left, gateway.bounds.pace)
            if expected is None:
                await uploads.take(standing, body)
            else:
                count(CHECKED_BYTES)
                with room_on_disk(), SpooledFiles(gateway.settings.run) as spool:
                    await uploads.take(standing, _checked(body, spool, expected))
        standing = await uploads.standing(caller, upload_id)
        if standing.is_whole and not standing.upload.is_done:
            count(standing.upload.note.length)
            standing = await uploads.submit(caller, standing, trace_of(request))
    return standing


async def _checked(
    body: AsyncIterator[bytes], spool: SpooledFiles, expected: tuple[str, bytes]
) -> AsyncIterator[bytes]:
    """Yield a body once all of it has come and is what its checksum says; raises Problem."""
    algorithm, checksum = expected
    digest = hashlib.new(algorithm, usedforsecurity=False)
    async for content in body:
        digest.update(content)
        spool.add(content)
        spool.flush()
    file = spool.end()
    if digest.digest() != checksum:
        raise Problem(
            460, "checksum-mismatch", "these bytes are not what their Upload-Checksum says: again"
        )
    for frame in spool.frames_of(file):
        yield frame


# ---------------------------------------------------------------------- headers


def _spoken(gateway: Gateway) -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(gateway.uploads.document_bytes_max),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def _check_version(version: str) -> None:
    if version != VERSION:
        raise Problem(
            412,
            "bad-tus-version",
            f"send Tus-Resumable: {VERSION}, the version of the protocol that is spoken here",
            headers={"Tus-Version": VERSION},
        )


def _ends(upload: KnownUpload) -> dict[str, str]:
    ends = datetime.fromtimestamp(upload.ends_s, UTC)
    return {"Upload-Expires": format_datetime(ends, usegmt=True)}


def _progress(standing: UploadStanding) -> dict[str, str]:
    return {"Upload-Offset": str(standing.offset), **_ends(standing.upload)}


def _told(standing: UploadStanding) -> dict[str, Any]:
    upload = standing.upload
    return {
        "upload_id": upload.id,
        "offset": standing.offset,
        "length": upload.note.length,
        "uri": upload.note.uri,
        "ends_at": datetime.fromtimestamp(upload.ends_s, UTC).isoformat(),
        "status": "submitted" if upload.is_done else "open",
        "document_id": standing.identity.session,
        "request_id": standing.identity.request,
    }


def _metadata(header: str) -> dict[str, str]:
    """Read what describes a document: names with base64 values; raises Problem."""
    told: dict[str, str] = {}
    if len(header) > limits.UPLOAD_METADATA_MAX:
        raise _bad_metadata(f"it has more than {limits.UPLOAD_METADATA_MAX} characters")
    for pair in header.split(",") if header.strip() else ():
        name, _, spelt = pair.strip().partition(" ")
        if not name or name in told:
            raise _bad_metadata("a name is empty, or there twice")
        try:
            told[name] = base64.b64decode(spelt.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _bad_metadata("a value is no base64 of UTF-8") from None
    return told


def _bad_metadata(why: str) -> Problem:
    return Problem(
        400,
        "bad-upload-metadata",
        f"Upload-Metadata can't be read ({why}): send `name base64` pairs with commas between",
    )


def _description(told: Mapping[str, str], caller: Caller) -> FileDescription:
    """Return what describes the document; names that mean nothing here are left out."""
    fields: dict[str, Any] = {}
    for name in FileDescription.model_fields.keys() & told.keys():
        fields[name] = told[name]
        if name in JSON_FIELDS:
            try:
                fields[name] = orjson.loads(told[name])
            except orjson.JSONDecodeError:
                raise _bad_metadata(f"the value of {name} is no JSON") from None
    return held_to(fields, FileDescription, caller)


def _first(told: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((told[name] for name in names if name in told), "")


def _checksum(header: str) -> tuple[str, bytes] | None:
    """Read which digest a part has by which algorithm; None without one. Raises Problem."""
    if not header:
        return None
    algorithm, _, spelt = header.partition(" ")
    try:
        digest = base64.b64decode(spelt.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in ALGORITHMS or not digest:
        raise Problem(
            400,
            "bad-upload-checksum",
            f"Upload-Checksum can't be read: send one of {', '.join(ALGORITHMS)}, a space and the "
            "digest in base64",
        )
    return algorithm, digest
