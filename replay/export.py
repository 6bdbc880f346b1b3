"""Export: copy a log into an archive (see `replay.archive` for what that is)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agents.errors import Transient
from replay.archive import (
    FORMAT,
    MANIFEST,
    UNFINISHED,
    ArchiveFiles,
    ArchiveLog,
    BadArchive,
    name_of,
)
from replay.archive_growth import check_growth, merged_definitions
from replay.archive_in_bucket import BucketFiles
from replay.bucket_export import ExportToBucket
from replay.log import Log, Stored, records_within
from replay.seal.archived import copy_seal
from replay.seal.seal_folder import SealFolder
from replay.unfinished_export import ExportStopped, ExportToFolder, WrittenFile, write_segment
from schemas import Event
from schemas.registry import SchemaIds, UnknownSchema
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import Extent, Partition
from streams.log.subjects import subjects
from streams.running.admit import INBOX_TOPICS
from streams.topics import STEPS

SEGMENT_RECORDS = 20_000  # a file of some tens of megabytes: few enough files, none too large
SEGMENT_BYTES = 64 * 2**20  # of values: they are in memory until their file is written


class BegunExport(Protocol):
    """What is written of an export, until it has come to its end."""

    folder: Path
    """Of this machine, where the seal is put to be."""
    files: list[WrittenFile]

    def next_offset(self, place: Partition, begin: int) -> int:
        """Return from where on a partition is to be written."""

    def add(self, segment: Sequence[Stored], schemas: frozenset[int], after: int) -> None:
        """Write the next records of a partition, those from an offset on."""

    def finish(self, manifest: dict[str, Any]) -> None:
        """Put everything in its place, the manifest last."""


class ExportTarget(Protocol):
    """Where an export goes to; methods raise OSError, Transient or BadArchive."""

    @property
    def files(self) -> ArchiveFiles:
        """The files of the archive."""

    def held(self) -> AbstractContextManager[None]:
        """Be the only export that writes there, as far as this machine goes."""

    def names(self) -> frozenset[str]:
        """List what lies directly in it."""

    def begun(self, cluster: str, before: ArchiveLog | None) -> AbstractContextManager[BegunExport]:
        """Begin an export, or go on with what one left that wrote the same."""


def export(
    log: Log,
    target: Path | BucketFiles,
    progress: Callable[[int], None] = lambda _: None,
    segment_records: int = SEGMENT_RECORDS,
    sealed: SealFolder | None = None,
    *,
    since_last: bool = False,
    cluster: str = "",
) -> dict[str, Any]:
    """Copy a log into a new folder, or below a prefix of a bucket; returns the manifest.

    With what was `sealed` of it. With `since_last` an archive of the same log gets what was written
    since. One that was cut off, by a full disk say, goes on when it is called again; until its end
    an archive stays as it was. `progress` is told how many records were dealt with. The inbox is
    left out: it may hold plain text and is no part of the durable log. Raises BadArchive where the
    target is not fit for it, ExportStopped where it takes no more.
    """
    to: ExportTarget = (
        ExportToFolder(target) if isinstance(target, Path) else ExportToBucket(target)
    )
    try:
        with to.held():
            return _export(
                log, to, progress, segment_records, sealed, since_last=since_last, cluster=cluster
            )
    except Transient as error:
        raise _stopped(to.files.place, str(error)) from error
    except OSError as error:
        if isinstance(error, TimeoutError | ConnectionError) or error.errno is None:
            raise
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise ExportStopped(
                f"{to.files.place} can't be written to ({error.strerror}): name another folder"
            ) from error
        raise _stopped(to.files.place, str(error.strerror)) from error


def _stopped(place: str, why: str) -> ExportStopped:
    return ExportStopped(
        f"{place} takes no more ({why}): what is written stays there, and the same command goes on "
        "from it; what was an archive before still is"
    )


def _export(
    log: Log,
    target: ExportTarget,
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
    codec = Codec(log.ids)
    extents = [
        extent for (topic, _), extent in sorted(log.extents().items()) if topic not in INBOX_TOPICS
    ]
    with target.begun(cluster, before) as unfinished:
        copied = sum(one.file.records for one in unfinished.files)
        for extent in extents:
            left = _left(extent, before, unfinished)
            after = left.begin
            for segment in _segments(log, left, segment_records):
                unfinished.add(segment, frozenset(_schema_ids(segment, codec)), after)
                after = segment[-1].offset + 1
                copied += len(segment)
                progress(copied)
        manifest = _manifest(log, extents, before, unfinished, cluster)
        if sealed is not None:
            manifest["checkpoints"] = copy_seal(sealed, unfinished.folder, log.extents())
        unfinished.finish(manifest)
    return manifest


def _archive_at(target: ExportTarget, *, since_last: bool) -> ArchiveLog | None:
    """Return the archive that is to grow, None for a new one; raises BadArchive."""
    names, place = target.names(), target.files.place
    if MANIFEST in names:
        if not since_last:
            raise BadArchive(
                f"{place} is an archive already: --since-last adds to it, or name a new folder"
            )
        return ArchiveLog(target.files)
    if since_last and UNFINISHED not in names:
        raise BadArchive(f"{place} is no archive: the first export does without --since-last")
    if names and UNFINISHED not in names:
        raise BadArchive(f"{place} is not empty: name a new folder")
    return None


def _left(extent: Extent, before: ArchiveLog | None, unfinished: BegunExport) -> Extent:
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
    unfinished: BegunExport,
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
