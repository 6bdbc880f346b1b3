"""Where an export writes until it has come to its end, and from which it goes on after a crash.

    .unfinished/<topic>/<partition>/<first-offset>.avro   files that are whole
    .unfinished/journal                                   one JSON object a line: of what log it is
                                                          a copy, then each file in turn

An archive is only touched at the end: the files get their places, then the manifest is replaced at
once. A file that the journal tells of is believed by its SHA-256 alone, so the journal itself needs
no care: what was lost of it is written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import msgspec

from replay.archive import (
    MANIFEST,
    SEAL,
    UNFINISHED,
    ArchiveLog,
    BadArchive,
    File,
    FolderFiles,
    name_of,
    open_file,
)
from replay.log import Stored
from schemas import ArchivedHeader, ArchivedRecord
from schemas.definitions import parsed
from schemas.prepared_types import prepared
from streams.log.offsets import Partition

JOURNAL = "journal"
JOURNAL_BYTES_MAX = 67_108_864  # that are read of a stranger's: of some hundred thousand files
LEVEL = (
    3  # of zstd, its own default: above, exports take longer than brokers do to hand records out
)
HASHED_BYTES = 1_048_576  # at once


prepared(File)


class ExportStopped(OSError):
    """The folder takes no more; what was written stays, and the export can go on from there."""


@dataclass(frozen=True)
class WrittenFile:
    """A file of the archive to be, and the ids of the schemas that its records name."""

    file: File
    schemas: frozenset[int]


@contextmanager
def held(target: Path) -> Iterator[None]:
    """Be the only export into a folder of this machine; raises BadArchive where another one is.

    Two would take each other's files away, and a manifest would tell of what is not there.
    """
    target.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadArchive(
                f"another export writes to {target}: wait for its end, or name another folder"
            ) from None
        yield
    finally:
        os.close(descriptor)


class ExportToFolder:
    """A folder as the target of an export; its methods may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self.files = FolderFiles(folder)

    def held(self) -> AbstractContextManager[None]:
        """Be the only export into it; raises BadArchive where another one is."""
        return held(self.files.folder)

    def names(self) -> frozenset[str]:
        """List what lies directly in it."""
        return frozenset(path.name for path in self.files.folder.iterdir())

    @contextmanager
    def begun(self, cluster: str, before: ArchiveLog | None) -> Iterator[UnfinishedExport]:
        """Begin an export, or go on with what one left that wrote the same."""
        base = before.digest if before is not None else ""
        yield UnfinishedExport(self.files.folder, cluster, base)


