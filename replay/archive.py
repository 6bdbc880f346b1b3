"""Archive: a copy of the log in files that need no broker.

    <topic>/<partition>/<first-offset>.avro   Avro object container files of ArchivedRecord
    manifest.json                             topics, offsets, SHA-256, schemas, commit positions

Values are kept as they lie on the broker, so that an archive verifies byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

import fastavro

from replay.log import Log, Stored
from schemas import ArchivedHeader, ArchivedRecord
from schemas.definitions import parsed
from schemas.registry import FixedIds, SchemaIds, UnknownSchema
from streams.log.codec import Undecodable, schema_id_of
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.admit import INBOX_TOPICS
from streams.topics import STEPS

FORMAT = 1
SEGMENT_RECORDS = 20_000  # a file of some tens of megabytes: few enough files, none too large
MANIFEST = "manifest.json"


class BadArchive(ValueError):
    """An archive that is damaged or not one of ours; the message names the file."""


def export(
    log: Log, target: Path, progress: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Copy a log into a new folder and return the manifest.

    The manifest is written last, so that a folder without one is known to be unfinished. The inbox
    is left out: it may hold plain text and is no part of the durable log. Raises BadArchive where
    the folder holds something already.
    """
    if target.exists() and any(target.iterdir()):
        raise BadArchive(f"{target} is not empty: name a new folder")
    target.mkdir(parents=True, exist_ok=True)
    files, schema_ids, copied = [], set(), 0
    for (topic, partition), extent in sorted(log.extents().items()):
        if topic in INBOX_TOPICS:
            continue
        records = log.records(topic, partition)
        while segment := list(islice(records, SEGMENT_RECORDS)):
            for stored in segment:
                try:
                    schema_ids.add(schema_id_of(stored.value))
                except Undecodable:
                    continue  # kept as it is; verify reports it
            files.append(_write_segment(target, segment))
            copied += len(segment)
            progress(copied)
        if extent.begin == extent.end:
            (target / topic / str(partition)).mkdir(parents=True, exist_ok=True)
    manifest = {
        "format": FORMAT,
        "topics": {
            topic: {
                str(partition): {"begin": extent.begin, "end": extent.end}
                for (name, partition), extent in sorted(log.extents().items())
                if name == topic
            }
            for topic in sorted({name for name, _ in log.extents()} - INBOX_TOPICS)
        },
        "files": files,
        "schemas": _schemas(log.ids, schema_ids),
        "committed": {
            step.name: {
                f"{topic}/{partition}": offset
                for (topic, partition), offset in sorted(log.committed(step.name).items())
            }
            for step in STEPS
        },
        "checkpoints": [],
    }
    unfinished = target / f".{MANIFEST}"
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(target / MANIFEST)
    return manifest


def _schemas(ids: SchemaIds, used: set[int]) -> dict[str, Any]:
    """Collect every schema that a record or an effect may refer to."""
    names = {}
    for record in dict.fromkeys(subjects().values()):
        try:
            names[record] = ids.id_of(record)
        except UnknownSchema:
            continue
    found = {}
    for schema_id in sorted(used | set(names.values())):
        try:
            found[str(schema_id)] = ids.definition_of(schema_id)
        except UnknownSchema:
            continue  # a record refers to a schema that nobody knows: verify reports the record
    return {"ids": names, "definitions": found}


def _write_segment(target: Path, segment: list[Stored]) -> dict[str, Any]:
    first, last = segment[0], segment[-1]
    path = target / first.topic / str(first.partition) / f"{first.offset:020d}.avro"
    path.parent.mkdir(parents=True, exist_ok=True)
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
    with path.open("wb") as file:
        fastavro.writer(file, parsed(ArchivedRecord.SCHEMA), rows, codec="deflate")
        file.flush()
        os.fsync(file.fileno())
    return {
        "file": str(path.relative_to(target)),
        "first": first.offset,
        "last": last.offset,
        "records": len(segment),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


class ArchiveLog:
    """The log in an archive.

    Raises BadArchive for a folder that is no archive. With `check_files`, a file that is missing or
    whose SHA-256 differs from the manifest is a BadArchive too; without it the records speak for
    themselves, which is what an auditor of an edited copy wants to see.
    """

    def __init__(self, folder: Path, *, check_files: bool = False) -> None:
        self._folder = folder
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadArchive(f"{folder} has no {MANIFEST}: not an archive, or unfinished") from None
        except ValueError:
            raise BadArchive(f"{folder / MANIFEST} is not JSON: export the archive again") from None
        if manifest.get("format") != FORMAT:
            raise BadArchive(
                f"{folder}: format {manifest.get('format')}, this release reads {FORMAT}"
            )
        self._manifest = manifest
        self._ids = FixedIds(
            {int(key): value for key, value in manifest["schemas"]["definitions"].items()},
            manifest["schemas"]["ids"],
        )
        if check_files:
            for entry in manifest["files"]:
                path = folder / entry["file"]
                if not path.exists():
                    raise BadArchive(f"{path} is missing: the manifest lists it")
                if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                    raise BadArchive(f"{path} was changed: its SHA-256 is not the manifest's")

    @property
    def ids(self) -> SchemaIds:
        """Schema ids of the archive."""
        return self._ids

    def extents(self) -> Mapping[tuple[str, int], Extent]:
        """Return the offsets that the manifest lists."""
        return {
            (topic, int(partition)): Extent(topic, int(partition), entry["begin"], entry["end"])
            for topic, partitions in self._manifest["topics"].items()
            for partition, entry in partitions.items()
        }

    def committed(self, step: str) -> Mapping[tuple[str, int], int]:
        """Return how far a step had acknowledged its inputs at the export."""
        found = {}
        for position, offset in self._manifest["committed"].get(step, {}).items():
            topic, _, partition = position.rpartition("/")
            found[topic, int(partition)] = int(offset)
        return found

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
            except (ValueError, EOFError, OSError, KeyError) as error:
                raise BadArchive(f"{path} can't be read: {type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Nothing is held open."""


def rewrite(folder: Path, topic: str, partition: int, edit: Callable[[Stored], Stored]) -> int:
    """Write the files of a partition again with every record edited; return how many changed.

    This is what a forger with access to an archive could do; the demo and the tests use it to show
    that verify notices. The manifest is left as it is.
    """
    before = list(ArchiveLog(folder).records(topic, partition))
    after = [edit(stored) for stored in before]
    for path in (folder / topic / str(partition)).glob("*.avro"):
        path.unlink()
    if after:
        _write_segment(folder, after)
    return sum(one != other for one, other in zip(before, after, strict=True))
