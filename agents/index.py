"""Index: write a document's chunks, and with its last batch make the new version visible.

Until the last batch nobody sees the new chunks. Then one write shows them and hides what the
version no longer has, so a reader finds the old version or the new one, never a mixture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from agents.changes import ORDERED_VERSIONS
from agents.effects import Effects
from schemas import (
    ChunksEmbedded,
    ChunksIndexed,
    IndexChunks,
    PublishVersion,
    WithdrawVersions,
)


async def index(event: ChunksEmbedded, fx: Effects) -> AsyncIterator[ChunksIndexed]:
    """Write a batch; the last one publishes. What was unchanged or failed passes through."""
    if event.outcome == "withdrawn":
        yield await _withdraw(event, fx)
    elif event.outcome == "embedded":
        yield await _write(event, fx)
    else:
        yield ChunksIndexed(
            document=event.document,
            batch=event.batch,
            outcome=event.outcome,
            reason=event.reason,
            manifest=event.manifest,
        )


async def _withdraw(event: ChunksEmbedded, fx: Effects) -> ChunksIndexed:
    """Hide every version of a document."""
    gone = await fx(WithdrawVersions(document=event.document))
    return ChunksIndexed(
        document=event.document,
        batch=event.batch,
        outcome="withdrawn",
        reason=event.reason,
        retired=gone.count,
        position=gone.position,
    )


async def _write(event: ChunksEmbedded, fx: Effects) -> ChunksIndexed:
    """Write the chunks of a batch, and behind the last one make the version visible."""
    indexed = position = retired = 0
    if event.chunks:
        written = await fx(
            IndexChunks(
                document=event.document,
                title=event.title,
                model=event.model,
                chunks=event.chunks,
            )
        )
        indexed, position = written.count, written.position
    if event.batch.last:
        manifest = event.manifest
        gone_ids = manifest.retired if manifest is not None else ()
        in_order = manifest.chunks if manifest is not None and fx.has(ORDERED_VERSIONS) else ()
        published = await fx(
            PublishVersion(document=event.document, retired=gone_ids, chunks=in_order)
        )
        retired, position = published.count, published.position
    return ChunksIndexed(
        document=event.document,
        batch=event.batch,
        outcome="indexed",
        indexed=indexed,
        retired=retired,
        visible=event.batch.last,
        position=position,
        manifest=event.manifest,
    )
