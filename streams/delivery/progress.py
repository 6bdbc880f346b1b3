"""Progress: what a step has done of a lane beyond the offset that it commits.

Many events of a lane run at once, so inputs behind a slow one are done before it. A commit says
only where the contiguous prefix of finished inputs ends; what lies done beyond it, and which runs
were cut off, is written with it, as the commit's metadata. Together with the step's own outcomes
from `after` on it tells the next owner of the lane everything:

    an input is done        its offset is committed, or stands in `closed`,
                            or a last outcome of it lies at or after `after`
    a run was cut off       its offset stands in `open`,
                            or only outcomes that are not the last lie at or after `after`

It names the log as well of which it speaks, by the topic's id and the last record that is finished
(see `log_identity`).

So a takeover reads forward from a known place, however long the log is, and guesses nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from schemas.prepared_types import prepared

NOTE_BYTES_MAX = 4_000
"""Of a commit's metadata: the broker's default for `offset.metadata.max.bytes` is 4,096."""
SPAN_OFFSETS_MAX = 6 * NOTE_BYTES_MAX
"""Offsets over which a bitmap in base64 may stretch."""
VERSION = 1


class _Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """How progress is spelt: JSON, since operators read commits too."""

    v: int
    at: int
    """The offset from which the others are counted: that of the commit it was made for."""
    closed: str = ""
    """A bitmap in base64: bit n of byte m stands for the offset at + 8 m + n."""
    open: dict[str, int] = {}
    """Offset beyond `at` -> attempt."""
    after: dict[str, int] = {}
    topic: str = ""
    last: tuple[int, str] | None = None
    epoch: int = 0
    left: bool = False
    crashed: int | None = None
    bare: bool = False
    """Whether it says whose the lane is, and nothing of what is done."""


prepared(_Note)


class Ownership(NamedTuple):
    """Whose a lane is or was, as its commit says it; see `epochs`."""

    epoch: int = 0
    left: bool = False
    """Whether the owner gave it up and has nothing on its way."""
    crashed: int | None = None
    """Of an owner that has run nothing so far: the epoch of one before it that may have outcomes on
    their way, 0 for none; None where it may have run."""


NOBODY = Ownership()


@dataclass(frozen=True)
class Progress:
    """What is done of a lane, as of one commit."""

    committed: int
    """The next offset that is not committed: all inputs before it are done."""
    closed: frozenset[int] = frozenset()
    """Offsets of further inputs whose outcome is closed."""
    open: Mapping[int, int] = field(default_factory=dict)
    """Offset -> attempt, of inputs that have outcomes but no last one."""
    after: Mapping[str, int] = field(default_factory=dict)
    """Output topic -> offset in this lane: what was written before it is told by the above."""
    topic: str = ""
    """The id that the broker gave the input topic; empty where nobody has asked."""
    last: tuple[int, str] | None = None
    """Offset and fingerprint of an input that is finished, the newest but for those beyond."""
    ownership: Ownership = NOBODY


def note_of(progress: Progress) -> str | None:
    """Spell progress as a commit's metadata; None where it would not fit.

    Then the note of an earlier commit still holds beside a newer offset: what it says is done stays
    done, and its `after` lies further back.
    """
    if max(progress.closed, default=progress.committed) - progress.committed > SPAN_OFFSETS_MAX:
        return None
    note = _Note(
        v=VERSION,
        at=progress.committed,
        closed=_bitmap(offset - progress.committed for offset in progress.closed),
        open={str(offset - progress.committed): n for offset, n in sorted(progress.open.items())},
        after=dict(progress.after),
        topic=progress.topic,
        last=progress.last,
        epoch=progress.ownership.epoch,
        left=progress.ownership.left,
        crashed=progress.ownership.crashed,
    )
    text = msgspec.json.encode(note)
    return text.decode() if len(text) <= NOTE_BYTES_MAX else None


def note_with(committed: int, note: str, ownership: Ownership) -> str:
    """Return a note that says whose a lane is, and else what the newest note says.

    That takes some 60 bytes more, so it fits wherever that note did.
    """
    told = _read(committed, note) or _Note(VERSION, committed, bare=True)
    return msgspec.json.encode(msgspec.structs.replace(told, **ownership._asdict())).decode()


def ownership_of(committed: int, note: str | None) -> Ownership | None:
    """Say whose a lane is or was; None where the note does not say: it is none, or older."""
    told = _read(committed, note)
    return None if told is None else _ownership(told)


def _ownership(told: _Note) -> Ownership:
    return Ownership(told.epoch, told.left, told.crashed)


def _read(committed: int, note: str | None) -> _Note | None:
    try:
        told = msgspec.json.decode((note or "").encode(), type=_Note)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        return None
    return None if told.v != VERSION or told.at > committed else told


def progress_of(committed: int, note: str | None) -> Progress | None:
    """Read a commit's metadata; None where it holds no progress that this version can read.

    Commits of version 0.1.0 hold none, nor do those made by Kafka's own tools, nor one that
    only says whose the lane is.
    """
    told = _read(committed, note)
    if told is None or told.bare:
        return None
    try:
        closed = base64.b64decode(told.closed, validate=True)
        opened = {int(beyond): attempt for beyond, attempt in told.open.items()}
    except (binascii.Error, ValueError):
        return None
    return Progress(
        committed=committed,
        closed=frozenset(
            told.at + 8 * position + bit
            for position, byte in enumerate(closed)
            for bit in range(8)
            if byte >> bit & 1
        ),
        open={told.at + beyond: attempt for beyond, attempt in opened.items()},
        after=told.after,
        topic=told.topic,
        last=told.last,
        ownership=_ownership(told),
    )


def done_beyond(committed: int, note: str | None) -> int:
    """Count the inputs beyond a commit that are done; 0 where its note says nothing of it.

    For who asks about every lane each second: it makes no set of them.
    """
    told = _read(committed, note)
    try:
        closed = base64.b64decode(told.closed if told else "", validate=True)
    except (binascii.Error, ValueError):
        return 0
    if told is None:
        return 0
    return (int.from_bytes(closed, "little") >> (committed - told.at)).bit_count()


def _bitmap(numbers: Iterable[int]) -> str:
    """Set the bits with some numbers, in base64."""
    bits = bytearray()
    for number in numbers:
        position, bit = divmod(number, 8)
        if position >= len(bits):
            bits.extend(bytes(position + 1 - len(bits)))
        bits[position] |= 1 << bit
    return base64.b64encode(bits).decode()
