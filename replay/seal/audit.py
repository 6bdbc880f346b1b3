"""The audit: hold an archive's records against checkpoints that somebody signed, one pass a lane.

A tree is computed anew from the records, and must have the signed root at the size of each
checkpoint. Where it has not, the hashes of the seal's tiles tell the first leaf that is another
one, and what became of it; they are believed only if they lead to that root themselves.

What verify finds is what does not follow from the log itself. What is found here is what follows,
and yet is not what was there when the checkpoint was signed: a forged record whose outcomes were
forged with it, a tail that was cut, an older archive in the place of a newer one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from replay.log import Stored
from replay.seal.checkpoint import Checkpoint
from replay.seal.leaves import leaf_of
from replay.seal.merkle import EMPTY, Frontier, leaf_hash
from replay.seal.tiles import Tiles
from streams.log.offsets import Partition

TamperingKind = Literal[
    "edited",
    "deleted",
    "inserted",
    "duplicated",
    "swapped",
    "cut",
    "rolled back",
    "changed",
    "contradiction",
    "forged checkpoint",
    "forged time stamp",
]
"""What became of the first leaf that is not as it was signed; "changed" where no tile tells."""


@dataclass(frozen=True)
class Tampering:
    """Where a partition is not as it was signed."""

    topic: str
    partition: int
    offset: int
    """Of the first record that is another, lacking or too many; -1 where it concerns none."""
    kind: TamperingKind
    reason: str


@dataclass(frozen=True)
class KnownCheckpoint:
    """A checkpoint, and who keeps it."""

    checkpoint: Checkpoint
    by: str
    """`archive`, `seal`, `log` or the name of a witness."""


@dataclass
class Audited:
    """What the audit of one partition led to."""

    topic: str
    partition: int
    records: int = 0
    """That lie there."""
    sealed: int = 0
    """Of them, those that a checkpoint covers, and that are as they were signed."""
    checkpoints: int = 0
    findings: list[Tampering] = field(default_factory=list)


ReadsLane = Callable[[], Iterator[Stored]]


def audited(
    place: Partition,
    read: ReadsLane,
    known: Iterable[KnownCheckpoint],
    tiles: Callable[[int], Tiles],
) -> Audited:
    """Audit a partition. `read` yields its records from the first on, each time it is called."""
    found = Audited(*place)
    due = deque(_in_order(known))
    found.checkpoints = len(due)
    frontier, holds, behind = Frontier(), 0, 0
    last = -1
    while due and not due[0].checkpoint.size:
        one = due.popleft()
        behind = max(behind, one.checkpoint.next)
        if one.checkpoint.root != EMPTY:
            found.findings.append(_finding(place, -1, "contradiction", "a tree without leaves"))
    for stored in read():
        found.records += 1
        twice, last = stored.offset == last, stored.offset
        if found.findings:
            continue
        if not due:
            if last < behind:
                found.findings.append(_too_many(place, last, behind, twice=twice))
            continue
        frontier.append(leaf_hash(leaf_of(stored)))
        while due and due[0].checkpoint.size == frontier.size and not found.findings:
            one = due.popleft()
            if one.checkpoint.root == frontier.root:
                holds, behind = one.checkpoint.size, max(behind, one.checkpoint.next)
            elif _contradicts(one, holds, frontier):
                found.findings.append(
                    _finding(place, last, "contradiction", f"the checkpoint of the {one.by}")
                )
            else:
                found.findings.append(located(place, read, holds, [one, *due], tiles))
    if due and not found.findings:
        found.findings.append(_short(place, read, holds, due, tiles, (found.records, last)))
    found.sealed = holds
    return found


def _in_order(known: Iterable[KnownCheckpoint]) -> list[KnownCheckpoint]:
    """Order checkpoints by size, each tree once: the one that ends last, by its first keeper."""
    distinct: dict[tuple[int, bytes], KnownCheckpoint] = {}
    for one in known:
        tree = one.checkpoint.size, one.checkpoint.root
        if tree not in distinct or one.checkpoint.next > distinct[tree].checkpoint.next:
            distinct[tree] = one
    return [distinct[tree] for tree in sorted(distinct)]


def _too_many(place: Partition, offset: int, behind: int, *, twice: bool) -> Tampering:
    """Name a record behind the last leaf, at an offset before which all was signed."""
    if twice:
        return _finding(place, offset, "duplicated", "a record of this offset lies before it")
    reason = f"all that lay before {behind} was signed, and this record was not"
    return _finding(place, offset, "inserted", reason)


def _contradicts(one: KnownCheckpoint, holds: int, frontier: Frontier) -> bool:
    """Tell whether another signed checkpoint of this size is the one that the records have."""
    return holds == frontier.size and one.checkpoint.size == holds


def _short(
    place: Partition,
    read: ReadsLane,
    holds: int,
    due: Sequence[KnownCheckpoint],
    tiles: Callable[[int], Tiles],
    lies: tuple[int, int],
) -> Tampering:
    """Say what it means that fewer records lie there than were signed."""
    records, last = lies
    one = due[-1]
    cut = f"{records} records lie there, and {one.checkpoint.size} were signed ({one.by})"
    if records == holds and all(one.by not in {"archive", "seal", "log"} for one in due):
        what = "an older state stands in the place of a newer one: "
        return _finding(place, last + 1, "rolled back", what + cut)
    finding = located(place, read, holds, due, tiles)
    return finding if finding.kind != "changed" else _finding(place, last + 1, "cut", cut)


def located(
    place: Partition,
    read: ReadsLane,
    holds: int,
    broken: Sequence[KnownCheckpoint],
    tiles: Callable[[int], Tiles],
) -> Tampering:
    """Find the first leaf that is not as it was signed; all before leaf `holds` is.

    `broken` are the checkpoints from the first on that does not hold. The newest whose tiles are
    there is asked, since it tells what came next.
    """
    of = next(
        (one for one in reversed(broken) if _lead(tiles(one.checkpoint.size), one.checkpoint)), None
    )
    size, by = broken[0].checkpoint.size, broken[0].by
    if of is None:
        first = next(islice(read(), holds, None), None)
        return _finding(
            place,
            -1 if first is None else first.offset,
            "changed",
            f"from this record on, one of leaves {holds} to {size - 1} is not as it was signed "
            f"({by}); the seal's tiles, which would tell which, are lacking or others",
        )
    size, signed = of.checkpoint.size, tiles(of.checkpoint.size)
    records = islice(read(), max(0, holds - 1), None)
    index, before = holds, deque(islice(records, 1 if holds else 0), maxlen=1)
    for stored in records:
        if index == size:
            break
        this = signed.hash_at(0, index)
        if leaf_hash(leaf_of(stored)) != this:
            lacking = before[-1].offset + 1 if before else of.checkpoint.first
            twice = bool(before) and leaf_of(before[-1]) == leaf_of(stored)
            comes = signed.hash_at(0, index + 1) if index + 1 < size else b""
            kind, reason = _became(stored, next(records, None), (this, comes), lacking, twice=twice)
            at = lacking if kind == "deleted" else stored.offset
            return _finding(place, at, kind, reason)
        before.append(stored)
        index += 1
    at = before[-1].offset + 1 if before else of.checkpoint.first
    if index == size:
        reason = f"what was signed ({by}) and what the {of.by} tells are two logs"
        return _finding(place, -1, "contradiction", reason)
    return _finding(
        place, at, "cut", f"{index} of {size} records that were signed ({by}) lie there"
    )


def _became(
    stored: Stored,
    following: Stored | None,
    signed: tuple[bytes, bytes],
    lacking: int,
    *,
    twice: bool,
) -> tuple[TamperingKind, str]:
    """Say what became of a leaf in whose place `stored` lies.

    `signed` are the hashes of this leaf and of the next one, `lacking` the offset that was due.
    """
    here = leaf_hash(leaf_of(stored))
    there = leaf_hash(leaf_of(following)) if following is not None else b""
    this, comes = signed
    if twice:
        return "duplicated", "the record before it lies there twice"
    if here == comes and there == this:
        return "swapped", "it lies before the one that it followed"
    if here == comes or stored.offset > lacking:
        return "deleted", f"the record is lacking; {stored.offset} lies behind the one before it"
    if there == this:
        return "inserted", "nothing was signed between its neighbours"
    return "edited", "the record is another than was signed"


def _lead(tiles: Tiles, checkpoint: Checkpoint) -> bool:
    """Tell whether the leaf hashes of tiles lead to a signed root."""
    frontier = Frontier()
    try:
        for index in range(checkpoint.size):
            frontier.append(tiles.hash_at(0, index))
    except LookupError:
        return False
    return frontier.root == checkpoint.root


def _finding(place: Partition, offset: int, kind: TamperingKind, reason: str) -> Tampering:
    return Tampering(*place, offset, kind, reason)
