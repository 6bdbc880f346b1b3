"""What a broker holds of an archive's partition: a prefix of it, byte for byte, or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from replay.archive import BadArchive
from replay.log import Stored

FILLER = b"playhead-import"
"""Key of what is written where the archive's partition begins later, until it is deleted again."""


def is_filler(stored: Stored) -> bool:
    """Tell whether an import wrote a record to keep the offsets of what follows."""
    return stored.key == FILLER and stored.value is None and not stored.headers


def compared(
    archived: Iterable[Stored], held: Iterable[Stored], end: int, *, compacted: bool
) -> int:
    """Compare what a broker holds of a partition, up to `end`, with the archive's records.

    Returns how many records are equal. Raises BadArchive that names the first one that is not: of a
    compacted topic only newer rows of the same key may stand for one that the broker has not.
    Fillers are passed over before the archive's first record: behind it no import leaves one.
    """
    ahead, superseded, equal = iter(archived), dict[bytes | None, Stored](), 0
    first = next(ahead, None)
    ahead = chain(() if first is None else (first,), ahead)
    for found in held:
        if is_filler(found) and (first is None or found.offset < first.offset):
            continue
        place = f"{found.topic}[{found.partition}]"
        wanted = next(ahead, None)
        while wanted is not None and wanted.offset < found.offset:
            _miss(wanted, superseded, compacted=compacted)
            wanted = next(ahead, None)
        if wanted is None or wanted.offset > found.offset:
            raise BadArchive(f"{place}@{found.offset} is on the broker and not in the archive")
        if found != wanted:
            raise BadArchive(f"{place}@{found.offset} is another record than the archive's")
        superseded.pop(found.key, None)
        equal += 1
    for wanted in _until(ahead, end):
        _miss(wanted, superseded, compacted=compacted)
    if superseded:
        _raise_missing(min(superseded.values(), key=lambda stored: stored.offset))
    return equal


def _miss(wanted: Stored, superseded: dict[bytes | None, Stored], *, compacted: bool) -> None:
    if not compacted:
        _raise_missing(wanted)
    superseded[wanted.key] = wanted


def _raise_missing(wanted: Stored) -> None:
    raise BadArchive(
        f"{wanted.topic}[{wanted.partition}]@{wanted.offset} is in the archive and not on the "
        f"broker, which holds records behind it: delete the topic {wanted.topic} and import again"
    )


def _until(archived: Iterator[Stored], end: int) -> Iterator[Stored]:
    for stored in archived:
        if stored.offset >= end:
            return
        yield stored
