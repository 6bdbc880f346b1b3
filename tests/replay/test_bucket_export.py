"""An export to a bucket: the same archive as in a folder, whatever happens on the way."""

import json
from contextlib import suppress

import pytest

from replay.archive import MANIFEST, SEAL, UNFINISHED, ArchiveLog, BadArchive
from replay.archive_faults import CUT_OFF
from replay.bucket_export import ExportToBucket
from replay.export import export
from replay.seal.audit_report import audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.seal_folder import SealFolder
from replay.unfinished_export import ExportStopped
from tests.memory_log import MemoryLog
from tests.replay.bucket_archives import (
    PLACE,
    PREFIX,
    a_server,
    bucket_of,
    emptied,
    files_in,
    objects_in,
    rows_in,
)
from tests.replay.little_log import ASKED, REDACTED, a_log, verified, with_every_topic
from tests.replay.seal.sealed_log import SIGNER, SealedLog


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def server():
    with a_server() as server:
        yield server


@pytest.fixture
def s3(server):
    return emptied(server)


@pytest.fixture
def bucket(s3, tmp_path):
    return bucket_of(s3, tmp_path / "cache")


def a_plain_log(count=5):
    log = MemoryLog()
    for number in range(count):
        log.put(ASKED, b"asked %d" % number)
        log.put(REDACTED, b"redacted %d" % number, partition=1)
    return log


def rows_of_log(log):
    return {place: list(log.records(*place)) for place in sorted(log.topics)}


def without_digests(manifest):
    """Return what a manifest says but for digests: each container has a mark drawn by chance."""
    return {**manifest, "files": [{**one, "sha256": ""} for one in manifest["files"]]}


def killed_after(bucket, writes):
    """Let the process end after so many writes to the bucket: before the next, or as it is sent."""
    objects, left = bucket.objects, [writes]

    def ending(do):
        def end_or_do(*given, **more):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return do(*given, **more)

        return end_or_do

    for name in ("put", "copy", "delete"):
        setattr(objects, name, ending(getattr(objects, name)))
    return bucket


async def test_it_is_the_archive_that_a_folder_would_be(s3, bucket, tmp_path):
    log = with_every_topic(await a_log(3))
    told = export(log, tmp_path / "folder", cluster="c")
    assert without_digests(export(log, bucket, cluster="c")) == without_digests(told)
    assert objects_in(s3).keys() == files_in(tmp_path / "folder").keys()
    assert rows_in(ArchiveLog(bucket)) == rows_in(ArchiveLog(tmp_path / "folder"))
    assert s3.buckets["backups"]["some/logs"] == b"another's"
    archive = ArchiveLog(bucket)
    report = await verified(archive)
    assert (report.records, report.equal, report.diverged) == (9, 9, [])
    assert archive.faults() == []


async def test_it_grows_by_what_was_written_since(s3, bucket, tmp_path):
    log = with_every_topic(await a_log(2))
    export(log, bucket, cluster="c")
    export(log, tmp_path / "folder", cluster="c")
    before = objects_in(s3)
    more = await a_log(4)
    log.topics |= {place: rows for place, rows in more.topics.items() if rows}
    second = export(with_every_topic(log), bucket, since_last=True, cluster="c")
    export(log, tmp_path / "folder", since_last=True, cluster="c")
    assert objects_in(s3).keys() == files_in(tmp_path / "folder").keys()
    assert rows_in(ArchiveLog(bucket)) == rows_in(ArchiveLog(tmp_path / "folder"))
    assert all(objects_in(s3)[name] == data for name, data in before.items() if name != MANIFEST)
    assert ArchiveLog(bucket).faults() == []
    assert export(log, bucket, since_last=True, cluster="c") == second


