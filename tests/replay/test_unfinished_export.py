"""An export that is cut off goes on, and an archive grows by what was written since."""

import errno
import io
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import fastavro
import pytest

from replay.archive import MANIFEST, UNFINISHED, ArchiveLog, BadArchive
from replay.archive_faults import CUT_OFF
from replay.export import export
from replay.seal.audit_report import audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.seal_folder import SealFolder
from replay.unfinished_export import ExportStopped, held
from schemas.registry import FixedIds
from streams.running.admit import INBOX_TOPICS
from tests.memory_log import MemoryLog
from tests.replay.little_log import (
    ASKED,
    CONFIGURATION_TOPIC,
    REDACTED,
    a_log,
    with_every_topic,
)
from tests.replay.seal.sealed_log import SIGNER, SealedLog


def a_plain_log(count=5, **fields):
    log = MemoryLog()
    for number in range(count):
        log.put(ASKED, b"asked %d" % number, **fields)
        log.put(REDACTED, b"redacted %d" % number, partition=1, **fields)
    return log


def rows_of(folder):
    log = ArchiveLog(folder)
    return {place: list(log.records(*place)) for place in sorted(log.extents())}


def rows_of_log(log):
    return {
        place: list(log.records(*place))
        for place in sorted(log.topics)
        if place[0] not in INBOX_TOPICS
    }


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def full_after(monkeypatch, writes, error=errno.ENOSPC):
    """Let the disk take so many more files, and then a part of one."""
    left = [writes]

    def writer(file, *arguments, **options):
        if not left[0]:
            file.write(b"Obj")
            raise OSError(error, "No space left on device")
        left[0] -= 1
        written(file, *arguments, **options)

    written = fastavro.writer
    monkeypatch.setattr(fastavro, "writer", writer)


@pytest.mark.parametrize("files", range(6))
def test_a_full_disk_stops_it_in_words_and_the_same_command_goes_on(tmp_path, monkeypatch, files):
    log, target = a_plain_log(), tmp_path / "a"
    with monkeypatch.context() as patch:
        full_after(patch, files)
        with pytest.raises(ExportStopped, match=r"takes no more \(No space left on device\)"):
            export(log, target, segment_records=2)
    assert not list(target.rglob("*.part"))
    with pytest.raises(BadArchive, match="unfinished"):
        ArchiveLog(target)
    log.put(ASKED, b"written meanwhile")
    told = []
    export(log, target, told.append, segment_records=2)
    assert len(told) == 6 - files + (files >= 3), "what is written is not written again"
    assert rows_of(target) == rows_of_log(log)
    assert not (target / UNFINISHED).exists()


def test_a_file_that_was_damaged_meanwhile_is_written_again(tmp_path, monkeypatch):
    log, target = a_plain_log(), tmp_path / "a"
    with monkeypatch.context() as patch:
        full_after(patch, 5)
        with pytest.raises(ExportStopped):
            export(log, target, segment_records=2)
    first = next((target / UNFINISHED / ASKED).rglob("*.avro"))
    first.write_bytes(first.read_bytes()[:-1])
    with (target / UNFINISHED / "journal").open("a") as journal:
        journal.write('{"file": {"fi')
    export(log, target, segment_records=2)
    assert rows_of(target) == rows_of_log(log)
    assert not [
        fault for fault in ArchiveLog(target).faults() if fault.topic == ASKED and fault.offset >= 0
    ]


async def test_an_archive_grows_by_what_was_written_since(tmp_path):
    log = with_every_topic(await a_log(2))
    first = export(log, tmp_path, cluster="c")
    before = files_of(tmp_path)
    more = await a_log(4)
    log.topics |= {place: rows for place, rows in more.topics.items() if rows}
    second = export(with_every_topic(log), tmp_path, since_last=True, cluster="c")
    assert rows_of(tmp_path) == rows_of_log(log)
    assert ArchiveLog(tmp_path).faults() == []
    after = files_of(tmp_path)
    assert all(after[name] == data for name, data in before.items() if name != MANIFEST)
    assert second["committed"] != first["committed"]
    third = export(log, tmp_path, since_last=True, cluster="c")
    assert third == second, "nothing new is nothing changed"


@pytest.mark.parametrize("files", range(3))
def test_growth_that_is_cut_off_leaves_the_archive_as_it_was(tmp_path, monkeypatch, files):
    log = with_every_topic(a_plain_log(3))
    export(log, tmp_path)
    before, faults = files_of(tmp_path), ArchiveLog(tmp_path).faults()
    for number in range(3):
        log.put(ASKED, b"later %d" % number)
    with monkeypatch.context() as patch:
        full_after(patch, files)
        with pytest.raises(ExportStopped):
            export(log, tmp_path, segment_records=1, since_last=True)
    left = {n: d for n, d in files_of(tmp_path).items() if not n.startswith(UNFINISHED)}
    assert left == before
    assert ArchiveLog(tmp_path).faults() == faults
    export(log, tmp_path, segment_records=1, since_last=True)
    assert rows_of(tmp_path) == rows_of_log(log)


def test_a_crash_while_files_get_their_places_is_made_good(tmp_path, monkeypatch):
    log = a_plain_log()

    def crash(_):  # nothing else walks
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(os, "walk", crash)
        with pytest.raises(InterruptedError):
            export(log, tmp_path, segment_records=2)
    told = []
    export(log, tmp_path, told.append, segment_records=2)
    assert told == [], "nothing is written twice"
    assert rows_of(tmp_path) == rows_of_log(log)


def test_two_exports_into_one_folder_do_not_meet(tmp_path):
    log = a_plain_log()
    export(log, tmp_path)
    log.put(ASKED, b"later")
    with held(tmp_path), pytest.raises(BadArchive, match="another export writes to"):
        export(log, tmp_path, since_last=True)
    export(log, tmp_path, since_last=True)
    assert rows_of(tmp_path) == rows_of_log(log)


