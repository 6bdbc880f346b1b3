"""Export: copy a log into an archive (see `replay.archive` for what that is)."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from replay.archive import FORMAT, MANIFEST, UNFINISHED, ArchiveLog, BadArchive, name_of
from replay.archive_growth import check_growth, merged_definitions
from replay.log import Log, Stored, records_within
from replay.seal.archived import copy_seal
from replay.seal.seal_folder import SealFolder
from replay.unfinished_export import ExportStopped, UnfinishedExport, held, write_segment
from schemas import Event
from schemas.registry import SchemaIds, UnknownSchema
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.admit import INBOX_TOPICS
from streams.topics import STEPS

SEGMENT_RECORDS = 20_000  # a file of some tens of megabytes: few enough files, none too large
SEGMENT_BYTES = 64 * 2**20  # of values: they are in memory until their file is written


def export(
    log: Log,
    target: Path,
    progress: Callable[[int], None] = lambda _: None,
    segment_records: int = SEGMENT_RECORDS,
    sealed: SealFolder | None = None,
    *,
    since_last: bool = False,
    cluster: str = "",
) -> dict[str, Any]:
    """Copy a log into a new folder, with what was `sealed` of it, and return the manifest.

    With `since_last` an archive of the same log gets what was written since. One that was cut off,
    by a full disk say, goes on when it is called again; until its end an archive stays as it was.
    `progress` is told how many records were dealt with. The inbox is left out: it may hold plain
    text and is no part of the durable log. Raises BadArchive where the folder is not fit for it,
    ExportStopped where it takes no more.
    """
    try:
        with held(target):
            return _export(
                log,
                target,
                progress,
                segment_records,
                sealed,
                since_last=since_last,
                cluster=cluster,
            )
    except OSError as error:
        if isinstance(error, TimeoutError | ConnectionError) or error.errno is None:
            raise
        raise _stopped(target, error) from error


def _stopped(target: Path, error: OSError) -> ExportStopped:
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ExportStopped(
            f"{target} can't be written to ({error.strerror}): name another folder"
        )
    return ExportStopped(
        f"{target} takes no more ({error.strerror}): what is written stays there, and the same "
        "command goes on from it; what was an archive before still is"
    )


def _export(
    log: Log,
    target: Path,
    progress: Callable[[int], None],
    segment_records: int,
    sealed: SealFolder | None,
    *,
    since_last: bool,
    cluster: str,
) -> dict[str, Any]:
    before = _archive_at(target, since_last=since_last)
    if before is not None:
        check_growth(before, log, cluster)
    base = "" if before is None else hashlib.sha256((target / MANIFEST).read_bytes()).hexdigest()
    unfinished = UnfinishedExport(target, cluster, base)
    codec = Codec(log.ids)
    extents = [
        extent for (topic, _), extent in sorted(log.extents().items()) if topic not in INBOX_TOPICS
    ]
    copied = sum(one.file.records for one in unfinished.files)
    for extent in extents:
        for segment in _segments(log, _left(extent, before, unfinished), segment_records):
            unfinished.add(segment, frozenset(_schema_ids(segment, codec)))
            copied += len(segment)
            progress(copied)
    manifest = _manifest(log, extents, before, unfinished, cluster)
    if sealed is not None:
        manifest["checkpoints"] = copy_seal(sealed, unfinished.folder, log.extents())
    unfinished.finish(manifest)
    return manifest


def _archive_at(target: Path, *, since_last: bool) -> ArchiveLog | None:
    """Return the archive that is to grow, None for a new one; raises BadArchive."""
    if (target / MANIFEST).exists():
        if not since_last:
            raise BadArchive(
                f"{target} is an archive already: --since-last adds to it, or name a new folder"
            )
        return ArchiveLog(target)
    if since_last and not (target / UNFINISHED).is_dir():
        raise BadArchive(f"{target} is no archive: the first export does without --since-last")
    foreign = sorted(path.name for path in target.iterdir()) if target.exists() else []
    if foreign and UNFINISHED not in foreign:
        raise BadArchive(f"{target} is not empty: name a new folder")
    return None


def _left(extent: Extent, before: ArchiveLog | None, unfinished: UnfinishedExport) -> Extent:
    """Return the part of a partition that is not written yet."""
    place = extent.topic, extent.partition
    begin = extent.begin
    if before is not None and place in before.extents():
        begin = max(begin, before.extents()[place].end)
    return Extent(*place, unfinished.next_offset(place, begin), extent.end)


def _segments(log: Log, extent: Extent, size: int) -> Iterator[list[Stored]]:
    if extent.begin >= extent.end:
        return
    records = records_within(log, extent)
    while segment := _segment(records, size):
        yield segment


def _segment(records: Iterator[Stored], size: int) -> list[Stored]:
    segment, weight = [], 0
    for stored in islice(records, size):
        segment.append(stored)
        weight += len(stored.value or b"")
        if weight >= SEGMENT_BYTES:
            break
    return segment


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
    log: Log,
    extents: Sequence[Extent],
    before: ArchiveLog | None,
    unfinished: UnfinishedExport,
    cluster: str,
) -> dict[str, Any]:
    topics: dict[str, dict[str, dict[str, int]]] = {}
    for extent in extents:
        begin = extent.begin
        if before is not None and (known := before.extents().get((extent.topic, extent.partition))):
            begin = known.begin
        partitions = topics.setdefault(extent.topic, {})
        partitions[str(extent.partition)] = {"begin": begin, "end": extent.end}
    used = frozenset[int]().union(*(one.schemas for one in unfinished.files))
    schemas = _schemas(log.ids, set(used))
    if before is not None:
        schemas["definitions"] = merged_definitions(schemas["definitions"], before)
        schemas["ids"] = before.manifest.schemas.ids | schemas["ids"]
    files = [*(before.manifest.files if before else ()), *(one.file for one in unfinished.files)]
    files.sort(key=lambda file: (file.place() or ("", 0), file.first))
    return {
        "format": FORMAT,
        "topics": topics,
        "files": msgspec.to_builtins(files),
        "schemas": schemas,
        "committed": {
            step.name: {
                f"{topic}/{partition}": offset
                for (topic, partition), offset in sorted(log.committed(step.name).items())
            }
            for step in STEPS
        },
        "checkpoints": [],
        "cluster": cluster,
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
        write_segment(folder / name_of(topic, partition, after[0].offset), after)
    return sum(one != other for one, other in zip(before, after, strict=True))