@pytest.mark.parametrize("writes", [0, 1, 2, 7, 11, 12, 15, 17, 18, 19, 24])
def test_a_kill_anywhere_leaves_no_manifest_of_what_is_not_there_and_is_gone_on_from(
    s3, bucket, tmp_path, writes
):
    log = a_plain_log()
    with suppress(Killed):
        export(log, killed_after(bucket_of(s3, tmp_path / "c2"), writes), segment_records=2)
    if MANIFEST in objects_in(s3):
        assert rows_in(ArchiveLog(bucket)) == rows_of_log(log)
        export(log, bucket, since_last=True)
    else:
        log.put(ASKED, b"written meanwhile")
        told = []
        export(log, bucket, told.append, segment_records=2)
        whole = writes // 2  # a part and its note
        assert len(told) == max(0, 6 - whole) + (whole >= 3), "what is written is not written again"
    assert rows_in(ArchiveLog(bucket)) == rows_of_log(log)
    assert not objects_in(s3).keys() - objects_in(s3, unfinished=False).keys()


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 6, 8, 11])
def test_growth_that_is_killed_leaves_the_archive_sound(s3, bucket, tmp_path, writes):
    log = SealedLog(tmp_path / "seal").put(3)
    log.seal()
    export(log.log, bucket, sealed=log.folder)
    faults = ArchiveLog(bucket).faults()
    log.put(3)
    log.seal()
    dying = killed_after(bucket_of(s3, tmp_path / "c2"), writes)
    with suppress(Killed):
        export(log.log, dying, sealed=log.folder, since_last=True)
    archive = ArchiveLog(bucket)
    new = [one.reason for one in archive.faults() if one not in faults]
    assert all(reason.endswith(f"does not name it; {CUT_OFF}") for reason in new)
    sealed = SealFolder(bucket.seal_copied())
    known = Checkpoints([SIGNER.verifier])
    known.take_all(of_folder(sealed), "archive")
    assert not audit(archive, sealed, known).findings
    export(log.log, bucket, sealed=log.folder, since_last=True)
    assert ArchiveLog(bucket).faults() == faults
    held = {name for name in objects_in(s3) if name.startswith(SEAL)}
    export(log.log, tmp_path / "folder", sealed=log.folder)
    assert held == {name for name in files_in(tmp_path / "folder") if name.startswith(SEAL)}


@pytest.mark.parametrize("status", [403, 500, 503])
@pytest.mark.parametrize("method", ["PUT", "GET", "list"])
def test_a_bucket_that_refuses_stops_it_in_words(s3, bucket, method, status):
    log = a_plain_log()
    if method == "list":
        s3.before_page = lambda _: status
    else:
        s3.before = lambda asked, _: status if asked == method else None
    with pytest.raises(ExportStopped, match=rf"{PLACE} takes no more \(can't .* in bucket backups"):
        export(log, bucket)
    assert MANIFEST not in objects_in(s3)
    s3.before, s3.before_page = (lambda *_: None), (lambda _: None)
    export(log, bucket)
    assert rows_in(ArchiveLog(bucket)) == rows_of_log(log)


def test_a_prefix_that_refuses_the_manifest_alone_loses_nothing(s3, bucket):
    log = a_plain_log()
    s3.before = lambda method, key: 403 if (method, key) == ("PUT", PREFIX + MANIFEST) else None
    with pytest.raises(ExportStopped, match="AccessDenied"):
        export(log, bucket)
    with pytest.raises(BadArchive, match="unfinished"):
        ArchiveLog(bucket)
    s3.before = lambda *_: None
    told = []
    export(log, bucket, told.append)
    assert told == []


def test_writes_whose_answers_are_lost_are_not_taken_for_anothers(s3, bucket):
    lost = set()

    def once(_, key):
        return None if key in lost or lost.add(key) else 500

    s3.after = once
    export(a_plain_log(), bucket, segment_records=2)
    assert rows_in(ArchiveLog(bucket)) == rows_of_log(a_plain_log())


@pytest.mark.parametrize(
    "damage",
    [
        lambda parts, _: parts.update({min(parts): parts[min(parts)][:-1]}),
        lambda parts, _: parts.pop(min(parts)),
        lambda _, notes: notes.pop(min(notes)),
        lambda _, notes: notes.update({min(notes): b'{"file": {"fi'}),
        lambda _, notes: notes.update({min(notes): notes[max(notes)]}),
        lambda _, notes: notes.update(
            {min(notes): notes[min(notes)].replace(b'"sha256":"', b'"sha256":"../')}
        ),
    ],
)
def test_what_is_unfinished_and_not_as_it_was_is_written_again(s3, bucket, tmp_path, damage):
    log, held = a_plain_log(), s3.buckets["backups"]
    with suppress(Killed):
        export(log, killed_after(bucket_of(s3, tmp_path / "c2"), 12), segment_records=2)
    parts, notes = (
        {key: held.pop(key) for key in sorted(held) if f"/{kind}/" in key}
        for kind in ("parts", "notes")
    )
    assert len(parts) == len(notes) == 6
    damage(parts, notes)
    held.update(parts | notes)
    export(log, bucket, segment_records=2)
    assert rows_in(ArchiveLog(bucket)) == rows_of_log(log)
    assert {one.topic for one in ArchiveLog(bucket).faults() if one.offset >= 0} == set()


