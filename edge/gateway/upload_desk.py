"""The upload desk: documents that arrive in parts, over several requests and any gateways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agents.errors import KeyDestroyed, Permanent
from connectors.object_store import ObjectStore
from edge.callers.caller import Caller
from edge.gateway.reception import Reception
from edge.gateway.records_out import as_problems
from edge.listening.known_requests import KnownRequests
from edge.problems import Problem, Quota, not_found, too_many
from edge.requests import limits
from edge.requests.building import Seals
from edge.requests.identity import Identity
from edge.requests.new_document import NewDocument
from edge.uploading.upload_store import (
    PART_BYTES,
    PARTS_MAX,
    UPLOAD_ID,
    KnownUpload,
    UploadBegun,
    UploadNote,
    UploadStore,
    ends_s_of,
    new_id,
)
from streams.watching.logs import logger

log = logger("gateway")


@dataclass(frozen=True)
class UploadStanding:
    """How far an upload is."""

    upload: KnownUpload
    offset: int
    """Bytes that have arrived."""
    parts: int
    """Of how many parts these are."""
    identity: Identity
    """Of the request that it becomes, or became."""

    @property
    def is_whole(self) -> bool:
        """Whether all has arrived."""
        return self.offset == self.upload.note.length

    def check_offset(self, offset: int) -> None:
        """Raise Problem for bytes that don't go where these end."""
        if offset != self.offset:
            raise Problem(
                409,
                "wrong-offset",
                f"{self.offset} bytes have arrived, not {offset}: go on from there",
            )


