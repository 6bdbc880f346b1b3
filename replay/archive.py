"""Archive: the log in files that need no broker, as replay reads it.

    <topic>/<partition>/<first-offset>.avro   Avro object container files of ArchivedRecord
    manifest.json                             topics, offsets, SHA-256, schemas, commit positions
    .unfinished/                              what an export wrote that has not come to its end
    seal/                                     signed checkpoints and trees, where the log was sealed

Values are kept as they lie on the broker, so that an archive verifies byte for byte. Written by
`replay.export`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agents.errors import Transient
from replay.avro_container import rows
from replay.disk_trouble import told_from_damage
from replay.log import Fault, Stored
from schemas.prepared_types import prepared
from schemas.registry import FixedIds, SchemaIds
from streams.log.offsets import Extent, Partition

FORMAT = 1
MANIFEST = "manifest.json"
UNFINISHED = ".unfinished"
SEAL = "seal"
MANIFEST_BYTES_MAX = 256 * 2**20  # a file of 20,000 records takes some 200 bytes of it
TOPICS_MAX = 1_000  # this release has some twenty
LANES_MAX = 4_096  # lanes are looked through for each tenant
OFFSET_MAX = 2**63 - 1  # the broker's own
PARTITION_DIGITS_MAX = 10  # it has 32 bits


class BadArchive(ValueError):
    """An archive that is damaged or not one of ours; the message names the file."""


class Range(msgspec.Struct):
    """Offsets of a partition at the export."""

    begin: int
    end: int


class File(msgspec.Struct):
    """A container file, named by its path within the archive, and what it holds."""

    file: str
    sha256: str
    first: int
    last: int
    records: int

    def place(self) -> Partition | None:
        """Return topic and partition that its name tells; None for one that an export never gives.

        So no name leads out of the archive.
        """
        match self.file.split("/"):
            case [topic, partition, _] if self.file == name_of(topic, partition, self.first):
                return topic, int(partition)
        return None


class Schemas(msgspec.Struct):
    """Our records' ids, and the definition behind every id."""

    ids: dict[str, int]
    definitions: dict[int, Any]


class ArchiveManifest(msgspec.Struct):
    """What an archive says of itself."""

    format: int
    topics: dict[str, dict[int, Range]]
    schemas: Schemas
    committed: dict[str, dict[str, int]]
    """Step -> TOPIC/PARTITION -> the next offset that it had not acknowledged."""
    files: list[File] = []
    checkpoints: list[str] = []
    """The newest signed checkpoint of each partition that was sealed."""
    cluster: str = ""
    """What the broker's cluster calls itself; empty where the export did not know."""


class ArchiveFiles(Protocol):
    """Where the files of an archive lie; raises Transient where they can't be reached or read."""

    @property
    def place(self) -> str:
        """What it is called in messages."""

    def open(self, name: str, sha256: str | None = None) -> BufferedReader:
        """Open a file for reading, at any offset; raises OSError for what is none of an archive.

        Where the file had to be brought here, one of another SHA-256 than is named is such.
        """

    def names(self) -> Iterator[str]:
        """List what lies there by its path; the seal, and what is unfinished, are left out."""

    def begun(self) -> frozenset[str]:
        """Return what an unfinished export calls the files that it has written."""


class FolderFiles:
    """An archive in a folder. It may be hostile: links are not followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def open(self, name: str, sha256: str | None = None) -> BufferedReader:  # noqa: ARG002 - nothing is brought
        """Open a file, as `ArchiveFiles.open`."""
        return open_file(self.folder, name)

    def names(self) -> Iterator[str]:
        """List what lies there, links too, as `ArchiveFiles.names`."""
        for folder, folders, files in os.walk(self.folder, onerror=_unlisted):
            here = Path(folder)
            if here == self.folder:
                skipped = [name for name in (SEAL, UNFINISHED) if name in folders]
                for name in skipped:
                    if not (here / name).is_symlink():
                        folders.remove(name)
            folders.sort()
            links = [name for name in folders if (here / name).is_symlink()]
            for name in sorted([*files, *links]):
                yield str((here / name).relative_to(self.folder))

    def begun(self) -> frozenset[str]:
        """Return the names in the journal, as `ArchiveFiles.begun`."""
        from replay.unfinished_export import names_begun

        return names_begun(self.folder)


def _unlisted(error: OSError) -> None:
    """Raise where a folder can't be listed, which else would pass for an empty one."""
    with told_from_damage(str(error.filename)):
        raise error