def test_two_exports_at_once_from_one_machine_do_not_meet(bucket):
    with (
        ExportToBucket(bucket).held(),
        pytest.raises(BadArchive, match="another export writes to"),
    ):
        export(a_plain_log(), bucket)


@pytest.mark.parametrize("since_last", [False, True])
@pytest.mark.parametrize("at", [0, 1, 5, 11, 12, 15, 18])
def test_of_two_exports_from_two_machines_one_is_refused(s3, bucket, tmp_path, at, since_last):
    """The other one runs, whole, before any write of the first."""
    log = a_plain_log()
    if since_last:
        export(log, bucket)
        log.put(ASKED, b"later")
        log.put(REDACTED, b"later", partition=1)
    left, other, ended = [at], bucket_of(s3, tmp_path / "c2"), []

    def before(method, _):
        left[0] -= method == "PUT"
        if left[0] == -1:
            left[0] = -2
            log.put(ASKED, b"more, which the other one sees")
            export(log, other, segment_records=2, since_last=since_last)
            ended.append("the other")

    s3.before = before
    with suppress(BadArchive):
        export(log, bucket, segment_records=2, since_last=since_last)
        ended.append("the first")
    assert len(ended) == 1
    s3.before = lambda *_: None
    archive = ArchiveLog(bucket)
    rows, told = rows_in(archive), rows_of_log(log)
    assert all(told[place][: len(some)] == some for place, some in rows.items())
    assert {fault.topic for fault in archive.faults() if fault.offset >= 0} == set()
    export(log, bucket, since_last=True)
    assert rows_in(ArchiveLog(bucket)) == told


def test_what_two_machines_write_is_whose_note_came_first(s3, bucket, tmp_path):
    """Else both might have their own parts copied to one place, and one manifest be of the other."""
    log, left = a_plain_log(), [3]

    def before(method, _):
        left[0] -= method == "PUT"
        if left[0] == 0:  # the first's second part is on its way: the other one writes it, too
            left[0] = -1
            with suppress(Killed):
                dying = killed_after(bucket_of(s3, tmp_path / "c2"), 2)
                export(log, dying, segment_records=2)

    s3.before = before
    with pytest.raises(BadArchive, match="another export writes to"):
        export(log, bucket, segment_records=2)
    s3.before = lambda *_: None
    assert MANIFEST not in objects_in(s3)
    export(log, bucket, segment_records=2)
    assert rows_in(ArchiveLog(bucket)) == rows_of_log(log)


def test_another_archive_there_is_left_alone(s3, bucket):
    log = a_plain_log()
    with pytest.raises(BadArchive, match="is no archive: the first export does without"):
        export(log, bucket, since_last=True)
    s3.buckets["backups"][PREFIX + "notes.txt"] = b"x"
    with pytest.raises(BadArchive, match="is not empty"):
        export(log, bucket)
    del s3.buckets["backups"][PREFIX + "notes.txt"]
    export(log, bucket)
    with pytest.raises(BadArchive, match="--since-last adds to it"):
        export(log, bucket)


def test_an_unfinished_export_of_another_cluster_is_told(s3, bucket, tmp_path):
    with suppress(Killed):
        export(a_plain_log(), killed_after(bucket_of(s3, tmp_path / "c2"), 3), cluster="other")
    with pytest.raises(BadArchive, match="unfinished export of cluster other, this is c"):
        export(a_plain_log(), bucket, cluster="c")


def test_nothing_is_left_on_this_machine_but_the_lock(bucket, tmp_path):
    export(a_plain_log(), bucket)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_the_manifest_is_one_that_any_reader_of_json_takes(s3, bucket):
    assert export(a_plain_log(), bucket) == json.loads(objects_in(s3)[MANIFEST])
    assert UNFINISHED not in {name.partition("/")[0] for name in objects_in(s3)}