class UnfinishedExport:
    """The folder, of one archive; raises OSError where the disk refuses."""

    def __init__(self, target: Path, cluster: str, base: str) -> None:
        """Take up what an export left that wrote the same: `base` is the manifest it adds to."""
        self.target = target
        self.folder = target / UNFINISHED
        self._begins = {"cluster": cluster, "base": base}
        self.files: list[WrittenFile] = []
        self._take_up()

    def next_offset(self, place: Partition, begin: int) -> int:
        """Return from where on a partition is to be written."""
        lasts = [one.file.last + 1 for one in self.files if one.file.place() == place]
        return max(lasts, default=begin)

    def add(self, segment: Sequence[Stored], schemas: frozenset[int], after: int) -> None:  # noqa: ARG002 - the journal has an order
        """Write the next records of a partition, those from an offset on, into a file."""
        topic, partition, first = segment[0].topic, segment[0].partition, segment[0].offset
        name = name_of(topic, partition, first)
        written = write_segment(self.folder / name, segment)
        file = File(name, written, first, segment[-1].offset, len(segment))
        self._note({"file": msgspec.to_builtins(file), "schemas": sorted(schemas)})
        self.files.append(WrittenFile(file, schemas))

    def finish(self, manifest: dict[str, Any]) -> None:
        """Put everything in its place: files, the manifest that tells of them, the seal."""
        for one in self.files:
            path = self.folder / one.file.file
            if path.exists():
                place = self.target / one.file.file
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)
        for topic, partitions in manifest["topics"].items():
            for partition in partitions:
                (self.target / topic / partition).mkdir(parents=True, exist_ok=True)
        told = self.folder / MANIFEST
        with told.open("w", encoding="utf-8") as file:
            file.write(manifest_text(manifest))
            file.flush()
            os.fsync(file.fileno())
        _sync_folders(self.target)
        told.replace(self.target / MANIFEST)
        self._put_seal()
        _sync_folder(self.target)
        shutil.rmtree(self.folder)

    def _put_seal(self) -> None:
        """Put the seal in its place: after the manifest, for records without a seal are no fault.

        A seal of records that a manifest does not tell of would say that the archive was cut.
        """
        if (sealed := self.folder / SEAL).exists():
            if (before := self.target / SEAL).exists():
                before.replace(self.folder / f"{SEAL}.before")
            sealed.replace(self.target / SEAL)

    def _take_up(self) -> None:
        begins, *lines = self._journal() or [{}]
        if begins.get("cluster", "") != self._begins["cluster"]:
            if begins.get("cluster"):
                raise BadArchive(
                    f"{self.folder} is an unfinished export of cluster {begins['cluster']}, this "
                    f"is {self._begins['cluster']}: name another folder, or delete that one"
                )
            begins = {}
        if begins == self._begins:
            self.files = list(self._whole(lines))
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Write the journal anew, of what was taken up, and drop all else that lies here."""
        kept = {one.file.file for one in self.files}
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif str(path.relative_to(self.folder)) not in kept:
                path.unlink()
        lines: list[dict[str, Any]] = [self._begins]
        lines += [
            {"file": msgspec.to_builtins(one.file), "schemas": sorted(one.schemas)}
            for one in self.files
        ]
        for line in lines:
            self._note(line)

    def _whole(self, lines: Sequence[dict[str, Any]]) -> Iterator[WrittenFile]:
        """Yield the files that are as they were written, as far as they follow one another."""
        broken: set[Partition | None] = {None}
        for line in lines:
            file = msgspec.convert(line["file"], File)
            place = file.place()
            if place not in broken and self._is_whole(file):
                yield WrittenFile(file, frozenset(line["schemas"]))
            else:
                broken.add(place)

    def _is_whole(self, file: File) -> bool:
        """Tell whether a file is here, or in its place already, as it was written."""
        return any(
            path.is_file() and _sha256_of(path) == file.sha256
            for path in (self.folder / file.file, self.target / file.file)
        )

    def _journal(self) -> list[dict[str, Any]]:
        try:
            return _entries((self.folder / JOURNAL).read_bytes())
        except FileNotFoundError:
            return []

    def _note(self, entry: dict[str, Any]) -> None:
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def manifest_text(manifest: dict[str, Any]) -> str:
    """Spell a manifest as it lies in an archive."""
    return json.dumps(manifest, indent=1) + "\n"


def names_begun(target: Path) -> frozenset[str]:
    """Return what an unfinished export of an archive calls the files that it has written.

    Whoever gave us the archive may have put anything there: what is no journal names none.
    """
    try:
        with open_file(target, f"{UNFINISHED}/{JOURNAL}") as file:
            lines = _entries(file.read(JOURNAL_BYTES_MAX))
    except OSError:
        return frozenset()
    files = (line["file"] for line in lines[1:])
    return frozenset(str(one.get("file")) for one in files if isinstance(one, dict))


def _entries(journal: bytes) -> list[dict[str, Any]]:
    """Read a journal up to the first line that is none: one may be torn."""
    entries: list[dict[str, Any]] = []
    for line in journal.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(entry, dict) or (entries and "file" not in entry):
            break
        entries.append(entry)
    return entries


def write_segment(path: Path, segment: Sequence[Stored]) -> str:
    """Write records into a container, on the disk when this returns; returns its SHA-256.

    A file has its name only when it is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    rows = (
        ArchivedRecord(
            offset=stored.offset,
            timestamp_ms=stored.timestamp_ms,
            key=stored.key,
            value=stored.value,
            headers=tuple(ArchivedHeader(name=n, value=v) for n, v in stored.headers),
        ).to_avro()
        for stored in segment
    )
    try:
        with part.open("wb") as file:
            definition = parsed(ArchivedRecord.SCHEMA)
            fastavro.writer(
                file, definition, rows, codec="zstandard", codec_compression_level=LEVEL
            )
            file.flush()
            os.fsync(file.fileno())
        digest = _sha256_of(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return digest


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(HASHED_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _sync_folders(target: Path) -> None:
    """Make durable that files have their names, before the manifest tells of them."""
    for folder, folders, _ in os.walk(target):
        if UNFINISHED in folders:
            folders.remove(UNFINISHED)
        _sync_folder(Path(folder))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