def files_at(folder: Path | ArchiveFiles) -> ArchiveFiles:
    """Return the files of a folder, or those that are given."""
    return FolderFiles(folder) if isinstance(folder, Path) else folder


def read_manifest(
    folder: Path | ArchiveFiles, bytes_max: int = MANIFEST_BYTES_MAX
) -> ArchiveManifest:
    """Read and check the manifest of an archive; raises BadArchive."""
    files = files_at(folder)
    return parsed_manifest(manifest_in(files, bytes_max), files.place)


def manifest_in(files: ArchiveFiles, bytes_max: int = MANIFEST_BYTES_MAX) -> bytes:
    """Read the manifest of an archive as it lies there; raises BadArchive."""
    path = f"{files.place}/{MANIFEST}"
    try:
        with files.open(MANIFEST) as file, told_from_damage(path):
            content = file.read(bytes_max + 1)
    except FileNotFoundError:
        raise BadArchive(
            f"{files.place} has no {MANIFEST}: not an archive, or unfinished"
        ) from None
    except OSError as error:
        raise BadArchive(f"{path} can't be read: {error.strerror}") from None
    if len(content) > bytes_max:
        raise BadArchive(f"{path} has more than {bytes_max} bytes: no export writes such")
    return content


prepared(ArchiveManifest)


