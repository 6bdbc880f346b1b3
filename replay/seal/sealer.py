"""The sealer: lets the tree of each partition grow by what was written since, and signs it.

It goes on from its folder, reads each record once, and needs the memory of one path of a tree. A
partition whose end lies before what was sealed has lost records, one whose stored tree is not what
was signed was edited: both are refused aloud, and the others are sealed all the same.

Sealed is what is kept as it was written. Compacted topics are not: the broker takes records out of
them. Their rows are named by the digest of what they hold (configurations), or follow from records
(tables); and the checkpoints themselves are sealed by their signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from agents.errors import Transient
from replay.log import Stored
from replay.seal.checkpoint import Checkpoint, origin_of
from replay.seal.leaves import leaf_of
from replay.seal.merkle import leaf_hash
from replay.seal.note import BadNote, Signer
from replay.seal.seal_folder import SealedTree, SealFolder, checkpoint_for
from replay.seal.tiles import Tiles, TileWriter
from schemas import CheckpointSigned
from streams.log.offsets import Extent, Partition
from streams.running.admit import INBOX_TOPICS
from streams.topics import TOPICS, topic_of

CHECKPOINTS = topic_of(CheckpointSigned)
SEALED_TOPICS = tuple(
    topic.name
    for topic in TOPICS
    if not topic.compacted and topic.name not in INBOX_TOPICS and topic.name != CHECKPOINTS
)
"""Topics that have trees."""

ReadsExtent = Callable[[Extent], Iterator[Stored]]


@dataclass(frozen=True)
class SealedPartition:
    """What one pass did with a partition."""

    topic: str
    partition: int
    checkpoint: Checkpoint | None
    """The newest one; None where it can't be sealed."""
    note: str = ""
    added: int = 0
    """Records that are sealed since this pass; 0 where nothing was signed anew."""
    refused: str = ""
    """Why it can't be sealed."""
    unread: bool = False
    """Whether that says nothing of it: this machine can't read its tree now."""


def seal(
    extents: Mapping[Partition, Extent],
    read: ReadsExtent,
    folder: SealFolder,
    signer: Signer,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[SealedPartition]:
    """Seal every partition up to the end of its extent, one after the other.

    `read` yields the records of an extent in order. Each checkpoint is on the disk when it is told.
    """
    folder.add_key(signer.verifier)
    for (topic, partition), extent in sorted(extents.items()):
        if topic not in SEALED_TOPICS:
            continue
        tree = folder.tree(topic, partition)
        try:
            done = _sealed(tree, extent, read, folder, signer)
        except (BadNote, LookupError, Transient) as error:
            unread = isinstance(error, Transient)
            yield SealedPartition(topic, partition, None, refused=str(error), unread=unread)
            continue
        progress(done.added)
        yield done


def _sealed(
    tree: SealedTree, extent: Extent, read: ReadsExtent, folder: SealFolder, signer: Signer
) -> SealedPartition:
    """Seal one partition; raises BadNote where the folder or the log is not as it was signed."""
    place = tree.topic, tree.partition
    name = signer.verifier.name
    before = _before(tree, folder, name)
    size = before.size if before else 0
    begins = before.next if before else extent.begin
    if begins > extent.end:
        raise BadNote(
            f"{tree.topic}[{tree.partition}] ends at {extent.end}, and was sealed up to {begins}: "
            "the log has lost records; `playhead audit check` tells which"
        )
    if before is not None and before.next < extent.begin:
        raise BadNote(
            f"{tree.topic}[{tree.partition}] begins at {extent.begin}, and was sealed up to "
            f"{begins}: records between were dropped before they were sealed"
        )
    if before is not None and begins == extent.end:
        return SealedPartition(*place, before, tree.note)
    writer = TileWriter(tree.folder, size)
    if before is not None and writer.frontier.root != before.root:
        raise BadNote(f"{tree.folder} holds another tree than the one that was signed")
    first = before.first if before and size else -1
    last = Tiles(tree.folder, size).hash_at(0, size - 1) if size else b""
    # with the last one that is sealed: a log that was made anew may have grown beyond that
    again = max(begins - 1, extent.begin) if size else begins
    for stored in read(Extent(*place, again, extent.end)):
        digest = leaf_hash(leaf_of(stored))
        if stored.offset < begins:
            _hold_to_last(stored, digest, last)
            continue
        first = stored.offset if first < 0 else first
        writer.append(digest)
    writer.save()
    checkpoint = Checkpoint(
        origin_of(name, *place),
        writer.size,
        writer.frontier.root,
        begins if first < 0 else first,
        extent.end,
    )
    note = checkpoint.signed(signer)
    tree.keep(note)
    return SealedPartition(*place, checkpoint, note, writer.size - size)


def _hold_to_last(stored: Stored, digest: bytes, last: bytes) -> None:
    """Raise BadNote where the record before those to be sealed is not the one that was sealed."""
    if digest != last:
        raise BadNote(
            f"{stored.topic}[{stored.partition}]@{stored.offset} is another record than the one "
            "that was sealed: the log was edited or made anew; `playhead audit check` tells more"
        )


def _before(tree: SealedTree, folder: SealFolder, name: str) -> Checkpoint | None:
    """Return the newest checkpoint of a partition; raises BadNote for one that is not ours."""
    note = tree.note
    return checkpoint_for(note, folder.keys(), (tree.topic, tree.partition), name) if note else None
