"""Export: copy a log into an archive (see `replay.archive` for what that is)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import fastavro

from replay.archive import FORMAT, MANIFEST, ArchiveLog, BadArchive
from replay.log import Log, Stored
from replay.seal.archived import copy_seal
from replay.seal.seal_folder import SealFolder
from schemas import ArchivedHeader, ArchivedRecord, Event
from schemas.definitions import parsed
from schemas.registry import SchemaIds, UnknownSchema
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.admit import INBOX_TOPICS
from streams.topics import STEPS

SEGMENT_RECORDS = 20_000  # a file of some tens of megabytes: few enough files, none too large


def export(
    log: Log,
    target: Path,
    progress: Callable[[int], None] = lambda _: None,
    segment_records: int = SEGMENT_RECORDS,
    sealed: SealFolder | None = None,
) -> dict[str, Any]:
    """Copy a log into a new folder, with what was `sealed` of it, and return the manifest.

    The manifest is written last, so that a folder without one is known to be unfinished. The inbox
    is left out: it may hold plain text and is no part of the durable log. Raises BadArchive where
    the folder holds something already.
    """
    if target.exists() and any(target.iterdir()):
        raise BadArchive(f"{target} is not empty: name a new folder")
    target.mkdir(parents=True, exist_ok=True)
    extents = [
        extent for (topic, _), extent in sorted(log.extents().items()) if topic not in INBOX_TOPICS
    ]
    files: list[dict[str, Any]] = []
    schema_ids: set[int] = set()
    codec = Codec(log.ids)
    copied = 0
    for extent in extents:
        (target / extent.topic / str(extent.partition)).mkdir(parents=True, exist_ok=True)
        for segment in _segments(log, extent, segment_records):
            files.append(_write_segment(target, segment))
            schema_ids |= _schema_ids(segment, codec)
            copied += len(segment)
            progress(copied)
    manifest = _manifest(log, extents, files, schema_ids)
    if sealed is not None:
        manifest["checkpoints"] = copy_seal(sealed, target, log.extents())
    unfinished = target / f".{MANIFEST}"
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(target / MANIFEST)
    return manifest


def _segments(log: Log, extent: Extent, size: int) -> Iterator[list[Stored]]:
    records = log.records(extent.topic, extent.partition)
    while segment := list(islice(records, size)):
        yield segment


def _schema_ids(segment: Sequence[Stored], codec: Codec) -> set[int]:
    """Collect the ids of records and of the responses within them, which may be of other versions.

    What can't be decoded is kept as it is: verify reports it.
    """
    schema_ids = set()
    for stored in segment:
        with suppress(Undecodable):
            schema_ids.add(schema_id_of(stored.value))
            event = codec.decode_any(stored.value)
            for effect in event.meta.effects if isinstance(event, Event) else ():
                if effect.response is not None:
                    with suppress(Undecodable):
                        schema_ids.add(schema_id_of(effect.response))
    return schema_ids


def _manifest(
    log: Log, extents: Sequence[Extent], files: list[dict[str, Any]], schema_ids: set[int]
) -> dict[str, Any]:
    topics: dict[str, dict[str, dict[str, int]]] = {}
    for extent in extents:
        partitions = topics.setdefault(extent.topic, {})
        partitions[str(extent.partition)] = {"begin": extent.begin, "end": extent.end}
    return {
        "format": FORMAT,
        "topics": topics,
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


def _schemas(ids: SchemaIds, used: set[int]) -> dict[str, Any]:
    """Collect every schema that a record or an effect may refer to."""
    names = {}
    for record in dict.fromkeys(subjects().values()):
        try:
            names[record] = ids.id_of(record)
        except UnknownSchema:
            continue
    definitions = {}
    for schema_id in sorted(used | set(names.values())):
        try:
            definitions[str(schema_id)] = ids.definition_of(schema_id)
        except UnknownSchema:
            continue  # a record refers to a schema that nobody knows: verify reports the record
    return {"ids": names, "definitions": definitions}


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
