"""Archive: the log in files that need no broker, as replay reads it.

    <topic>/<partition>/<first-offset>.avro   Avro object container files of ArchivedRecord
    manifest.json                             topics, offsets, SHA-256, schemas, commit positions

Values are kept as they lie on the broker, so that an archive verifies byte for byte. Written by
`replay.export`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import fastavro
import msgspec

from replay.log import Stored
from schemas.registry import FixedIds, SchemaIds
from streams.log.offsets import Extent, Partition

FORMAT = 1
MANIFEST = "manifest.json"


class BadArchive(ValueError):
    """An archive that is damaged or not one of ours; the message names the file."""


class Range(msgspec.Struct):
    """Offsets of a partition at the export."""

    begin: int
    end: int


class File(msgspec.Struct):
    """A container file, named by its path within the archive."""

    file: str
    sha256: str


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


def read_manifest(folder: Path) -> ArchiveManifest:
    """Read and check the manifest of an archive; raises BadArchive."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadArchive(f"{folder} has no {MANIFEST}: not an archive, or unfinished") from None
    except OSError as error:
        raise BadArchive(f"{path} can't be read: {error.strerror}") from None
    try:
        told = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadArchive(f"{path} is not JSON: export the archive again") from None
    version = told.get("format") if isinstance(told, dict) else None
    if version != FORMAT:
        raise BadArchive(f"{folder}: format {version}, this release reads {FORMAT}")
    try:
        return msgspec.convert(told, ArchiveManifest, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadArchive(f"{path} is not as a manifest must be: {error}") from None


class ArchiveLog:
    """The log in an archive.

    Raises BadArchive for a folder that is no archive. With `check_files`, a file that is missing or
    whose SHA-256 differs from the manifest is a BadArchive too; without it the records speak for
    themselves, which is what an auditor of an edited copy wants to see.
    """

    def __init__(self, folder: Path, *, check_files: bool = False) -> None:
        self._folder = folder
        manifest = read_manifest(folder)
        self._ids = FixedIds(manifest.schemas.definitions, manifest.schemas.ids)
        self._extents = {
            (topic, partition): Extent(topic, partition, offsets.begin, offsets.end)
            for topic, partitions in manifest.topics.items()
            for partition, offsets in partitions.items()
        }
        self._committed = {
            step: {_partition(name): offset for name, offset in positions.items()}
            for step, positions in manifest.committed.items()
        }
        if check_files:
            for entry in manifest.files:
                check_file(folder / entry.file, entry.sha256)

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
        """Read a partition's files in order; raises BadArchive for one that can't be read."""
        for path in sorted((self._folder / topic / str(partition)).glob("*.avro")):
            try:
                with path.open("rb") as file:
                    # read as written: the manifest's format says which definition that was
                    for row in cast("Iterator[dict[str, Any]]", fastavro.reader(file)):
                        yield Stored(
                            topic,
                            partition,
                            row["offset"],
                            row["timestamp_ms"],
                            row["key"],
                            row["value"],
                            tuple([(header["name"], header["value"]) for header in row["headers"]]),
                        )
            except Exception as error:  # noqa: BLE001 - damaged bytes raise whatever they lead to
                raise BadArchive(f"{path} can't be read: {type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Nothing is held open."""


def check_file(path: Path, sha256: str) -> None:
    """Hold a file against the manifest's SHA-256 of it; raises BadArchive."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise BadArchive(f"{path} is missing: the manifest lists it") from None
    if digest != sha256:
        raise BadArchive(f"{path} was changed: its SHA-256 is not the manifest's")


def _partition(name: str) -> Partition:
    topic, _, number = name.rpartition("/")
    if not number.isdecimal():
        raise BadArchive(f"the manifest's committed offsets name {name!r}: it must be TOPIC/NUMBER")
    return topic, int(number)
