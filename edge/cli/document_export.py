"""Document export: read a document back from the log, and say who saw it before anybody does."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Protocol

import click
from confluent_kafka import Consumer

from edge.answering.restored_document import (
    DocumentRecords,
    RestoredText,
    parts_of,
    restored_text,
)
from edge.callers.access import may_read, revealed
from edge.callers.caller import Caller
from edge.callers.read_policy import is_readable
from edge.requests.building import Seals
from edge.requests.identity import Identities, Identity, stamp
from edge.requests.policy_followed import PolicyFollowed
from schemas import ChunksRedacted, DescribedDocument, DocumentRef, MapEntry, TextRestored
from streams.log.addressing import RecordAddress, address_of
from streams.log.codec import Codec, Undecodable
from streams.log.offsets import extent_of
from streams.log.reading import records
from streams.log.writing import Headers, Position
from streams.topics import topic_of

EDGE = "export"
CHUNKS = topic_of(ChunksRedacted)


class WritesRecords(Protocol):
    """What an export needs of a writer."""

    def write_all(
        self, entries: Iterable[tuple[str, int, bytes | None, bytes | None, Headers]]
    ) -> list[Position]:
        """Write records and wait until the broker has them all."""


class DocumentExport:
    """Hands documents out to whom the policy lets see them."""

    def __init__(
        self,
        codec: Codec,
        consumer: Consumer,
        writer: WritesRecords,
        keyring: Seals,
        identities: Identities,
        policy: PolicyFollowed | None = None,
    ) -> None:
        """Take what reads, opens and writes, and the policy on what may be read and restored."""
        self._policy = policy
        self._codec = codec
        self._consumer = consumer
        self._writer = writer
        self._keyring = keyring
        self._identities = identities

    def export(
        self, caller: Caller, document: str, reason: str
    ) -> tuple[DocumentRecords, RestoredText]:
        """Restore the newest version of a document, and write down who sees what of it.

        Raises click.ClickException for a document that this caller may not know of, and what
        clients of the broker raise; then nothing was handed out.
        """
        identity = self._identities.of_known_document(caller.tenant, document)
        read = self._read(identity)
        ref = read.document
        if ref is None or not self._may_read(caller, ref):
            raise click.ClickException(
                f"no document {document!r} that is whole and that this key may read in tenant "
                f"{caller.tenant}: `GET /v1/documents` lists them by id"
            )

        def reveal(entries: Iterable[MapEntry]) -> dict[str, str]:
            return revealed(self._keyring, caller, entries, self._policy)

        text = restored_text(read.in_order(), reveal)
        self._write(
            [
                TextRestored(
                    meta=stamp(EDGE, identity, record=f"{identity.request}-{batch.number}"),
                    document=ref.document,
                    version=ref.version,
                    subject=caller.subject,
                    key=caller.key,
                    kinds=tuple(sorted({entry.kind for entry in text.shown})),
                    digests=digests,
                    batch=batch,
                    reason=reason,
                )
                for batch, digests in parts_of(text.shown)
            ]
        )
        return read, text

    def _may_read(self, caller: Caller, ref: DocumentRef) -> bool:
        described = DescribedDocument(
            document=ref.document, uri=ref.uri, metadata=ref.metadata, groups=ref.groups
        )
        return may_read(caller, ref.groups) and is_readable(self._policy, caller, described)

    def _read(self, identity: Identity) -> DocumentRecords:
        """Take in what redaction wrote of a document."""
        taken = DocumentRecords()
        extent = extent_of(self._consumer, CHUNKS, identity.lane)
        with closing(records(self._consumer, [extent])) as messages:
            for message in messages:
                if message.key() != identity.tenant.encode():
                    continue
                try:
                    event = self._codec.decode(message.value(), ChunksRedacted)
                except Undecodable:
                    continue  # `playhead replay verify` names it
                mine = event.meta.tenant == identity.tenant
                if mine and event.document.document == identity.session:
                    taken.take(event)
        return taken

    def _write(self, said: Iterable[TextRestored]) -> None:
        places: list[tuple[RecordAddress, bytes]] = [
            (address_of(one), self._codec.encode(one)) for one in said
        ]
        self._writer.write_all((*place[:3], value, place.headers) for place, value in places)
