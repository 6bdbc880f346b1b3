"""Where an export to a bucket writes until it has come to its end, and from which it goes on.

    .unfinished/<base>/parts/<sha-256>                            files that are whole
    .unfinished/<base>/notes/<topic>/<partition>/<first-offset>.json   what each is to be called

`<base>` is the SHA-256 of the manifest that is added to, "new" where there is none.

Why it is so: a bucket renames nothing and locks nothing, but puts an object whole or not at all,
and only where none lies if so asked. A part is put under its digest, then its note where none
lies: of two exports that write to one archive, one is refused at the first note that the other
wrote, on whichever machines they are, with no lock that somebody could die with. Whoever died is
gone on from by the notes, each of which names where the one before must end; a part is believed by
its SHA-256 alone. At the end the server copies the parts to their places, and the manifest is put
last, over the very one that was added to: it names what lies there, or is not there. Then the seal
follows, and what is unfinished goes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from connectors.local_files import make_folder
from replay.archive import MANIFEST, SEAL, UNFINISHED, ArchiveLog, BadArchive, File, name_of
from replay.archive_in_bucket import NOTES, PARTS, BucketFiles, file_noted, in_threads, note_of
from replay.log import Stored
from replay.unfinished_export import WrittenFile, manifest_text, write_segment
from schemas.prepared_types import prepared
from streams.log.offsets import Partition

NEW = "new"
NOTE_BYTES_MAX = 1_048_576  # one names a file and its schemas
CHECKPOINT = "checkpoint"


class ExportNote(msgspec.Struct):
    """What was written of a partition, and behind what."""

    cluster: str
    after: int
    """Offset from which on it holds the partition's records: where the one before ended."""
    file: File
    schemas: list[int]


prepared(ExportNote)


