"""The upload store: what has arrived of resumable uploads, sealed, for any gateway to go on with.

    open/<tenant>/<subject>/<upload>/upload        what was told of it, and its key, sealed
    open/<tenant>/<subject>/<upload>/<offset>      a part, from that byte on
    done/<tenant>/<subject>/<upload>               the same, and which request it became

Why it is so: a part is put under its offset where nothing lies, so of two writers at one place one
is refused, on whichever gateways they are, with no lock that somebody could die with; and what was
put is never changed. Parts are sealed with AES-SIV, which may meet the same place twice (of a
write that broke off), under a key of the upload's own; that one is sealed under the key of who
uploads, so nobody else's opens it, and nothing does once they were erased.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from agents.errors import Permanent
from connectors.object_store import ObjectStore
from edge.requests.building import Seals
from schemas import Sealed
from schemas.prepared_types import prepared

PART_BYTES = 1_048_576
"""Of the largest part: what one upload under way holds in memory."""
PARTS_MAX = 1_000
"""Of one upload, beyond those that its size asks for: each request may leave a small one."""
SEALED_MORE = 16
"""Bytes that a sealed part has more: AES-SIV's initialisation vector."""
UPLOAD_ID = re.compile(r"[0-9a-f]{10}-[0-9a-f]{48}")
"""When it ends, in seconds since 1970, and what nobody guesses."""
SWEPT_AFTER_S = 3_600.0
"""How long after its end an upload is deleted: a last request may still be running."""
NOTE, OPEN, DONE = "upload", "open", "done"


class UploadNote(msgspec.Struct, frozen=True):
    """What was told of a document when its upload began."""

    length: int
    """Bytes that it will have."""
    uri: str
    media_type: str
    title: str = ""
    metadata: dict[str, str] = {}
    groups: tuple[str, ...] = ()
    chunk_policy: str = ""


class UploadBegun(Exception):
    """Parts are not where they were: somebody else goes on with the upload."""


class StoredUpload(msgspec.Struct, frozen=True):
    """An upload as it is stored."""

    key: bytes
    """The upload's own key, sealed."""
    claim: str
    note: bytes
    """Sealed under that key."""
    document: str = ""
    request: str = ""
    """Which document and request it became; empty while it is open."""


prepared(StoredUpload, UploadNote)


@dataclass(frozen=True)
class KnownUpload:
    """An upload, opened by who uploads."""

    id: str
    tenant: str
    subject: str
    note: UploadNote
    cipher: AESSIV
    stored: StoredUpload

    @property
    def is_done(self) -> bool:
        """Whether its document is on the log."""
        return bool(self.stored.request)

    @property
    def ends_s(self) -> int:
        """When it can be gone on with no more."""
        return ends_s_of(self.id)


@dataclass(frozen=True)
class StoredPart:
    """A part of an upload: bytes from an offset on."""

    offset: int
    size: int


def new_id(ends_s: float, token: str = "") -> str:
    """Make the id of an upload that ends at a time; `token` is 48 hexadecimal digits."""
    return f"{int(ends_s):010x}-{token or secrets.token_hex(24)}"


def ends_s_of(upload: str) -> int:
    """Return when an upload ends."""
    return int(upload.partition("-")[0], 16)