class UploadDesk:
    """Takes uploads in; lives on one event loop."""

    def __init__(
        self,
        objects: ObjectStore,
        keyring: Seals,
        reception: Reception,
        requests: KnownRequests,
        kept_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = UploadStore(objects, keyring)
        self._keyring = keyring
        self._reception = reception
        self._requests = requests
        self._kept_s = kept_s
        self._clock = clock
        self._busy: set[tuple[str, str, str]] = set()

    @property
    def document_bytes_max(self) -> int:
        """Bytes of the largest upload."""
        return self._reception.build.document_bytes_max

    # ------------------------------------------------------------------ one upload

    async def begin(
        self, caller: Caller, document: NewDocument, length: int, key: str, told: bytes
    ) -> KnownUpload:
        """Begin an upload, once for each idempotency key; raises Problem.

        `told` is what the client sent, by which a repeat is known.
        """
        self._reception.check_document(caller, document, length)
        note = UploadNote(
            length=length,
            uri=document.uri,
            media_type=document.media_type,
            title=document.title,
            metadata=dict(document.metadata),
            groups=tuple(document.groups),
            chunk_policy=document.chunk_policy,
        )
        async with self._reception.once(caller, key, told) as turn:
            with as_problems():
                upload = await asyncio.to_thread(self._begin, caller, note, turn.fingerprint)
                return await self._found(caller, upload)

    def _begin(self, caller: Caller, note: UploadNote, fingerprint: str) -> str:
        now_s, token = self._clock(), ""
        if fingerprint:
            mark = f"upload|{fingerprint}".encode()
            token = self._keyring.digest(caller.tenant, mark)[:48]
            before = self._store.named(caller.tenant, caller.subject, token)
            if before and ends_s_of(before) > now_s:
                return before
        self._hold_to_shares(caller, now_s)
        upload = new_id(now_s + self._kept_s, token)
        self._store.begin(caller.tenant, caller.subject, upload, note)
        return upload

    def _hold_to_shares(self, caller: Caller, now_s: float) -> None:
        counts = self._store.open_of(caller.tenant, now_s)
        for whose, count, most in (
            ("user", counts.get(caller.subject, 0), limits.UPLOADS_OF_USER),
            ("tenant", sum(counts.values()), limits.UPLOADS_OF_TENANT),
        ):
            if count >= most:
                what = f"this {whose} has {count} uploads that are not whole: end or delete some"
                raise too_many(what, 60, Quota(f"{whose}-uploads", most))

    async def standing(self, caller: Caller, upload_id: str) -> UploadStanding:
        """Tell how far an upload of the caller's is; raises Problem."""
        upload = await self._found(caller, upload_id)
        offset, count = upload.note.length, 0
        if not upload.is_done:
            with as_problems():
                parts = await asyncio.to_thread(self._store.parts, upload)
            offset, count = sum(part.size for part in parts), len(parts)
        return UploadStanding(upload, offset, count, self._identity(caller, upload))

    async def settled(self, caller: Caller, upload_id: str, trace: str) -> UploadStanding:
        """Tell the same; a whole one that is not on the log is put there first. Raises Problem.

        Who is told that all has arrived takes that for the end.
        """
        standing = await self.standing(caller, upload_id)
        if not standing.is_whole or standing.upload.is_done:
            return standing
        with self.alone(caller, upload_id):
            return await self.submit(caller, standing, trace)

    @contextmanager
    def alone(self, caller: Caller, upload_id: str) -> Iterator[None]:
        """Hold an upload of a caller's, as one at a time may on this gateway; raises Problem.

        Of two on different gateways, the second to store a part is refused.
        """
        whose = caller.tenant, caller.subject, upload_id
        if whose in self._busy:
            raise Problem(
                423,
                "upload-busy",
                "another request goes on with this upload: wait for its end, then ask for the "
                "offset",
                retryable=True,
            )
        self._busy.add(whose)
        try:
            yield
        finally:
            self._busy.discard(whose)

    async def take(self, standing: UploadStanding, body: AsyncIterator[bytes]) -> None:
        """Store a body as it arrives; raises Problem. What came before one broke off stays."""
        writer = _PartWriter(self._store, standing)
        arriving = aiter(body)
        while True:
            try:
                content = await anext(arriving, None)
            except Exception:
                await writer.write_rest()
                raise
            if content is None:
                break
            writer.add(content)
            while writer.has_part:
                await writer.write()
        await writer.write_rest()

    async def submit(self, caller: Caller, standing: UploadStanding, trace: str) -> UploadStanding:
        """Put a whole upload on the log, once; raises Problem.

        Of two gateways that do so at once, each writes the same record, which counts once.
        """
        upload, identity = standing.upload, standing.identity
        if self._requests.find(identity.whose) is None:
            content = await self._content(upload)
            if content is None:  # another gateway was faster
                return await self.standing(caller, upload.id)
            document = _document_of(upload.note, content)
            await self._reception.submit(caller, identity, document, trace)
        with as_problems():
            await asyncio.to_thread(self._store.finish, upload, identity.session, identity.request)
        return await self.standing(caller, upload.id)

    async def delete(self, caller: Caller, upload_id: str) -> None:
        """End an upload, and delete what has arrived of it; its document stays. Raises Problem."""
        upload = await self._found(caller, upload_id)
        with self.alone(caller, upload_id), as_problems():
            await asyncio.to_thread(self._store.drop, upload)

    def sweep(self) -> None:
        """Delete uploads whose end is past; may be called on any thread."""
        try:
            swept = self._store.sweep(self._clock())
        except Exception as error:  # noqa: BLE001 - what is tidied beside it goes on
            log.warning("ended uploads are not deleted", reason=str(error)[:200])
            return
        if swept:
            log.info("ended uploads were deleted", uploads=swept)

    # ------------------------------------------------------------------ parts of these

    async def _found(self, caller: Caller, upload_id: str) -> KnownUpload:
        unknown = not_found(f"no upload {upload_id[: limits.ID_MAX]!r} of this user")
        if not UPLOAD_ID.fullmatch(upload_id):
            raise unknown
        if ends_s_of(upload_id) <= self._clock():
            raise Problem(410, "upload-ended", "the time of this upload is over: begin another one")
        with as_problems():
            try:
                upload = await asyncio.to_thread(
                    self._store.find, caller.tenant, caller.subject, upload_id
                )
            except KeyDestroyed:
                raise
            except Permanent as error:
                log.warning("an upload can't be opened", reason=str(error))
                raise unknown from None
        if upload is None:
            raise unknown
        return upload

    async def _content(self, upload: KnownUpload) -> bytes | None:
        """Return a whole upload; None where it is done by now. Raises Problem."""

        def content() -> bytes | None:
            try:
                return self._store.content(upload)
            except Permanent:
                again = self._store.find(upload.tenant, upload.subject, upload.id)
                if again is not None and again.is_done:
                    return None
                raise

        with as_problems():
            try:
                return await asyncio.to_thread(content)
            except KeyDestroyed:
                raise
            except Permanent as error:
                raise Problem(410, "upload-changed", str(error)) from None

    def _identity(self, caller: Caller, upload: KnownUpload) -> Identity:
        return self._reception.identify_document(
            caller, upload.note.uri, f"{caller.subject}|upload|{upload.id}"
        )


def _document_of(note: UploadNote, content: bytes) -> NewDocument:
    return NewDocument(
        uri=note.uri,
        content=content,
        media_type=note.media_type,
        title=note.title,
        metadata=note.metadata,
        groups=note.groups,
        chunk_policy=note.chunk_policy,
    )


class _PartWriter:
    """Gathers what arrives into parts, and stores them one after the other."""

    def __init__(self, store: UploadStore, standing: UploadStanding) -> None:
        self._store, self._upload = store, standing.upload
        self._offset, self._parts = standing.offset, standing.parts
        self._parts_max = PARTS_MAX + self._upload.note.length // PART_BYTES
        self._waiting = bytearray()

    @property
    def has_part(self) -> bool:
        """Whether as much waits as a part may have."""
        return len(self._waiting) >= PART_BYTES

    def add(self, content: bytes) -> None:
        """Take what arrived; raises Problem where it is more than was said."""
        length = self._upload.note.length
        if self._offset + len(self._waiting) + len(content) > length:
            raise Problem(
                413,
                "too-large",
                f"the upload was said to have {length} bytes, and more came: begin another one",
            )
        self._waiting += content

    async def write(self) -> None:
        """Store a part; raises Problem where somebody else has stored one there."""
        if self._parts == self._parts_max:
            raise Problem(
                422,
                "too-many-parts",
                f"the upload came in {self._parts} parts: begin another one, and send at least "
                f"{PART_BYTES} bytes at once",
            )
        part = bytes(self._waiting[:PART_BYTES])
        with as_problems():
            try:
                await asyncio.to_thread(self._store.append, self._upload, self._offset, part)
            except UploadBegun:
                raise Problem(
                    409,
                    "upload-busy",
                    "another request goes on with this upload: ask for its offset, and go on "
                    "from there",
                    retryable=True,
                ) from None
        del self._waiting[: len(part)]
        self._offset += len(part)
        self._parts += 1

    async def write_rest(self) -> None:
        """Store what is less than a part."""
        if self._waiting:
            await self.write()