class ExportToBucket:
    """A bucket as the target of an export; its methods may raise Transient."""

    def __init__(self, files: BucketFiles) -> None:
        self.files = files

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only export to this address of this machine; raises BadArchive for another one.

        One of another machine is met at the first file that both write.
        """
        make_folder(self.files.cache.folder)
        name = hashlib.sha256(self.files.place.encode()).hexdigest()
        lock = self.files.cache.folder / f"export-{name[:16]}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _another(self.files.place) from None
            yield
        finally:
            os.close(descriptor)

    def names(self) -> frozenset[str]:
        """List what lies directly in it."""
        objects = self.files.objects
        return frozenset({*objects.sizes(""), *objects.folders("")})

    @contextmanager
    def begun(self, cluster: str, before: ArchiveLog | None) -> Iterator[UnfinishedBucketExport]:
        """Begin an export, or go on with what one left that wrote the same."""
        with self.files.cache.work_folder("export-") as folder:
            base = before.digest if before is not None else ""
            yield UnfinishedBucketExport(self.files, folder, cluster, base)


class UnfinishedBucketExport:
    """What is written of an export; raises Transient where the bucket refuses."""

    def __init__(self, files: BucketFiles, folder: Path, cluster: str, base: str) -> None:
        """Take up what is there; `folder` is of this machine, for what is not written yet."""
        self.folder = folder
        self.files: list[WrittenFile] = []
        self._target = files
        self._objects = files.objects
        self._cluster = cluster
        self._base = base
        self._at = f"{UNFINISHED}/{base or NEW}"
        self._begins: dict[Partition, int] = {}
        self._take_up()

    def next_offset(self, place: Partition, begin: int) -> int:
        """Return from where on a partition is to be written."""
        if self._begins.get(place, begin) > begin:  # what lay before was deleted
            self._drop([one for one in self.files if one.file.place() == place])
        lasts = [one.file.last + 1 for one in self.files if one.file.place() == place]
        return max(lasts, default=begin)

    def add(self, segment: Sequence[Stored], schemas: frozenset[int], after: int) -> None:
        """Write the next records of a partition, those from an offset on, into a part.

        Raises BadArchive where another export has done so.
        """
        topic, partition, first = segment[0].topic, segment[0].partition, segment[0].offset
        name = name_of(topic, partition, first)
        path = self.folder / "segment.avro"
        file = File(name, write_segment(path, segment), first, segment[-1].offset, len(segment))
        self._objects.put(f"{self._at}/{PARTS}/{file.sha256}", path.read_bytes())
        path.unlink()
        note = msgspec.json.encode(ExportNote(self._cluster, after, file, sorted(schemas)))
        where = f"{self._at}/{NOTES}/{note_of(name)}"
        if not self._objects.put(where, note, fresh=True) and self._objects.get(where) != note:
            raise _another(self._target.place)
        self._begins.setdefault((topic, partition), after)
        self.files.append(WrittenFile(file, schemas))

    def finish(self, manifest: dict[str, Any]) -> None:
        """Put everything in its place: parts, the manifest that tells of them, the seal.

        Raises BadArchive where another export came first; nothing that it wrote is touched.
        """
        before, tag = self._objects.get_tagged(MANIFEST)
        if _digest(before) != self._base:
            raise _another(self._target.place)
        in_threads(self._put_in_place, self.files)
        content = manifest_text(manifest).encode()
        put = self._objects.put(MANIFEST, content, fresh=before is None, replaces=tag or None)
        if not put and self._objects.get(MANIFEST) != content:
            raise _another(self._target.place)
        self._put_seal()
        for folder in self._objects.folders(UNFINISHED):
            if folder != _digest(content):  # another export may have begun to add to it
                self._objects.delete_folder(f"{UNFINISHED}/{folder}")

    def _put_in_place(self, one: WrittenFile) -> None:
        if not self._objects.copy(f"{self._at}/{PARTS}/{one.file.sha256}", one.file.file):
            raise BadArchive(
                f"what is unfinished of {self._target.place} was deleted meanwhile: call the same "
                "export again"
            )

    def _put_seal(self) -> None:
        """Put the seal in its place, each checkpoint behind what it signs, and drop older files.

        After the manifest: a seal of records of which that does not tell would say that the
        archive was cut.
        """
        sealed = self.folder / SEAL
        if not sealed.exists():
            return
        files = sorted(path for path in sealed.rglob("*") if path.is_file())
        names = {str(path.relative_to(self.folder)): path for path in files}
        heads = [name for name, path in names.items() if path.name == CHECKPOINT]
        for some in (names.keys() - set(heads), heads):
            in_threads(lambda name: self._objects.put(name, names[name].read_bytes()), some)
        older = [name for name in self._objects.names(SEAL) if name not in names]
        in_threads(self._objects.delete, older)

    # ------------------------------------------------------------------ what an export left

    def _take_up(self) -> None:
        """Take up the parts that are as they were written, as far as they follow one another."""
        ends: dict[Partition, int] = {}
        broken: set[Partition] = set()
        for name in list(self._objects.names(f"{self._at}/{NOTES}")):
            note = self._note(name)
            place = None if note is None else note.file.place()
            if note is None or place is None or place in broken or not self._follows(note, ends):
                broken |= set() if place is None else {place}
                self._objects.delete(name)
                continue
            ends[place] = note.file.last + 1
            self._begins.setdefault(place, note.after)
            self.files.append(WrittenFile(note.file, frozenset(note.schemas)))

    def _note(self, name: str) -> ExportNote | None:
        """Read a note; None for what is none. Raises BadArchive for one of another cluster."""
        content, _ = self._objects.get_tagged(name, NOTE_BYTES_MAX)
        try:
            note = msgspec.json.decode(content or b"", type=ExportNote)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if note.file.file != file_noted(name):
            return None
        if note.cluster != self._cluster and note.cluster:
            raise BadArchive(
                f"{self._target.place}/{UNFINISHED} is an unfinished export of cluster "
                f"{note.cluster[:100]}, this is {self._cluster}: name another prefix, or delete it"
            )
        return note if note.cluster == self._cluster else None

    def _follows(self, note: ExportNote, ends: dict[Partition, int]) -> bool:
        """Tell whether a part goes on where the one before ended, and is whole."""
        place = note.file.place()
        assert place is not None
        return ends.get(place, note.after) == note.after and self._is_whole(note.file)

    def _is_whole(self, file: File) -> bool:
        digest = hashlib.sha256()

        def begin() -> Any:
            nonlocal digest
            digest = hashlib.sha256()
            return digest.update

        part = f"{self._at}/{PARTS}/{file.sha256}"
        plain = "/" not in file.sha256 and file.sha256.strip(".") == file.sha256 != ""
        return plain and self._objects.copy_out(part, begin) and digest.hexdigest() == file.sha256

    def _drop(self, some: Sequence[WrittenFile]) -> None:
        for one in some:
            self.files.remove(one)
            self._objects.delete(f"{self._at}/{NOTES}/{note_of(one.file.file)}")


def _another(place: str) -> BadArchive:
    return BadArchive(
        f"another export writes to {place}: wait for its end and call this again, or name another "
        "prefix"
    )


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
