"""The folder of a seal: for each sealed partition its tree and checkpoints, and the public keys.

    keys                              public keys, one a line: the one in use is the last
    TOPIC/PARTITION/checkpoint        the newest signed checkpoint (C2SP tlog-checkpoint), with the
                                      cosignatures of witnesses that have come for it
    TOPIC/PARTITION/history           all of them, the oldest first, a JSON string a line
    TOPIC/PARTITION/cosigned          those that witnesses cosigned, in the order they did
    TOPIC/PARTITION/tile/…            hashes of the tree (C2SP tlog-tiles)
    timestamps/                       what authorities said it was by when (replay.witnessing)

It lies in the run folder, where the sealer goes on from it, and in an archive as `seal/`. Nothing
in it is believed: a checkpoint by its signature alone, a tile by a signed root. The private key is
elsewhere.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from replay.archive import open_file
from replay.disk_trouble import told_from_damage
from replay.seal.checkpoint import Checkpoint, origin_of, parsed
from replay.seal.note import NOTE_BYTES_MAX, BadNote, VerifierKey, opened
from replay.seal.tiles import Tiles, write_whole
from streams.log.offsets import Partition

KEYS = "keys"
LOCK = ".lock"  # of whoever writes here
CHECKPOINT = "checkpoint"
HISTORY = "history"
COSIGNED = "cosigned"
KEYS_BYTES_MAX = 100_000  # of a thousand keys
LINE_BYTES_MAX = 2 * NOTE_BYTES_MAX
LAST_BYTES = 512 * 1024  # of the cosigned checkpoints, to find what each witness saw last


@dataclass(frozen=True)
class SealedTree:
    """One partition's part of the folder."""

    folder: Path
    topic: str
    partition: int

    @property
    def note(self) -> str:
        """The newest checkpoint as it was signed; empty before the first. Raises BadNote."""
        return _text_of(self.folder, CHECKPOINT, NOTE_BYTES_MAX)

    def notes(self) -> Iterator[str]:
        """Yield every checkpoint, the oldest first; raises BadNote for a line that is none."""
        return self._lines(HISTORY)

    def cosigned(self) -> Iterator[str]:
        """Yield the checkpoints with cosignatures; raises BadNote for a line that is none.

        One may stand there several times: a later line has more cosignatures.
        """
        return self._lines(COSIGNED)

    def newest_cosigned(self) -> list[str]:
        """Return the last checkpoints with cosignatures, the newest first, of a folder of ours."""
        return last_notes(self.folder / COSIGNED)

    def _lines(self, name: str) -> Iterator[str]:
        path = self.folder / name
        try:
            file = open_file(self.folder, name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise BadNote(f"{path} can't be read: {error.strerror}") from None
        with file, told_from_damage(str(path)):
            yield from _notes_of(file, path)

    def tiles(self, size: int) -> Tiles:
        """Return the stored hashes of the first `size` leaves."""
        return Tiles(self.folder, size)

    def keep(self, note: str) -> None:
        """Keep a new checkpoint: in the history first, since what stands there is never lost."""
        add_note(self.folder / HISTORY, note)
        write_whole(self.folder / CHECKPOINT, note.encode())

    def keep_cosigned(self, note: str) -> None:
        """Keep a checkpoint with its cosignatures; the newest one is shown with them."""
        add_note(self.folder / COSIGNED, note)
        if text_of(self.note) == text_of(note):
            write_whole(self.folder / CHECKPOINT, note.encode())

    def keep_all(self, notes: Sequence[str], cosigned: Sequence[str] = ()) -> str:
        """Keep all checkpoints of a copy, the oldest first, and those that witnesses cosigned.

        On the disk when this returns the newest one.
        """
        write_whole(self.folder / HISTORY, _spelt(notes))
        if cosigned:
            write_whole(self.folder / COSIGNED, _spelt(cosigned))
        text = text_of(notes[-1])
        newest = next((one for one in reversed(cosigned) if text_of(one) == text), notes[-1])
        write_whole(self.folder / CHECKPOINT, newest.encode())
        return newest


class SealFolder:
    """All trees of one log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tree(self, topic: str, partition: int) -> SealedTree:
        """Return the part of a partition, whether it is there or not."""
        return SealedTree(self.folder / topic / str(partition), topic, partition)

    def trees(self) -> list[SealedTree]:
        """List the partitions that have a checkpoint."""
        found = [
            self.tree(path.parent.parent.name, int(path.parent.name))
            for path in self.folder.glob(f"*/*/{CHECKPOINT}")
            if path.parent.name.isdecimal() and len(path.parent.name) < 10
        ]
        return sorted(found, key=lambda tree: (tree.topic, tree.partition))

    def keys(self) -> list[VerifierKey]:
        """Return the public keys that stand here; raises BadNote for a line that is none."""
        lines = _text_of(self.folder, KEYS, KEYS_BYTES_MAX).splitlines()
        return [VerifierKey.read(line) for line in lines if line.strip()]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait until nobody else on this machine writes here, and keep others waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def add_key(self, key: VerifierKey) -> None:
        """Add a public key; old ones stay, since what they signed stays."""
        known = [str(one) for one in self.keys()]
        if str(key) not in known[-1:]:
            others = [one for one in known if one != str(key)]
            write_whole(self.folder / KEYS, "".join(f"{one}\n" for one in [*others, key]).encode())


def notes_in(path: Path) -> Iterator[str]:
    """Yield the notes of a file of JSON strings, one a line; raises BadNote for another line.

    The last line may be torn: whoever wrote it was ended, and had told nobody of it.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        yield from _notes_of(file, path)


def last_notes(path: Path) -> list[str]:
    """Return the notes at the end of such a file, the newest first; empty where it can't be read.

    Of a long file no more than LAST_BYTES are read.
    """
    try:
        with path.open("rb") as file:
            begin = max(0, path.stat().st_size - LAST_BYTES)
            file.seek(begin)
            lines = file.read(LAST_BYTES).split(b"\n")[bool(begin) : -1]
        notes = [json.loads(line) for line in reversed(lines)]
    except (OSError, ValueError, RecursionError):
        return []
    return [note for note in notes if isinstance(note, str)]


def text_of(note: str) -> str:
    """Return the text of a note, without its signatures; what is no note is all text."""
    return note.rpartition("\n\n")[0] or note


def _spelt(notes: Iterable[str]) -> bytes:
    return "".join(f"{json.dumps(note)}\n" for note in notes).encode()


def _notes_of(file: BufferedReader, path: Path) -> Iterator[str]:
    while line := file.readline(LINE_BYTES_MAX):
        if not line.endswith(b"\n"):
            if file.readline(1):
                raise BadNote(f"{path} has a line above {LINE_BYTES_MAX} bytes")
            return
        try:
            note = json.loads(line)
        except (ValueError, RecursionError):
            note = None
        if not isinstance(note, str):
            raise BadNote(f"{path} holds a line that is no JSON string")
        yield note


def _text_of(folder: Path, name: str, bytes_max: int) -> str:
    """Read a file of an archive that may be hostile; empty where there is none. Raises BadNote."""
    try:
        with open_file(folder, name) as file, told_from_damage(f"{folder}/{name}"):
            content = file.read(bytes_max + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BadNote(f"{folder / name} can't be read: {error.strerror}") from None
    if len(content) > bytes_max:
        raise BadNote(f"{folder / name} has more than {bytes_max} bytes")
    return content.decode(errors="replace")


def add_note(path: Path, note: str) -> None:
    """Add a note to such a file, on the disk when this returns; a torn last line is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.truncate(_whole_bytes(path))
        file.write(json.dumps(note).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _whole_bytes(path: Path) -> int:
    """Count the bytes up to the end of the last whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while size:
            begin = max(0, size - 65_536)
            file.seek(begin)
            found = file.read(size - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            size = begin
    return 0


def checkpoint_for(
    note: str, keys: Iterable[VerifierKey], place: Partition, name: str | None = None
) -> Checkpoint:
    """Read a checkpoint that must be of one partition; raises BadNote.

    `name` is that of the log, where it is known: another log's archive may have the same topics.
    """
    signed = opened(note, keys)
    checkpoint = parsed(signed.text)
    topic, partition = place
    told = checkpoint.origin.removesuffix(f"/{topic}/{partition}") if name is None else name
    if checkpoint.origin != origin_of(told, topic, partition):
        raise BadNote(
            f"the checkpoint is of {checkpoint.origin}, not of {topic}[{partition}]"
            + (f" of {name}" if name else "")
        )
    if told not in {key.name for key in signed.by}:
        raise BadNote(f"the checkpoint is of {checkpoint.origin}, and by the key of another log")
    return checkpoint