def parsed_manifest(content: bytes, place: str) -> ArchiveManifest:
    """Check what a manifest says; `place` is the archive's. Raises BadArchive."""
    path = f"{place}/{MANIFEST}"
    try:
        told = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadArchive(f"{path} is not JSON: export the archive again") from None
    version = told.get("format") if isinstance(told, dict) else None
    if version != FORMAT:
        raise BadArchive(f"{place}: format {version}, this release reads {FORMAT}")
    try:
        return msgspec.convert(told, ArchiveManifest, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadArchive(f"{path} is not as a manifest must be: {error}") from None


def name_of(topic: str, partition: int | str, first: int) -> str:
    """Name the file of a partition that begins with an offset; empty where there is no such file.

    No name that could lead elsewhere is one.
    """
    number = str(partition)
    plain = bool(topic) and topic.strip(".") == topic and topic.isascii() and "/" not in topic
    if not (plain and _is_number(number) and str(int(number)) == number and first >= 0):
        return ""
    return f"{topic}/{number}/{first:020d}.avro"


def open_file(folder: Path, name: str) -> BufferedReader:
    """Open a file of an archive for reading.

    Raises OSError for a link, a pipe, a folder, or where none is; Transient where this machine
    can't tell.
    """
    with told_from_damage(f"{folder}/{name}"):
        return _opened(folder, name)


def _opened(folder: Path, name: str) -> BufferedReader:
    path = folder
    for part in name.split("/")[:-1]:
        path /= part
        if path.is_symlink():
            raise OSError(0, "a link leads to it: an archive holds files of its own")
    opened = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(0, "it is no file")
    return os.fdopen(opened, "rb")


class ArchiveLog:
    """The log in an archive, in a folder or wherever its files lie.

    Raises BadArchive for what is no archive. Whether its files are those that the manifest
    tells of is said by `faults`; the records speak for themselves, too.
    """

    def __init__(self, folder: Path | ArchiveFiles) -> None:
        self.source = files_at(folder)
        content = manifest_in(self.source)
        self.digest = hashlib.sha256(content).hexdigest()
        """SHA-256 of the manifest."""
        self.manifest = manifest = parsed_manifest(content, self.place)
        lanes = 1 + max((max(lanes, default=0) for lanes in manifest.topics.values()), default=0)
        for what, count, most in (
            ("topics", len(manifest.topics), TOPICS_MAX),
            ("lanes", lanes, LANES_MAX),
        ):
            if count > most:
                raise BadArchive(f"the manifest lists {count} {what}: no export has over {most}")
        self.read: dict[str, tuple[int, int, int]] = {}
        """Files that were read to their end -> first and last offset, and how many records."""
        self._files: dict[Partition, list[File]] = {}
        for entry in sorted(manifest.files, key=lambda entry: entry.first):
            if (place := entry.place()) is not None:
                files = self._files.setdefault(place, [])
                if entry not in files[-1:]:  # `faults` tells of one that is said again
                    files.append(entry)
        self._ids = FixedIds(manifest.schemas.definitions, manifest.schemas.ids)
        self._extents = {
            (topic, partition): _extent(topic, partition, offsets)
            for topic, partitions in manifest.topics.items()
            for partition, offsets in partitions.items()
        }
        self._committed = {
            step: {_partition(name): offset for name, offset in positions.items()}
            for step, positions in manifest.committed.items()
        }

    @property
    def place(self) -> str:
        """What it is called in messages: a folder, or an address."""
        return self.source.place

    @property
    def ids(self) -> SchemaIds:
        """Schema ids of the archive."""
        return self._ids

    def extents(self) -> Mapping[Partition, Extent]:
        """Return the offsets that the manifest lists."""
        return self._extents

    def committed(self, step: str) -> Mapping[Partition, int]:
        """Return how far a step had acknowledged its inputs at the export."""
        return self._committed.get(step, {})

    def load(self, lane: int) -> None:
        """Do nothing: files are read in any order."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition's files in order; raises BadArchive for one that can't be read.

        Only files that the manifest names are read, and no more of one than it says.
        """
        for entry in self.files(topic, partition):
            yield from self.records_of(entry, (topic, partition))

    def read_extent(self, extent: Extent) -> Iterator[Stored]:
        """Read a part of a partition; no file is opened that the manifest says lies outside."""
        place = extent.topic, extent.partition
        for entry in self.files(*place):
            if entry.last < extent.begin or entry.first >= extent.end:
                continue
            for stored in self.records_of(entry, place):
                if stored.offset >= extent.end:
                    return
                if stored.offset >= extent.begin:
                    yield stored

    def records_of(self, entry: File, place: Partition) -> Iterator[Stored]:
        """Read one file of a partition in order; raises BadArchive where it can't be read."""
        first = last = number = -1
        for number, row in enumerate(self._rows(entry)):
            if number == entry.records:
                break
            last = row["offset"]
            if not number:
                first = last
            yield Stored(
                *place,
                last,
                row["timestamp_ms"],
                row["key"],
                row["value"],
                tuple([(header["name"], header["value"]) for header in row["headers"]]),
            )
        else:
            self.read[entry.file] = first, last, number + 1

    def files(self, topic: str, partition: int) -> list[File]:
        """List the files of a partition that the manifest names, in the order of their offsets."""
        return self._files.get((topic, partition), [])

    def _rows(self, entry: File) -> Iterator[dict[str, Any]]:
        try:
            with self.source.open(entry.file, entry.sha256) as file, told_from_damage(entry.file):
                yield from rows(file)
        except Transient:  # it says nothing of the archive
            raise
        except OSError as error:
            raise BadArchive(f"{entry.file} can't be read: {error.strerror}") from None
        except Exception as error:  # noqa: BLE001 - damaged bytes raise whatever they lead to
            raise BadArchive(
                f"{entry.file} can't be read: {type(error).__name__}: {error}"
            ) from None

    def faults(self) -> list[Fault]:
        """Say where the archive is not as its manifest tells, or that not as an export's."""
        from replay.archive_faults import faults_of

        return faults_of(self)

    def close(self) -> None:
        """Nothing is held open."""


def _extent(topic: str, partition: int, offsets: Range) -> Extent:
    if not (0 <= partition <= OFFSET_MAX and 0 <= offsets.begin <= offsets.end <= OFFSET_MAX):
        raise BadArchive(f"the manifest's offsets of {topic}[{partition}] are none")
    return Extent(topic, partition, offsets.begin, offsets.end)


def _partition(name: str) -> Partition:
    topic, _, number = name.rpartition("/")
    if not _is_number(number):
        raise BadArchive(
            f"the manifest's committed offsets name {name[:100]!r}: it must be TOPIC/NUMBER"
        )
    return topic, int(number)


def _is_number(digits: str) -> bool:
    """Tell whether a text can be the number of a partition; one without end can't be read."""
    return digits.isdecimal() and len(digits) <= PARTITION_DIGITS_MAX