@pytest.mark.parametrize("number", range(8))
def test_an_archive_is_sound_wherever_its_growth_ends(tmp_path, monkeypatch, number):
    log = SealedLog(tmp_path / "seal").put(3)
    folder = tmp_path / "archive"
    log.seal()
    export(log.log, folder, sealed=log.folder)
    faults = ArchiveLog(folder).faults()
    log.put(3)
    log.seal()
    left, replace = [number], Path.replace

    def ending(path, target):
        if Path(target).parent in {folder, folder / UNFINISHED} or path.suffix == ".avro":
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Path, "replace", ending)
        export(log.log, folder, sealed=log.folder, since_last=True)
    archive = ArchiveLog(folder)
    new = [one.reason for one in archive.faults() if one not in faults]
    # until the same command goes on
    assert all(reason.endswith(f"does not name it; {CUT_OFF}") for reason in new)
    known = Checkpoints([SIGNER.verifier])
    known.take_all(of_folder(SealFolder(folder / "seal")), "archive")
    assert not audit(archive, SealFolder(folder / "seal"), known).findings


def edited(log, place, index, value):
    rows = log.topics[place]
    rows[index] = type(rows[index])(*place, rows[index].offset, 0, b"acme", value)


def cut(log):
    del log.topics[ASKED, 0][-1]


def dropped(log):
    log.topics[ASKED, 0] = [row for row in a_plain_log(9).topics[ASKED, 0] if row.offset > 6]
    extents = log.extents
    log.extents = lambda: {
        place: extent if place != (ASKED, 0) else type(extent)(*place, 7, 9)
        for place, extent in extents().items()
    }


def renumbered(log):
    numbers = log.ids._definitions
    log.ids = FixedIds({**numbers, 1: numbers[2], 2: numbers[1]}, log.ids._ids)


@pytest.mark.parametrize(
    ("change", "cluster", "says"),
    [
        (lambda log: edited(log, (ASKED, 0), -1, b"x"), "c", "another record lies at"),
        (cut, "c", "ends at 4 on the log, and at 5"),
        (lambda log: log.topics.pop((REDACTED, 1)), "c", "the log has no"),
        (dropped, "c", "what lay between is in neither"),
        (renumbered, "c", "gives id 1 to another schema"),
        (lambda _: None, "other", "is of the cluster c, this is other"),
    ],
)
def test_another_logs_records_are_not_added(tmp_path, change, cluster, says):
    log = a_plain_log()
    export(log, tmp_path, cluster="c")
    before = files_of(tmp_path)
    change(log)
    with pytest.raises(BadArchive, match=says):
        export(log, tmp_path, since_last=True, cluster=cluster)
    left = {n: d for n, d in files_of(tmp_path).items() if not n.startswith(UNFINISHED)}
    assert left == before


def test_what_retention_dropped_since_stays_in_the_archive(tmp_path):
    log = a_plain_log()
    export(log, tmp_path)
    whole = list(log.records(ASKED, 0))
    log.put(ASKED, b"later")
    log.topics[ASKED, 0] = log.topics[ASKED, 0][-1:]
    extents = log.extents
    log.extents = lambda: {
        place: extent if place != (ASKED, 0) else type(extent)(*place, 5, 6)
        for place, extent in extents().items()
    }
    export(log, tmp_path, since_last=True)
    assert list(ArchiveLog(tmp_path).records(ASKED, 0)) == whole + log.topics[ASKED, 0]
    assert ArchiveLog(tmp_path).extents()[ASKED, 0].begin == 0


def test_what_was_compacted_since_does_not_stop_it(tmp_path):
    log = a_plain_log()
    log.put(CONFIGURATION_TOPIC, b"old", key=b"a")
    export(log, tmp_path)
    log.topics[CONFIGURATION_TOPIC, 0].pop()
    log.topics[CONFIGURATION_TOPIC, 0].append(
        type(log.topics[ASKED, 0][0])(CONFIGURATION_TOPIC, 0, 3, 0, b"a", b"new")
    )
    export(log, tmp_path, since_last=True)
    assert [one.offset for one in ArchiveLog(tmp_path).records(CONFIGURATION_TOPIC, 0)] == [0, 3]


def test_each_wrong_use_is_told(tmp_path):
    log, target = a_plain_log(), tmp_path / "a"
    with pytest.raises(BadArchive, match="is no archive: the first export does without"):
        export(log, target, since_last=True)
    export(log, target)
    with pytest.raises(BadArchive, match="--since-last adds to it"):
        export(log, target)
    (tmp_path / "b" / UNFINISHED).mkdir(parents=True)
    begun = {"cluster": "other", "base": ""}
    (tmp_path / "b" / UNFINISHED / "journal").write_text(json.dumps(begun) + "\n")
    with pytest.raises(BadArchive, match="unfinished export of cluster other, this is c"):
        export(log, tmp_path / "b", cluster="c")


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_a_folder_that_can_not_be_written_is_told(tmp_path, monkeypatch, error):
    full_after(monkeypatch, 0, error)
    with pytest.raises(ExportStopped, match="can't be written to"):
        export(a_plain_log(), tmp_path / "a")


def test_files_are_plain_avro_for_the_library(tmp_path):
    export(a_plain_log(), tmp_path)
    path = next((tmp_path / ASKED).rglob("*.avro"))
    reader = fastavro.reader(io.BytesIO(path.read_bytes()))
    assert reader.codec == "zstandard"
    assert [row["value"] for row in reader] == [b"asked %d" % n for n in range(5)]
    shutil.rmtree(tmp_path)
