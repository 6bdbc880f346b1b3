"""An archive, and the log from where it ends: all that was written, whatever left the broker since.

A log of which Kafka took the beginning can't be verified by itself: conversations, documents and
tables go on from records that are not there. The archive has them. Where both have a record the
archive's counts, and that it is the same log is seen by the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from replay.archive import ArchiveLog
from replay.archive_growth import check_growth, merged_definitions
from replay.log import Fault, Log, Stored, records_within
from schemas.registry import SchemaIds, UnknownSchema
from streams.log.offsets import Extent, Partition


class JoinedLog:
    """A log that goes on where an archive ends."""

    def __init__(self, archive: ArchiveLog, log: Log, cluster: str = "") -> None:
        """Join both; raises BadArchive where the log does not go on from the archive.

        `cluster` is what the log's cluster calls itself.
        """
        check_growth(archive, log, cluster)
        merged_definitions(_known(log.ids, archive), archive)
        self.archive = archive
        self.log = log
        self._ids = JoinedIds(log.ids, archive.ids)
        self._extents = {
            place: replace(now, begin=min(now.begin, self._archived(now).begin))
            for place, now in log.extents().items()
        }

    @property
    def ids(self) -> SchemaIds:
        """Schema ids of both."""
        return self._ids

    def extents(self) -> Mapping[Partition, Extent]:
        """Return every partition from where the archive begins to where the log ends."""
        return self._extents

    def load(self, lane: int) -> None:
        """Do nothing: what was loaded would be read twice."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order; raises as archive and log do."""
        extent = self._extents.get((topic, partition))
        return iter(()) if extent is None else self.read_extent(extent)

    def read_extent(self, extent: Extent) -> Iterator[Stored]:
        """Read a part of a partition in order: the archive as far as it goes, then the log."""
        ends = self._archived(extent).end
        if extent.begin < ends:
            yield from self.archive.read_extent(replace(extent, end=min(extent.end, ends)))
        if extent.end > ends:
            yield from records_within(self.log, replace(extent, begin=max(extent.begin, ends)))

    def _archived(self, extent: Extent) -> Extent:
        """Return what the archive has of a partition: nothing, where it knows none of it."""
        place = extent.topic, extent.partition
        none = Extent(*place, extent.begin, extent.begin)
        return self.archive.extents().get(place, none)

    def committed(self, step: str) -> Mapping[Partition, int]:
        """Return how far a step has acknowledged its inputs."""
        return self.log.committed(step)

    def faults(self) -> list[Fault]:
        """List what is wrong with the archive, and with the log."""
        return [*self.archive.faults(), *self.log.faults()]

    def close(self) -> None:
        """Close both."""
        self.log.close()
        self.archive.close()


class JoinedIds:
    """Schema ids of a registry, and those of an archive that it does not know."""

    def __init__(self, now: SchemaIds, archived: SchemaIds) -> None:
        self._now = now
        self._archived = archived

    def id_of(self, record: str) -> int:
        """Return the id of our definition of a record; raises UnknownSchema."""
        try:
            return self._now.id_of(record)
        except UnknownSchema:
            return self._archived.id_of(record)

    def definition_of(self, schema_id: int) -> dict[str, Any]:
        """Return the definition behind an id; raises UnknownSchema."""
        try:
            return self._archived.definition_of(schema_id)
        except UnknownSchema:
            return self._now.definition_of(schema_id)


def _known(ids: SchemaIds, archive: ArchiveLog) -> dict[str, Any]:
    """Return what ids of an archive stand for now, as far as they are known any more."""
    found = {}
    for schema_id in archive.manifest.schemas.definitions:
        try:
            found[str(schema_id)] = ids.definition_of(schema_id)
        except UnknownSchema:
            continue
    return found
