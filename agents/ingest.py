"""Ingest: parse a document and cut it into chunks; or withdraw it.

A document comes in versions. The same bytes, title, metadata, groups and policy as the version in
force are no new version: the outcome is "unchanged". Of a changed document only the chunks that the
version in force lacks are put out; the manifest on the last batch says which are kept and which
retire. A failed submission leaves the version in force as it is.

Why it is so: batches are kept small (`batch_chunks_max`), because each record of `embed` answers
one of them, and vectors make it many times larger. A manifest of many chunks travels on a batch of
its own for the same reason.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from agents.chunking import Chunk, Cutting, Policy, chunk_ids
from agents.effects import Effects
from schemas import (
    Batch,
    ChunksCut,
    CountTokens,
    CutChunk,
    Digest,
    DocumentRef,
    DocumentState,
    DocumentSubmitted,
    DocumentWithdrawn,
    Manifest,
    Parse,
    ReadDocument,
    Seal,
    Sealed,
    SealItem,
    Unseal,
    WriteDocument,
)

TITLE_CHARS_MAX = 300  # a title is a line; what is longer is cut, and stands in the text as well
MANIFEST_IDS_BESIDE_CHUNKS_MAX = 1_000  # 40 kB of ids: what fits beside a batch of vectors
ONLY_BATCH = Batch(number=0, last=True)


async def ingest(
    event: DocumentSubmitted | DocumentWithdrawn, fx: Effects
) -> AsyncIterator[ChunksCut]:
    """Cut what was submitted; say so where there is nothing to cut."""
    state = await fx(ReadDocument(document=event.document))
    outcomes = (
        withdraw(event, state, fx)
        if isinstance(event, DocumentWithdrawn)
        else submit(event, state, fx)
    )
    async for outcome in outcomes:
        yield outcome


async def withdraw(
    event: DocumentWithdrawn, state: DocumentState, fx: Effects
) -> AsyncIterator[ChunksCut]:
    """Mark a document as withdrawn; withdrawing it twice is no error."""
    if state.ref is None:
        yield failed(
            DocumentRef(document=event.document, version=0, uri=""),
            "no such document was ever ingested, so there is nothing to withdraw: check its id",
        )
        return
    if not state.withdrawn:
        gone = replace(state, withdrawn=True)
        await fx(WriteDocument(document=event.document, state=gone))
    yield ChunksCut(document=state.ref, batch=ONLY_BATCH, outcome="withdrawn")


async def submit(
    event: DocumentSubmitted, state: DocumentState, fx: Effects
) -> AsyncIterator[ChunksCut]:
    """Parse, cut, and put out what is new."""
    ref = DocumentRef(
        document=event.document,
        version=state.version,
        uri=event.uri,
        media_type=event.media_type,
        metadata=event.metadata,
        groups=event.groups,
    )
    configuration = fx.configuration
    policies: dict[str, Any] = configuration["policies"]
    if event.chunk_policy not in policies:
        yield failed(ref, f"no such chunk policy: choose one of {', '.join(sorted(policies))}")
        return
    sealed = (event.content,) if event.title is None else (event.content, event.title)
    content, *titles = (await fx(Unseal(values=sealed))).values
    if len(content) > (bytes_max := configuration["bytes_max"]):
        yield failed(
            ref,
            f"the document has {len(content)} bytes, more than the {bytes_max} allowed: "
            "split it, or raise bytes_max in the configuration of ingest",
        )
        return
    title = one_line(titles[0].decode("utf-8", errors="replace")) if titles else ""
    policy = policies[event.chunk_policy]
    shape = shape_of(event, title, policy)
    checksum, shape_digest = (await fx(Digest(values=(content, shape)))).digests
    in_force = None if state.withdrawn or state.ref is None else state
    same_shape = in_force is not None and in_force.title_digest == shape_digest
    if in_force is not None and same_shape and in_force.checksum == checksum:
        assert in_force.ref is not None
        yield ChunksCut(document=in_force.ref, batch=ONLY_BATCH, outcome="unchanged")
        return

    parsed = await fx(Parse(media_type=event.media_type, content=content))
    if parsed.error:
        yield failed(ref, parsed.error)
        return
    title = title or one_line(parsed.title)
    cutting = Cutting.begin(title, parsed.blocks, Policy.read(policy))
    while unmeasured := cutting.unmeasured:
        cutting = cutting.measured((await fx(CountTokens(texts=unmeasured))).counts)
    chunks = cutting.chunks()
    if not chunks:
        yield failed(ref, "the document holds no text: submit one that does")
        return
    if len(chunks) > (chunks_max := configuration["chunks_max"]):
        yield failed(
            ref,
            f"the document would be {len(chunks)} chunks, more than the {chunks_max} allowed: "
            "split it, or raise chunks_max in the configuration of ingest",
        )
        return
    digests = (await fx(Digest(values=tuple(chunk.text.encode() for chunk in chunks)))).digests
    ids = chunk_ids(event.meta.tenant, event.document, digests)

    before = () if in_force is None else in_force.chunks
    keepable = frozenset(before if same_shape else ())
    manifest = Manifest(
        checksum=checksum,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        policy=event.chunk_policy,
        chunks=ids,
        kept=tuple(one for one in ids if one in keepable),
        retired=tuple(one for one in before if one not in frozenset(ids)),
    )
    ref = DocumentRef(
        document=event.document,
        version=state.version + 1,
        uri=event.uri,
        media_type=event.media_type,
        metadata=event.metadata,
        groups=event.groups,
    )
    new = [
        NewChunk(number, one, chunk)
        for number, (one, chunk) in enumerate(zip(ids, chunks, strict=True))
        if one not in keepable
    ]
    full = list(batches(new, configuration["batch_chunks_max"], configuration["batch_bytes_max"]))
    listed = len(manifest.chunks) + len(manifest.kept) + len(manifest.retired)
    if not full or listed > MANIFEST_IDS_BESIDE_CHUNKS_MAX:
        full.append(())
    for number, batch in enumerate(full):
        last = number == len(full) - 1
        sealed_title, cut = await seal(event, title, batch, fx)
        if last:
            newest = DocumentState(
                version=ref.version,
                checksum=checksum,
                title_digest=shape_digest,
                policy=event.chunk_policy,
                chunks=ids,
                ref=ref,
            )
            await fx(WriteDocument(document=event.document, state=newest))
        yield ChunksCut(
            document=ref,
            batch=Batch(number=number, last=last),
            outcome="cut",
            title=sealed_title,
            chunks=cut,
            manifest=manifest if last else None,
        )


@dataclass(frozen=True)
class NewChunk:
    """A chunk that the version in force does not have."""

    number: int
    id: str
    chunk: Chunk


async def seal(
    event: DocumentSubmitted, title: str, batch: Sequence[NewChunk], fx: Effects
) -> tuple[Sealed | None, tuple[CutChunk, ...]]:
    """Seal a batch under the document's key, bound to the event and to each chunk's number."""
    texts = [(f"chunk/{new.number}", new.chunk.text) for new in batch]
    if title:
        texts.insert(0, ("title", title))
    if not texts:
        return None, ()
    key = f"document/{event.document}"
    items = tuple(
        SealItem(key=key, event=event.meta.id, field=field, value=text.encode())
        for field, text in texts
    )
    values = list((await fx(Seal(values=items))).values)
    sealed_title = values.pop(0) if title else None
    return sealed_title, tuple(
        CutChunk(id=new.id, number=new.number, text=text, tokens=new.chunk.tokens)
        for new, text in zip(batch, values, strict=True)
    )


def batches(
    chunks: Sequence[NewChunk], chunks_max: int, bytes_max: int
) -> Iterator[tuple[NewChunk, ...]]:
    """Group chunks, in order, by number and by size of their texts; one chunk always fits."""
    batch: list[NewChunk] = []
    size_bytes = 0
    for new in chunks:
        length = len(new.chunk.text.encode())
        if batch and (len(batch) == chunks_max or size_bytes + length > bytes_max):
            yield tuple(batch)
            batch, size_bytes = [], 0
        batch.append(new)
        size_bytes += length
    if batch:
        yield tuple(batch)


def shape_of(event: DocumentSubmitted, title: str, policy: dict[str, Any]) -> bytes:
    """Spell what, beside the bytes, decides on the chunks and on what the index says of them."""
    shape = {
        "title": title,
        "media_type": event.media_type,
        "metadata": event.metadata,
        "groups": sorted(event.groups),
        "chunk_policy": event.chunk_policy,
        "policy": policy,
    }
    return json.dumps(shape, sort_keys=True, separators=(",", ":")).encode()


def one_line(text: str) -> str:
    """Make a title of what was given: NFC, one short line, no control characters."""
    printable = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return " ".join(printable.split())[:TITLE_CHARS_MAX].rstrip()


def failed(ref: DocumentRef, reason: str) -> ChunksCut:
    """Say why a document was not ingested; `ref` names the version that stays in force."""
    return ChunksCut(document=ref, batch=ONLY_BATCH, outcome="failed", reason=reason)
