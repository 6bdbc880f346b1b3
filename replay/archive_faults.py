"""Where an archive is not as its manifest tells, or the manifest not as an export writes one.

The records are not decoded here: what they say is the business of verify.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise

from agents.changes import OLDEST, is_before
from agents.errors import Transient
from replay.archive import MANIFEST, ArchiveLog, File
from replay.avro_container import rows
from replay.disk_trouble import told_from_damage
from replay.log import Fault
from schemas import foreign
from schemas.definitions import NAMESPACE
from streams.log.offsets import Partition
from streams.running.admit import INBOX_TOPICS
from streams.topics import STEPS, TOPICS, Topic, by_name, topic_of

CUT_OFF = "an export was cut off as it put it there: the same export again goes on, and names it"
LISTED_MAX = 100  # faults of one kind: a folder may hold any number of foreign files
HASHED_BYTES = 1_048_576  # at once


def faults_of(archive: ArchiveLog) -> list[Fault]:
    """List the faults of an archive, kind by kind."""
    kinds: tuple[Callable[[ArchiveLog], Iterator[Fault]], ...] = (
        of_topics,
        _of_names,
        _of_contents,
        _of_foreign_files,
        _of_schemas,
        _of_commits,
    )
    return [fault for kind in kinds for fault in islice(kind(archive), LISTED_MAX)]


def of_topics(archive: ArchiveLog, known: Sequence[Topic] = TOPICS) -> Iterator[Fault]:
    """Every topic is told of, with as many lanes as the others.

    One that came after the oldest release whose logs are read may be lacking: the log has no schema
    of its records then.
    """
    topics = archive.manifest.topics
    lanes = max((len(partitions) for partitions in topics.values()), default=0)
    for name in sorted(topics.keys() - by_name().keys()):
        yield Fault(f"the manifest tells of {name}, which is no topic of this release", name)
    for topic in known:
        unknown = topic.record.SCHEMA not in archive.manifest.schemas.ids
        if topic.name in INBOX_TOPICS or (unknown and is_before(OLDEST, topic.since)):
            continue
        told = sorted(topics.get(topic.name, ()))
        expected = list(range(lanes if topic.partitioned else 1))
        if told != expected:
            yield Fault(
                f"the manifest tells of {len(told)} partitions of {topic.name}, not of "
                f"{len(expected)}",
                topic.name,
            )


def _of_names(archive: ArchiveLog) -> Iterator[Fault]:
    """Every file has the name that its first offset gives it, and follows the one before."""
    by_place: defaultdict[Partition, list[File]] = defaultdict(list)
    for entry in archive.manifest.files:
        place = entry.place()
        if place is None:
            yield Fault(f"the manifest names {entry.file!r}: no export gives such a name")
        else:
            by_place[place].append(entry)
    for place in by_place.keys() - archive.extents().keys():
        yield Fault("the manifest names files of it and not its offsets", *place)
    for place, extent in sorted(archive.extents().items()):
        files = by_place[place]
        if not files and extent.begin < extent.end and not _compacted(place[0]):
            yield Fault("the manifest names no file of it", *place, extent.begin)
        for before, entry in pairwise(files):
            if entry.first <= before.last:
                yield Fault(f"{entry.file} does not follow {before.file}", *place, entry.first)


def _compacted(topic: str) -> bool:
    return topic in by_name() and by_name()[topic].compacted


def _of_contents(archive: ArchiveLog) -> Iterator[Fault]:
    """Every file is the one that the manifest tells of."""
    before: File | None = None
    for entry in archive.manifest.files:
        place = entry.place()
        if place is None or entry == before:
            continue
        before = entry
        try:
            if _sha256(archive, entry) != entry.sha256:
                reason = f"{entry.file} was changed: its SHA-256 is not the manifest's"
                yield Fault(reason, *place, entry.first)
        except FileNotFoundError:
            yield Fault(f"{entry.file} is missing: the manifest lists it", *place, entry.first)
        except OSError as error:
            yield Fault(f"{entry.file} can't be read: {error.strerror}", *place, entry.first)
        else:
            yield from _of_rows(archive, entry, place)


def _sha256(archive: ArchiveLog, entry: File) -> str:
    digest = hashlib.sha256()
    with archive.source.open(entry.file, entry.sha256) as file, told_from_damage(entry.file):
        while part := file.read(HASHED_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _of_rows(archive: ArchiveLog, entry: File, place: Partition) -> Iterator[Fault]:
    """Compare how many rows a file has, and from where to where, with what the manifest says."""
    if archive.read.get(entry.file) == (entry.first, entry.last, entry.records):
        return
    count, first, last = 0, None, None
    try:
        with archive.source.open(entry.file, entry.sha256) as file, told_from_damage(entry.file):
            for row in rows(file):
                first = row["offset"] if first is None else first
                last, count = row["offset"], count + 1
                if count > entry.records:
                    break
    except Transient:  # it says nothing of the file
        raise
    except Exception:  # noqa: BLE001 - whoever reads the records tells what is wrong with them
        return
    if (first, last, count) != (entry.first, entry.last, entry.records):
        told = f"{entry.records} records from {entry.first} to {entry.last}"
        held = f"{count} from {first} to {last}"
        yield Fault(f"{entry.file} holds {held}, the manifest tells of {told}", *place, entry.first)


def _of_foreign_files(archive: ArchiveLog) -> Iterator[Fault]:
    """Every file beside the manifest is named by it; what lies there as well is nobody's.

    The seal is its own business: signatures hold it, and `playhead audit check` reads it. Nobody
    reads what the next export has begun. What that one has put in its place already, before the
    manifest, is a fault until it goes on, and is told as what it is: whoever copies the archive now
    would copy what nobody vouches for.
    """
    begun = archive.source.begun()
    named = {entry.file for entry in archive.manifest.files} | {MANIFEST}
    for path in archive.source.names():
        if path not in named:
            why = f"; {CUT_OFF}" if path in begun else ""
            yield Fault(f"{path} lies in the archive, and the manifest does not name it{why}")


def _of_schemas(archive: ArchiveLog) -> Iterator[Fault]:
    """Every definition is one of a record of ours, and the ids of records stand for them."""
    schemas = archive.manifest.schemas
    for record, schema_id in schemas.ids.items():
        definition = schemas.definitions.get(schema_id)
        if not isinstance(definition, dict) or definition.get("name") != record:
            yield Fault(f"the manifest's schema {schema_id} does not define {record}")
    for schema_id, definition in schemas.definitions.items():
        try:
            foreign.check(definition)
        except (foreign.UnfitDefinition, ValueError, TypeError) as error:
            yield Fault(f"nothing is read by the manifest's schema {schema_id}: {error}")
            continue
        if not isinstance(definition, dict) or definition.get("namespace") != NAMESPACE:
            yield Fault(f"the manifest's schema {schema_id} defines no record of ours")


def _of_commits(archive: ArchiveLog) -> Iterator[Fault]:
    """Every step tells how far it came in each input, and none came farther than its end."""
    for step in STEPS:
        committed = archive.committed(step.name)
        inputs = {topic_of(record) for record in step.reads}
        for place, extent in sorted(archive.extents().items()):
            if place[0] not in inputs:
                continue
            if place not in committed:
                yield Fault(f"the manifest does not tell how far {step.name} came in it", *place)
            elif not 0 <= committed[place] <= extent.end:
                reason = f"{step.name} acknowledged up to {committed[place]}, beyond its end"
                yield Fault(reason, *place, extent.end)
        for place in sorted(committed.keys() - archive.extents().keys()):
            if committed[place]:
                yield Fault(f"{step.name} acknowledged what is not in the archive", *place)
