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
import re
import sys
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from agents.batching import NewChunk, batches, new_chunks
from agents.before.even_chunks import packed_evenly
from agents.changes import BOUNDED_PIECES, LOCAL_CUTS, NAMED_LANGUAGE, READ_FORMATS
from agents.chunk_policies import BY_KIND, ChunkPolicy, known_policy, policy_for, shares_of
from agents.chunking import Chunk, Cutting, chunk_ids
from agents.document_language import document_language
from agents.effects import Effects
from agents.normal_forms import normalized
from agents.pieces import Piece, divide, pieces_of
from agents.slices import collected
from schemas import (
    Batch,
    Block,
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
    Parsed,
    ReadDocument,
    Seal,
    Sealed,
    SealItem,
    Unseal,
    WriteDocument,
)

FORMATS = 1  # that are read, and by which rules: raise it, by a declared change, with either
TITLE_CHARS_MAX = 300  # a title is a line; what is longer is cut, and stands in the text as well
MANIFEST_IDS_BESIDE_CHUNKS_MAX = 1_000  # 40 kB of ids: what fits beside a batch of vectors
PIECES_MAX = 400_000
"""Sentences, lines and cells of a document; 6,000 full chunks of lines of 30 characters. Eight
million lines of 16 MiB took 7 GB, all of it the worker's, to be far too many chunks in the end."""
PIECE_CHARS_MAX = 131_072
"""Of a piece that is measured before it is divided: a tokenizer takes near a kilobyte for a token
of a text, and 16 MiB of asterisks in one took 13 GB."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters but white space, and halves of surrogate pairs."""
DEFAULT_POLICY = "procedural"
"""Of a document of no special kind, where the configuration names none."""
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


class Unfit(Exception):
    """Why a submission can't be ingested, and what to do."""


async def submit(
    event: DocumentSubmitted, state: DocumentState, fx: Effects
) -> AsyncIterator[ChunksCut]:
    """Parse, cut, and put out what is new."""
    in_force = None if state.withdrawn or state.ref is None else state
    try:
        submission = await _opened(event, fx)
        if in_force is not None and submission.repeats(in_force):
            assert in_force.ref is not None
            yield ChunksCut(document=in_force.ref, batch=ONLY_BATCH, outcome="unchanged")
            return
        parsed = await _parsed(event, submission.content, fx)
        title = submission.title or one_line(parsed.title)
        policy = await _policy(event, parsed.blocks, fx)
        chunks = await _cut(title, parsed.blocks, fx.configuration["policies"][policy], fx)
    except Unfit as unfit:
        yield failed(_ref(event, state.version), str(unfit))
        return
    digests = (await fx(Digest(values=tuple(chunk.text.encode() for chunk in chunks)))).digests
    ids = chunk_ids(event.meta.tenant, event.document, digests)
    newest = DocumentState(
        version=state.version + 1,
        checksum=submission.checksum,
        title_digest=submission.shape_digest,
        policy=policy,
        chunks=ids,
        ref=_ref(event, state.version + 1),
    )
    keepable: tuple[str, ...] = ()
    if in_force is not None and in_force.title_digest == submission.shape_digest:
        keepable = in_force.chunks
    manifest = Manifest(
        checksum=submission.checksum,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        notes=parsed.notes,
        policy=policy,
        language=document_language(parsed.blocks) if fx.has(NAMED_LANGUAGE) else "",
        chunks=ids,
        kept=_common(ids, keepable),
        retired=_missing(() if in_force is None else in_force.chunks, ids),
    )
    new = new_chunks(ids, chunks, keepable)
    async for outcome in _put_out(event, title, new, manifest, newest, fx):
        yield outcome


@dataclass(frozen=True)
class Submission:
    """A document as it was submitted, with what tells whether it is a new version."""

    content: bytes
    title: str
    checksum: str
    shape_digest: str

    def repeats(self, state: DocumentState) -> bool:
        """Tell whether the version in force is of the same bytes and shape."""
        return state.title_digest == self.shape_digest and state.checksum == self.checksum


async def _opened(event: DocumentSubmitted, fx: Effects) -> Submission:
    """Unseal a submission and digest it; raises Unfit for what the configuration doesn't allow."""
    configuration = fx.configuration
    policies: dict[str, Any] = configuration["policies"]
    if not known_policy(event.chunk_policy, policies):
        raise Unfit(f"no such chunk policy: choose one of {', '.join(sorted(policies))}")
    sealed = (event.content,) if event.title is None else (event.content, event.title)
    content, *titles = (await fx(Unseal(values=sealed))).values
    if len(content) > (bytes_max := configuration["bytes_max"]):
        raise Unfit(
            f"the document has {len(content)} bytes, more than the {bytes_max} allowed: "
            "split it, or raise bytes_max in the configuration of ingest"
        )
    title = one_line(titles[0].decode("utf-8", errors="replace")) if titles else ""
    deciding = policies if event.chunk_policy == BY_KIND else policies[event.chunk_policy]
    shape = shape_of(event, title, deciding)
    checksum, shape_digest = (await fx(Digest(values=(content, shape)))).digests
    return Submission(content, title, checksum, shape_digest)


async def _policy(event: DocumentSubmitted, blocks: Sequence[Block], fx: Effects) -> str:
    """Name the chunk policy that was asked for, or that fits the kind of document."""
    if event.chunk_policy != BY_KIND:
        return event.chunk_policy
    shares = dict(await collected(shares_of(blocks), fx))
    configured = fx.configuration
    default = configured.get("default_policy", DEFAULT_POLICY)
    return policy_for(event.media_type, shares, configured["policies"], default)


