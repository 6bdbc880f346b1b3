"""Import: copy an archive into a broker and a registry that hold nothing else.

Everything is as it was: order, offsets, ids, keys, headers, timestamps and bytes. What was written
before a crash is compared with the archive, byte for byte, and the import goes on behind it; once
all is written it is read back and compared again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import dropwhile

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from replay.archive import ArchiveLog, BadArchive
from replay.importing.archived_schemas import import_schemas
from replay.importing.dropping import put_back
from replay.importing.held_records import compared
from replay.importing.partition_writer import PartitionWriter
from replay.log import BrokerLog, Snapshot, Stored
from streams.log.broker_access import client_settings
from streams.log.offsets import Extent, Partition, extent_of
from streams.log.reading import new_consumer
from streams.log.setup import create_topics, partition_counts, wanted
from streams.settings import Settings
from streams.topics import STEPS, by_name, group_of

ANSWER_S = 60.0  # for the broker to name its topics: milliseconds where it is well
TOLD_MAX = 3  # faults of an archive that an error names; verify tells all
NAMED_MAX = 5  # topics that an error names
FILL_MAX = 10_000_000
"""Offsets without a record that are filled unless more are allowed."""
EMPTY_CLUSTER = (
    "an archive goes into an empty cluster: `playhead up --only kafka,registry --no-setup "
    "--run NEW` starts one"
)


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    records: int
    """Records of the archive that the broker holds, each compared with it."""
    written: int
    """Those that this run wrote; the others lay there already."""
    schemas: int
    """Schemas that the registry did not know before."""
    partitions: int


def import_archive(
    archive: ArchiveLog,
    settings: Settings,
    progress: Callable[[int], None] = lambda _: None,
    new_writer: Callable[[Settings], PartitionWriter] = PartitionWriter,
    *,
    fill_max: int = FILL_MAX,
) -> Imported:
    """Import an archive, or go on with an import of it that was cut off.

    `progress` is told how many offsets were dealt with, of `offsets_of`: held already, or written.
    Raises BadArchive where the archive is damaged, where more than `fill_max` offsets hold nothing,
    or where the cluster holds anything else on a topic of ours; nothing of the cluster was changed
    then. KafkaException, RegistryAway and TimeoutError end it: call it again.
    """
    _refuse_damaged(archive)
    _refuse_other_lanes(archive, settings)
    writer = new_writer(settings)
    try:
        if places := _places(settings):
            writer.end_transactions()
        held = _held(settings, places)
        _refuse_to_fill(archive, held, fill_max)
        _compare(archive, settings, held, progress)
        # tables of steps lie on the broker too, and no import drops anything of them
        compacted = {name for name, one in by_name().items() if one.compacted}
        compacted &= {topic for topic, _ in places}
        put_back(AdminClient({**client_settings(settings), "log_level": 0}), sorted(compacted))
        schemas = import_schemas(settings, archive.manifest.schemas.definitions)
        create_topics(settings)
        written = _write(archive, writer, held, progress)
    finally:
        writer.close()
    records = _compare(archive, settings, _held(settings, _places(settings)), lambda _: None)
    _commit(archive, settings)
    return Imported(records, written, schemas, len(archive.extents()))


def offsets_of(archive: ArchiveLog) -> int:
    """Count the offsets that an import deals with, those that hold nothing among them."""
    return sum(extent.end for extent in archive.extents().values())


def _refuse_to_fill(archive: ArchiveLog, held: Mapping[Partition, Extent], fill_max: int) -> None:
    """Raise BadArchive where it would take very long to have nothing lie where nothing lay."""
    empty = {place: _empty(archive, extent, held) for place, extent in archive.extents().items()}
    if (total := sum(empty.values())) <= fill_max:
        return
    (topic, number), most = max(empty.items(), key=lambda one: one[1])
    raise BadArchive(
        f"{total:,} offsets hold nothing in the archive, {most:,} of them on {topic}[{number}]; a "
        "broker counts on by records alone, so each takes one that is written and taken away. "
        f"Nothing was changed; `--fill-max {total}` does it all the same, and tells how long"
    )


def _empty(archive: ArchiveLog, extent: Extent, held: Mapping[Partition, Extent]) -> int:
    """Count the offsets of a partition that are to be filled."""
    place = (extent.topic, extent.partition)
    begin = held[place].end if place in held else 0
    records = sum(
        min(file.records, max(0, file.last + 1 - begin))
        for file in archive.manifest.files
        if file.place() == place
    )
    return max(0, extent.end - begin - records)


def _refuse_damaged(archive: ArchiveLog) -> None:
    faults = archive.faults()
    if faults:
        told = "; ".join(fault.reason for fault in faults[:TOLD_MAX])
        more = f" and {len(faults) - TOLD_MAX} more" if len(faults) > TOLD_MAX else ""
        raise BadArchive(
            f"the archive is not as it was written: {told}{more}. Nothing was imported; "
            f"`playhead replay verify --archive {archive.place}` tells more"
        )
    if unknown := sorted({topic for topic, _ in archive.extents()} - by_name().keys()):
        raise BadArchive(f"this release has no topic {unknown[0]}: import with a later one")


def _refuse_other_lanes(archive: ArchiveLog, settings: Settings) -> None:
    lanes = max(
        (number + 1 for topic, number in archive.extents() if by_name()[topic].partitioned),
        default=0,
    )
    if lanes not in {0, settings.partitions}:
        raise BadArchive(
            f"the archive has {lanes} lanes, the settings say {settings.partitions}: set "
            f"PLAYHEAD_PARTITIONS={lanes} for the new cluster, since records name their lane"
        )


def _places(settings: Settings) -> list[Partition]:
    """List the partitions of our topics that the broker has."""
    counts = partition_counts(AdminClient({**client_settings(settings), "log_level": 0}))
    return [
        (topic.topic, number)
        for topic in wanted(settings)
        for number in range(counts.get(topic.topic, 0))
    ]


def _held(settings: Settings, places: Sequence[Partition]) -> Mapping[Partition, Extent]:
    """Return the offsets of partitions that are not as new."""
    if not places:
        return {}
    with closing(new_consumer(settings, "import")) as consumer:
        consumer.list_topics(timeout=ANSWER_S)  # else each place looks its leader up, slowly
        extents = [extent_of(consumer, *place) for place in places]
    return {(extent.topic, extent.partition): extent for extent in extents if extent.end > 0}


def _compare(
    archive: ArchiveLog,
    settings: Settings,
    held: Mapping[Partition, Extent],
    progress: Callable[[int], None],
) -> int:
    """Compare all that a broker holds with the archive; returns how many records are equal.

    Raises BadArchive that names the topics which hold anything else.
    """
    reasons: dict[str, str] = {}
    equal = dealt = 0
    if not held:
        return 0
    with closing(BrokerLog(settings, like=Snapshot({}, held))) as log:
        for place, extent in sorted(held.items()):
            if place[0] in reasons:
                continue
            try:
                equal += _compare_partition(archive, log, extent)
            except BadArchive as error:
                reasons[place[0]] = str(error)
            dealt += extent.end
            progress(dealt)
    if reasons:
        names = ", ".join(sorted(reasons)[:NAMED_MAX])
        more = f" and {len(reasons) - NAMED_MAX} more" if len(reasons) > NAMED_MAX else ""
        raise BadArchive(
            f"the cluster holds other records on {names}{more} ({reasons[min(reasons)]}). "
            f"Nothing was changed; {EMPTY_CLUSTER}"
        )
    return equal


def _compare_partition(archive: ArchiveLog, log: BrokerLog, held: Extent) -> int:
    told = archive.extents().get((held.topic, held.partition))
    if told is None:
        raise BadArchive(f"{held.topic}[{held.partition}] is not in the archive")
    if held.end > told.end:
        raise BadArchive(
            f"{held.topic}[{held.partition}] ends at {held.end}, in the archive at {told.end}"
        )
    return compared(
        archive.records(held.topic, held.partition),
        log.read_extent(held),
        held.end,
        compacted=by_name()[held.topic].compacted,
    )


def _write(
    archive: ArchiveLog,
    writer: PartitionWriter,
    held: Mapping[Partition, Extent],
    progress: Callable[[int], None],
) -> int:
    written, dealt = 0, sum(extent.end for extent in held.values())
    for place, extent in sorted(archive.extents().items()):
        before = held.get(place, Extent(*place, 0, 0))
        if before.end >= extent.end and before.begin >= extent.begin:
            continue
        rest, begun = _from(archive, before), dealt - before.end

        def reached(offset: int, begun: int = begun) -> None:
            progress(begun + offset)

        compacted = by_name()[place[0]].compacted
        for stored in writer.write(extent, before, rest, compacted=compacted, filled=reached):
            written += 1
            reached(stored.offset + 1)
        dealt = begun + extent.end
        progress(dealt)
    return written


def _from(archive: ArchiveLog, held: Extent) -> Iterator[Stored]:
    """Read the records of a partition that lie where the broker's ends, and behind."""
    rows = archive.records(held.topic, held.partition)
    return dropwhile(lambda stored: stored.offset < held.end, rows)


def _commit(archive: ArchiveLog, settings: Settings) -> None:
    """Tell each step's group how far it had come: verify goes by it, and workers go on from it."""
    for step in STEPS:
        places = [
            TopicPartition(topic, number, offset)
            for (topic, number), offset in sorted(archive.committed(step.name).items())
            if (topic, number) in archive.extents()
        ]
        if not places:
            continue
        client = Consumer(
            {**client_settings(settings), "group.id": group_of(step.name), "log_level": 0}
        )
        try:
            client.commit(offsets=places, asynchronous=False)
        finally:
            client.close()
