"""Proving one record: where its leaf is in the tree, and the hashes beside its path."""

from __future__ import annotations

from collections.abc import Sequence

from agents.errors import Permanent
from replay.log import Log, Stored, records_within
from replay.seal.checkpoint import Checkpoint
from replay.seal.leaves import leaf_of
from replay.seal.merkle import leaf_hash
from replay.seal.note import VerifierKey, opened
from replay.seal.receipt import RecordReceipt, receipt_of
from replay.seal.seal_folder import SealFolder, checkpoint_for
from replay.seal.tiles import Tiles
from streams.log.offsets import Extent


class NotProvable(Permanent):
    """There is no proof of a record; the message says why, and what to do."""


class NotSealed(NotProvable):
    """No checkpoint covers a record yet: one may later."""


def prove(
    log: Log,
    folder: SealFolder,
    place: tuple[str, int, int],
    keys: Sequence[VerifierKey],
    *,
    request: str = "",
    text: str = "",
) -> RecordReceipt:
    """Prove the record at topic, partition and offset by the newest checkpoint; raises NotProvable.

    Raises BadNote where no key that is believed has signed it.
    """
    signed = signed_for(folder, place, keys)
    return proved(_record(log, place), folder, signed, keys, request=request, text=text)


def signed_for(
    folder: SealFolder, place: tuple[str, int, int], keys: Sequence[VerifierKey]
) -> tuple[Checkpoint, str]:
    """Return the newest checkpoint, if it covers the record at a place, and its note.

    Raises NotSealed where it does not yet, and BadNote where no key that is believed has signed it.
    """
    topic, partition, offset = place
    note = folder.tree(topic, partition).note
    if not note:
        raise NotSealed(f"{topic}[{partition}] was never sealed: `playhead audit seal`")
    checkpoint = checkpoint_for(note, keys, (topic, partition))
    if offset >= checkpoint.next:
        raise NotSealed(
            f"{topic}[{partition}] is sealed up to {checkpoint.next}, and the record lies at "
            f"{offset}: seal again (`playhead audit seal`)"
        )
    return checkpoint, note


def proved(
    stored: Stored,
    folder: SealFolder,
    signed: tuple[Checkpoint, str],
    keys: Sequence[VerifierKey],
    *,
    request: str = "",
    text: str = "",
) -> RecordReceipt:
    """Prove a record by a checkpoint that covers it, with its note; raises NotProvable."""
    checkpoint, note = signed
    place = stored.topic, stored.partition, stored.offset
    leaf = leaf_of(stored)
    tiles = folder.tree(stored.topic, stored.partition).tiles(checkpoint.size)
    try:
        index = index_of(leaf_hash(leaf), stored.offset, checkpoint, tiles)
        [key, *_] = opened(note, keys).by
        return receipt_of(place, leaf, index, tiles, signed, key, request=request, text=text)
    except LookupError as error:
        raise NotProvable(f"the seal's tiles do not prove it: {error}") from None


def index_of(digest: bytes, offset: int, checkpoint: Checkpoint, tiles: Tiles) -> int:
    """Return a leaf's place in its tree; raises LookupError where it is not there.

    Offsets may have gaps, so the leaf may stand before its place without them, never behind it.
    """
    for index in range(min(offset - checkpoint.first, checkpoint.size - 1), -1, -1):
        if tiles.hash_at(0, index) == digest:
            return index
    raise LookupError(
        f"the record at {offset} is not one of those that were signed: `playhead audit check`"
    )


def _record(log: Log, place: tuple[str, int, int]) -> Stored:
    topic, partition, offset = place
    for stored in records_within(log, Extent(topic, partition, offset, offset + 1)):
        return stored
    raise NotProvable(f"{topic}[{partition}] holds no record at {offset}")
