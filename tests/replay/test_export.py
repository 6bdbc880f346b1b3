"""What an export writes, and in which order."""

import dataclasses
import hashlib
import json

import pytest
from msgspec.structs import replace

from replay.archive import MANIFEST, ArchiveLog, BadArchive
from replay.export import export, rewrite
from schemas import InboxDocument
from schemas.registry import FixedIds
from streams.log.codec import HEADER, MAGIC
from streams.running.run import stamped
from streams.topics import STEPS, topic_of
from tests.memory_log import MemoryLog
from tests.replay.little_log import ASKED, REDACTED, a_log, changed, verified, with_every_topic


async def test_the_manifest_tells_topics_files_schemas_and_commits(tmp_path):
    log = await a_log(3)
    manifest = export(log, tmp_path / "a")
    assert manifest == json.loads((tmp_path / "a" / MANIFEST).read_text())
    assert manifest["format"] == 1
    assert manifest["topics"][ASKED] == {"0": {"begin": 0, "end": 3}}
    assert set(manifest["committed"]) == {step.name for step in STEPS}
    assert manifest["committed"]["redact"][f"{ASKED}/0"] == log.committed("redact")[ASKED, 0]
    assert manifest["checkpoints"] == []
    used = {row.value[4] for rows in log.topics.values() for row in rows}
    assert {str(number) for number in used} <= set(manifest["schemas"]["definitions"])


async def test_what_only_a_response_was_written_with_is_defined_too(tmp_path):
    log = await a_log(1)
    ours = log.ids.id_of("Generated")
    older = len(log.ids._ids) + 100
    log.ids = FixedIds(
        {**log.ids._definitions, older: log.ids.definition_of(ours)}, {**log.ids._ids}
    )

    def as_older(record):
        effects = tuple(
            replace(one, response=HEADER.pack(MAGIC, older) + one.response[HEADER.size :])
            if one.kind == "Generate"
            else one
            for one in record.meta.effects
        )
        return stamped(record, replace(record.meta, effects=effects))

    for index in range(2):
        changed(log, index, as_older)
    manifest = export(with_every_topic(log), tmp_path)
    assert manifest["schemas"]["definitions"][str(older)] == log.ids.definition_of(ours)
    assert (await verified(ArchiveLog(tmp_path))).status == 0


async def test_each_file_is_listed_with_its_offsets_and_checksum(tmp_path):
    manifest = export(await a_log(3), tmp_path)
    entry = next(one for one in manifest["files"] if one["file"].startswith(REDACTED))
    path = tmp_path / entry["file"]
    assert entry == {
        "file": f"{REDACTED}/0/{0:020d}.avro",
        "first": 0,
        "last": 8,
        "records": 9,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize(("size", "files"), [(1, 5), (2, 3), (5, 1), (6, 1)])
def test_a_long_partition_is_cut_into_files_that_are_read_in_order(tmp_path, size, files):
    log = MemoryLog()
    for number in range(5):
        log.put(ASKED, str(number).encode())
    told = []
    manifest = export(log, tmp_path, told.append, segment_records=size)
    assert len(manifest["files"]) == files
    assert told[-1] == 5
    assert list(ArchiveLog(tmp_path).records(ASKED, 0)) == list(log.records(ASKED, 0))


def test_an_empty_partition_has_a_folder_and_no_file(tmp_path):
    log = MemoryLog()
    log.topics[ASKED, 2] = []
    manifest = export(log, tmp_path)
    assert manifest["files"] == []
    assert (tmp_path / ASKED / "2").is_dir()


def test_the_inbox_stays_out(tmp_path):
    log = MemoryLog()
    log.put(topic_of(InboxDocument), b"plain text")
    log.put(ASKED, b"x")
    manifest = export(log, tmp_path)
    assert set(manifest["topics"]) == {ASKED}
    assert not (tmp_path / topic_of(InboxDocument)).exists()


def test_what_can_not_be_decoded_is_kept_as_it_is(tmp_path):
    log = MemoryLog()
    for value in (b"no avro", b"", None, b"\x00\x00\x00\xff\xff unknown schema"):
        log.put(ASKED, value)
    export(log, tmp_path)
    assert list(ArchiveLog(tmp_path).records(ASKED, 0)) == list(log.records(ASKED, 0))


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(BadArchive, match="is not empty: name a new folder"):
        export(MemoryLog(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_export_that_breaks_off_leaves_no_manifest(tmp_path):
    class Breaking(MemoryLog):
        def committed(self, step):
            raise TimeoutError("the broker is gone")

    log = Breaking()
    log.put(ASKED, b"x")
    with pytest.raises(TimeoutError):
        export(log, tmp_path / "a")
    with pytest.raises(BadArchive, match="unfinished"):
        ArchiveLog(tmp_path / "a")


async def test_a_forger_may_change_a_partition_and_leave_the_manifest(tmp_path):
    export(await a_log(2), tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()
    other = next(ArchiveLog(tmp_path).records(ASKED, 0)).value
    assert rewrite(tmp_path, REDACTED, 0, lambda stored: stored) == 0
    assert rewrite(tmp_path, REDACTED, 0, lambda s: dataclasses.replace(s, value=other)) == 6
    assert {stored.value for stored in ArchiveLog(tmp_path).records(REDACTED, 0)} == {other}
    assert (tmp_path / MANIFEST).read_bytes() == before
    assert any("was changed" in fault.reason for fault in ArchiveLog(tmp_path).faults())
