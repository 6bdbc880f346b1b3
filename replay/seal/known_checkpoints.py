"""Where checkpoints are kept, and reading them all: the seal's folder, the log, witnesses."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from replay.log import Log
from replay.seal.audit import KnownCheckpoint, Tampering, TamperingKind
from replay.seal.checkpoint import origin_of
from replay.seal.note import BadNote, VerifierKey
from replay.seal.seal_folder import SealFolder, add_note, checkpoint_for, notes_in, text_of
from replay.seal.sealer import CHECKPOINTS
from schemas import CheckpointSigned
from schemas.registry import UnknownSchema
from streams.log.codec import Codec, Undecodable
from streams.log.offsets import Partition

FORGED_MAX = 1_000  # told of: a hostile history may have any number
REASON_CHARACTERS_MAX = 500  # an origin may be as long as a note


@dataclass
class Checkpoints:
    """All that were found, by partition; and those that are none, or nobody known has signed."""

    keys: Sequence[VerifierKey]
    by_place: defaultdict[Partition, list[KnownCheckpoint]] = field(
        default_factory=lambda: defaultdict(list)
    )
    forged: list[Tampering] = field(default_factory=list)

    @property
    def name(self) -> str | None:
        """The name of the log, by its keys; None where they have several."""
        names = {key.name for key in self.keys}
        return names.pop() if len(names) == 1 else None

    def take(self, note: str, place: Partition, by: str) -> None:
        """Take in what should be a checkpoint of a partition."""
        try:
            checkpoint = checkpoint_for(note, self.keys, place, self.name)
        except BadNote as error:
            self.forge(place, f"{str(error)[:REASON_CHARACTERS_MAX]} ({by})")
            return
        self.by_place[place].append(KnownCheckpoint(checkpoint, by))

    def forge(self, place: Partition, why: str, kind: TamperingKind = "forged checkpoint") -> None:
        """Note what is not what it should be; beyond so many nothing is noted."""
        if len(self.forged) < FORGED_MAX:
            self.forged.append(Tampering(*place, -1, kind, why))

    def take_all(self, notes: Iterable[tuple[str, Partition]], by: str) -> None:
        """Take in what one keeper holds."""
        for note, place in notes:
            self.take(note, place, by)


def of_folder(folder: SealFolder) -> Iterator[tuple[str, Partition]]:
    """Yield the checkpoints of a seal's folder; raises BadNote where it can't be read."""
    for tree in folder.trees():
        place = tree.topic, tree.partition
        newest = tree.note
        stands = False
        for note in tree.notes():
            stands = stands or note == newest
            yield note, place
        if not stands:
            yield newest, place
        for note in tree.cosigned():
            yield note, place


def of_log(log: Log) -> Iterator[tuple[str, Partition]]:
    """Yield the checkpoints that the log itself holds; other records are verify's business."""
    codec = Codec(log.ids)
    for topic, partition in sorted(log.extents()):
        if topic != CHECKPOINTS:
            continue
        for stored in log.records(topic, partition):
            try:
                event = codec.decode_any(stored.value)
            except (Undecodable, UnknownSchema):
                continue
            if isinstance(event, CheckpointSigned):
                yield event.note, (event.topic, event.partition)


def of_witness(path: Path, keys: Sequence[VerifierKey]) -> Iterator[tuple[str, Partition]]:
    """Yield what a witness keeps of this log: a file of JSON strings, or of one note.

    It may keep those of other logs, too; of which log and partition a note is stands in it, signed
    or forged. Raises BadNote for a file that holds anything else, OSError where it can't be read.
    """
    names = {key.name for key in keys}
    for note in _kept(path):
        if "\n\n" not in note:
            raise BadNote(f"{path} holds what is no checkpoint")
        origin = note.partition("\n")[0]
        if origin.partition("/")[0] in names:
            yield note, place_of(origin)


class Witness:
    """A file that the sealer adds checkpoints to, each once, whoever has cosigned it since."""

    def __init__(self, path: Path) -> None:
        """Read what it keeps; raises BadNote for a file of something else, which stays as it is."""
        self.path = path
        if path.exists() and not _is_lines(path) and path.stat().st_size:
            raise BadNote(f"{path} is no witness of checkpoints, which is a file of JSON strings")
        self._kept = {_digest(note) for note in notes_in(path)}

    def take(self, note: str) -> None:
        """Add a checkpoint that is not there, also one of a pass that had no or another witness."""
        if _digest(note) not in self._kept:
            add_note(self.path, note)
            self._kept.add(_digest(note))


def _digest(note: str) -> bytes:
    return hashlib.sha256(text_of(note).encode()).digest()


def _kept(path: Path) -> Iterator[str]:
    if _is_lines(path):
        yield from notes_in(path)
    else:
        yield path.read_text(encoding="utf-8", errors="replace")


def _is_lines(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b'"'


def place_of(origin: str) -> Partition:
    """Return which partition an origin names; raises BadNote for one that names none."""
    name, _, rest = origin.partition("/")
    topic, _, partition = rest.rpartition("/")
    number = int(partition) if partition.isdecimal() and len(partition) < 10 else -1
    if origin_of(name, topic, number) != origin:
        raise BadNote(f"a checkpoint of {origin[:100]!r} is of no partition")
    return topic, number
