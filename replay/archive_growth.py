"""Whether a log is the one that an archive was made of, so that its newer records may be added."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from replay.archive import ArchiveLog, BadArchive
from replay.log import Log, Stored, records_within
from streams.log.offsets import Extent, Partition
from streams.topics import by_name

ANOTHER = "name the folder of this log's archive, or a new one"


def check_growth(archive: ArchiveLog, log: Log, cluster: str) -> None:
    """Check that a log goes on where an archive ends; raises BadArchive that says where not.

    The last record of each partition must be the one that the archive holds. Earlier ones are not
    compared: `playhead audit check` and `replay verify` do that.
    """
    known = archive.manifest.cluster
    if known and cluster and known != cluster:
        raise BadArchive(f"{archive.place} is of the cluster {known}, this is {cluster}: {ANOTHER}")
    extents = log.extents()
    for place, before in sorted(archive.extents().items()):
        reason = _against(before, extents.get(place), compacted=_compacted(place))
        if not reason and before.begin < before.end:
            reason = _against_last(archive, log, place, extents[place])
        if reason:
            raise BadArchive(f"{archive.place} can't grow: {reason}; {ANOTHER}")


def _compacted(place: Partition) -> bool:
    topic = by_name().get(place[0])
    return topic is not None and topic.compacted


def _against(before: Extent, now: Extent | None, *, compacted: bool) -> str:
    place = f"{before.topic}[{before.partition}]"
    if now is None:
        return f"the log has no {place}"
    if now.end < before.end:
        return f"{place} ends at {now.end} on the log, and at {before.end} in the archive"
    if now.begin > before.end and not compacted:
        return (
            f"{place} begins at {now.begin} on the log, and ends at {before.end} in the archive: "
            "what lay between is in neither"
        )
    return ""


def _against_last(archive: ArchiveLog, log: Log, place: Partition, now: Extent) -> str:
    """Compare the archive's last record of a partition with what lies there now."""
    files = archive.files(*place)
    if not files or files[-1].last < now.begin:
        return ""  # dropped since, by retention
    last = _last(archive.records_of(files[-1], place))
    if last is None:
        return f"{files[-1].file} holds no record"
    at_it = Extent(*place, last.offset, last.offset + 1)
    found = next(records_within(log, at_it), None)
    if found == last or (found is None and _compacted(place)):
        return ""
    return f"another record lies at {place[0]}[{place[1]}]@{last.offset} than the archive's"


def _last(records: Iterable[Stored]) -> Stored | None:
    ended = deque(records, maxlen=1)
    return ended[0] if ended else None


def merged_definitions(now: Mapping[str, Any], archive: ArchiveLog) -> dict[str, Any]:
    """Merge the definitions of an archive with those in force; raises BadArchive."""
    before = archive.manifest.schemas.definitions
    merged = {str(schema_id): definition for schema_id, definition in before.items()}
    for schema_id, definition in now.items():
        if merged.get(schema_id, definition) != definition:
            raise BadArchive(
                f"{archive.place} can't grow: the registry gives id {schema_id} to another schema "
                f"than before; {ANOTHER}"
            )
        merged[schema_id] = definition
    return merged
