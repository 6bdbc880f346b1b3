"""Restored document: the newest version of a document, with values in the place of placeholders.

It is put together from what redaction wrote of the document, for ingest puts out only the chunks
that a version does not share with the one before it. Chunks come in reading order; what neighbours
repeat of each other stands in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agents.placeholders import restore
from schemas import Batch, ChunksRedacted, DocumentRef, Manifest, MapEntry, RedactedChunk

DIGESTS_MAX = 5_000
"""Of values in one record that tells who saw them: 340 kB."""


@dataclass
class DocumentRecords:
    """What redaction wrote of one document, as its records are taken in."""

    document: DocumentRef | None = None
    """The newest version that is whole; None where there is none, or it was withdrawn."""
    manifest: Manifest | None = None
    chunks: dict[str, RedactedChunk] = field(default_factory=dict)
    """All chunks of all versions, by id."""

    def take(self, event: ChunksRedacted) -> None:
        """Take in a record, in the order of the log."""
        if event.outcome == "withdrawn":
            self.document = self.manifest = None
        if event.outcome != "redacted":
            return
        self.chunks |= {chunk.id: chunk for chunk in event.chunks}
        if event.batch.last and event.manifest is not None:
            self.document, self.manifest = event.document, event.manifest

    def in_order(self) -> list[RedactedChunk]:
        """List the chunks of the newest version; some may be missing from a log that was cut."""
        ids = self.manifest.chunks if self.manifest else ()
        return [self.chunks[one] for one in ids if one in self.chunks]


@dataclass(frozen=True)
class RestoredText:
    """A document as somebody may see it."""

    chunks: tuple[tuple[str, str], ...]
    """Chunk id and text."""
    shown: tuple[MapEntry, ...]
    """Whose values stand in it, each once, by digest."""
    hidden: int
    """Values that stay placeholders: not for this reader, or erased."""


def restored_text(
    chunks: Sequence[RedactedChunk],
    reveal: Callable[[Iterable[MapEntry]], Mapping[str, str]],
) -> RestoredText:
    """Put back what `reveal` opens of each chunk's own map."""
    texts, shown, hidden = [], dict[str, MapEntry](), dict[str, MapEntry]()
    for chunk in chunks:
        values = reveal(chunk.entries)
        texts.append((chunk.id, restore(chunk.text, values)))
        for entry in chunk.entries:
            (shown if entry.placeholder in values else hidden)[entry.digest] = entry
    by_digest = tuple(shown[digest] for digest in sorted(shown))
    return RestoredText(tuple(texts), by_digest, len(hidden.keys() - shown.keys()))


def parts_of(shown: Sequence[MapEntry]) -> Iterator[tuple[Batch, tuple[str, ...]]]:
    """Divide the digests of what was shown into those of one record each; one for none, too."""
    digests = [entry.digest for entry in shown]
    starts = range(0, max(len(digests), 1), DIGESTS_MAX)
    for number, at in enumerate(starts):
        last = number == len(starts) - 1
        yield Batch(number=number, last=last), tuple(digests[at : at + DIGESTS_MAX])