class UploadStore:
    """Keeps uploads; any thread may call. Methods may raise Transient, and KeyDestroyed."""

    def __init__(self, objects: ObjectStore, keyring: Seals) -> None:
        self._objects = objects
        self._keyring = keyring

    # ------------------------------------------------------------------ one upload

    def begin(self, tenant: str, subject: str, upload: str, note: UploadNote) -> bool:
        """Begin an upload; False where there is one of this id already."""
        key = AESSIV.generate_key(512)
        sealed = self._keyring.seal(tenant, f"user/{subject}", upload, NOTE, key)
        told = AESSIV(key).encrypt(msgspec.json.encode(note), _bound(tenant, subject, upload, NOTE))
        stored = StoredUpload(sealed.ciphertext, sealed.claim, told)
        name = f"{_folder(OPEN, tenant, subject)}/{upload}/{NOTE}"
        return self._objects.put(name, msgspec.msgpack.encode(stored), fresh=True)

    def find(self, tenant: str, subject: str, upload: str) -> KnownUpload | None:
        """Open an upload of somebody; None where there is none that their key opens."""
        if not UPLOAD_ID.fullmatch(upload):
            return None
        content = self._objects.get(f"{_folder(DONE, tenant, subject)}/{upload}")
        if content is None:
            content = self._objects.get(f"{_folder(OPEN, tenant, subject)}/{upload}/{NOTE}")
        if content is None:
            return None
        try:
            stored = msgspec.msgpack.decode(content, type=StoredUpload)
            sealed = Sealed(
                key=f"user/{subject}",
                event=upload,
                field=NOTE,
                ciphertext=stored.key,
                claim=stored.claim,
            )
            cipher = AESSIV(self._keyring.unseal(tenant, sealed))
            told = cipher.decrypt(stored.note, _bound(tenant, subject, upload, NOTE))
            note = msgspec.json.decode(told, type=UploadNote)
        except (msgspec.DecodeError, InvalidTag, ValueError):
            raise Permanent(
                f"upload {upload} was changed where it lies: begin another one"
            ) from None
        return KnownUpload(upload, tenant, subject, note, cipher, stored)

    def parts(self, upload: KnownUpload) -> list[StoredPart]:
        """List what has arrived, without a gap, from the first byte on."""
        sizes = self._objects.sizes(_parts_of(upload))
        parts, end = [], 0
        while (sealed := sizes.get(_part_name(end))) is not None:
            parts.append(StoredPart(end, sealed - SEALED_MORE))
            end += sealed - SEALED_MORE
        return parts

    def append(self, upload: KnownUpload, offset: int, content: bytes) -> None:
        """Put a part where the last one ended; raises UploadBegun where one lies there.

        Or where the upload was ended meanwhile, by which the place became free.
        """
        sealed = upload.cipher.encrypt(content, _bound_part(upload, offset))
        name = f"{_parts_of(upload)}/{_part_name(offset)}"
        if not self._objects.put(name, sealed, fresh=True):
            raise UploadBegun
        if self._objects.get(f"{_parts_of(upload)}/{NOTE}") is None:
            self._objects.delete(name)
            raise UploadBegun

    def content(self, upload: KnownUpload) -> bytes:
        """Put a whole upload together; raises Permanent where a part is not what was put."""
        content = b"".join(self._opened(upload))
        if len(content) != upload.note.length:
            raise Permanent(
                f"{len(content)} bytes of upload {upload.id} are left of {upload.note.length}: "
                "begin another one"
            )
        return content

    def _opened(self, upload: KnownUpload) -> Iterator[bytes]:
        for part in self.parts(upload):
            sealed = self._objects.get(f"{_parts_of(upload)}/{_part_name(part.offset)}")
            try:
                yield upload.cipher.decrypt(sealed or b"", _bound_part(upload, part.offset))
            except (InvalidTag, ValueError):
                raise Permanent(
                    f"a part of upload {upload.id} was changed where it lies: begin another one"
                ) from None

    def finish(self, upload: KnownUpload, document: str, request: str) -> None:
        """Note what an upload became, and delete its parts.

        In this order: after a crash in between, the next who asks finds what it became, and who
        still writes finds that it has ended.
        """
        stored = msgspec.structs.replace(upload.stored, document=document, request=request)
        name = f"{_folder(DONE, upload.tenant, upload.subject)}/{upload.id}"
        self._objects.put(name, msgspec.msgpack.encode(stored))
        self._delete_parts(upload)

    def drop(self, upload: KnownUpload) -> None:
        """Delete an upload and what has arrived of it."""
        self._objects.delete(f"{_folder(DONE, upload.tenant, upload.subject)}/{upload.id}")
        self._delete_parts(upload)

    def _delete_parts(self, upload: KnownUpload) -> None:
        self._objects.delete(f"{_parts_of(upload)}/{NOTE}")
        self._objects.delete_folder(_parts_of(upload))

    # ------------------------------------------------------------------ all of them

    def named(self, tenant: str, subject: str, token: str) -> str:
        """Return the newest id of an upload of somebody with a token; empty for none."""
        uploads = self._objects.folders(_folder(OPEN, tenant, subject))
        ids = [*uploads, *self._objects.sizes(_folder(DONE, tenant, subject))]
        return max((one for one in ids if one.endswith(f"-{token}")), default="")

    def open_of(self, tenant: str, now_s: float) -> dict[str, int]:
        """Count a tenant's uploads that can be gone on with, by who uploads."""
        return {
            subject: sum(
                not _is_over(upload, now_s)
                for upload in self._objects.folders(_folder(OPEN, tenant, subject))
            )
            for subject in self._objects.folders(f"{OPEN}/{tenant}")
        }

    def sweep(self, now_s: float) -> int:
        """Delete uploads whose end is past; tells how many."""
        swept, before_s = 0, now_s - SWEPT_AFTER_S
        for kind in (OPEN, DONE):
            for tenant in self._objects.folders(kind):
                for subject in self._objects.folders(f"{kind}/{tenant}"):
                    swept += self._sweep(kind, _folder(kind, tenant, subject), before_s)
        return swept

    def _sweep(self, kind: str, folder: str, before_s: float) -> int:
        found = self._objects.folders(folder) if kind == OPEN else self._objects.sizes(folder)
        over = [upload for upload in found if _is_over(upload, before_s)]
        for upload in over:
            if kind == OPEN:
                self._objects.delete_folder(f"{folder}/{upload}")
            else:
                self._objects.delete(f"{folder}/{upload}")
        return len(over)


def _is_over(upload: str, now_s: float) -> bool:
    """Tell whether an upload has ended; what is called otherwise is none of ours."""
    return UPLOAD_ID.fullmatch(upload) is not None and ends_s_of(upload) <= now_s


def _folder(kind: str, tenant: str, subject: str) -> str:
    return f"{kind}/{tenant}/{subject}"


def _parts_of(upload: KnownUpload) -> str:
    return f"{_folder(OPEN, upload.tenant, upload.subject)}/{upload.id}"


def _part_name(offset: int) -> str:
    return f"{offset:015d}"


def _bound(tenant: str, subject: str, upload: str, what: str) -> list[bytes]:
    return [tenant.encode(), subject.encode(), upload.encode(), what.encode()]


def _bound_part(upload: KnownUpload, offset: int) -> list[bytes]:
    return _bound(upload.tenant, upload.subject, upload.id, _part_name(offset))