async def _parsed(event: DocumentSubmitted, content: bytes, fx: Effects) -> Parsed:
    """Ask for the document's blocks; raises Unfit for what can't be read."""
    formats = FORMATS if fx.has(READ_FORMATS) else 0
    parsed = await fx(Parse(media_type=event.media_type, content=content, formats=formats))
    if parsed.error:
        raise Unfit(parsed.error)
    return parsed


async def _cut(
    title: str, blocks: Sequence[Block], policy: Mapping[str, Any], fx: Effects
) -> tuple[Chunk, ...]:
    """Cut blocks into chunks; raises Unfit for none and for too many."""
    read = ChunkPolicy.read(policy)
    most = _pieces_max(fx)
    falling = pieces_of(blocks, questions=read.questions)
    if fx.has(BOUNDED_PIECES):
        falling = _measurable(falling, read.piece_max)
    pieces = await collected(_within(falling, most), fx)
    cutting = Cutting.of(title, pieces, read)
    while texts := await collected(cutting.uncounted(), fx):
        counts = (await fx(CountTokens(texts=texts))).counts
        if fx.has(BOUNDED_PIECES):
            _check_tokens(sum(counts), fx.configuration["chunks_max"], read.tokens_max)
        divided = _within(cutting.remeasured(counts), most)
        cutting = cutting.with_pieces(await collected(divided, fx))
    packed = cutting.packed() if fx.has(LOCAL_CUTS) else packed_evenly(cutting)
    chunks = await collected(packed, fx)
    if not chunks:
        raise Unfit("the document holds no text: submit one that does")
    if len(chunks) > (chunks_max := fx.configuration["chunks_max"]):
        raise Unfit(
            f"the document would be {len(chunks)} chunks, more than the {chunks_max} allowed: "
            "split it, or raise chunks_max in the configuration of ingest"
        )
    return chunks


def _measurable(pieces: Iterable[Piece | None], tokens_max: int) -> Iterator[Piece | None]:
    """Divide, by its characters, what is too long to be measured at once."""
    for piece in pieces:
        if piece is not None and len(piece.text) > PIECE_CHARS_MAX:
            yield from divide(piece, tokens_max)
        else:
            yield piece


def _check_tokens(tokens: int, chunks_max: int, tokens_max: int) -> None:
    """Raise Unfit for more tokens than the chunks may hold: no need to cut and count them again."""
    if tokens > chunks_max * tokens_max:
        raise Unfit(
            f"the document has {tokens} tokens, more than the {chunks_max} chunks allowed hold: "
            "split it, or raise chunks_max in the configuration of ingest"
        )


def _pieces_max(fx: Effects) -> int:
    """Return how many pieces a document may fall into."""
    return PIECES_MAX if fx.has(BOUNDED_PIECES) else sys.maxsize


def _within(pieces: Iterable[Piece | None], most: int) -> Iterator[Piece | None]:
    """Pass pieces on; raises Unfit for more than a document may fall into."""
    number = 0
    for piece in pieces:
        number += piece is not None
        if number > most:
            raise Unfit(
                f"the document falls into more than {most} sentences, lines and cells: split it "
                "and submit its parts"
            )
        yield piece


async def _put_out(
    event: DocumentSubmitted,
    title: str,
    new: Sequence[NewChunk],
    manifest: Manifest,
    newest: DocumentState,
    fx: Effects,
) -> AsyncIterator[ChunksCut]:
    """Seal the new chunks batch by batch; with the last one, remember the version."""
    assert newest.ref is not None
    configuration = fx.configuration
    full = list(batches(new, configuration["batch_chunks_max"], configuration["batch_bytes_max"]))
    listed = len(manifest.chunks) + len(manifest.kept) + len(manifest.retired)
    if not full or listed > MANIFEST_IDS_BESIDE_CHUNKS_MAX:
        full.append(())
    for number, batch in enumerate(full):
        last = number == len(full) - 1
        sealed_title, chunks = await seal(event, title, batch, fx)
        if last:
            await fx(WriteDocument(document=event.document, state=newest))
        yield ChunksCut(
            document=newest.ref,
            batch=Batch(number=number, last=last),
            outcome="cut",
            title=sealed_title,
            chunks=chunks,
            manifest=manifest if last else None,
        )


def _ref(event: DocumentSubmitted, version: int) -> DocumentRef:
    """Name a version of the submitted document."""
    return DocumentRef(
        document=event.document,
        version=version,
        uri=event.uri,
        media_type=event.media_type,
        metadata=event.metadata,
        groups=event.groups,
    )


def _common(ids: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
    """List the ids that stand among the others too."""
    others = frozenset(others)
    return tuple(one for one in ids if one in others)


def _missing(ids: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
    """List the ids that do not stand among the others."""
    others = frozenset(others)
    return tuple(one for one in ids if one not in others)


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


def shape_of(event: DocumentSubmitted, title: str, policy: dict[str, Any]) -> bytes:
    """Spell what, beside the bytes, decides on the chunks and on what the index says of them.

    `policy` holds its values, or those of all where the kind of document chooses among them.
    """
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
    printable = _UNPRINTABLE.sub("", normalized("NFC", text))
    return " ".join(printable.split())[:TITLE_CHARS_MAX].rstrip()


def failed(ref: DocumentRef, reason: str) -> ChunksCut:
    """Say why a document was not ingested; `ref` names the version that stays in force."""
    return ChunksCut(document=ref, batch=ONLY_BATCH, outcome="failed", reason=reason)
