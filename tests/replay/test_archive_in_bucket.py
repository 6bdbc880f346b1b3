"""An archive in a bucket is read as one in a folder is, and away is not damaged."""

import json

import pytest

from agents.errors import Transient
from replay.archive import MANIFEST, UNFINISHED, ArchiveLog, BadArchive
from replay.export import export
from streams.log.offsets import Extent
from tests.replay.bucket_archives import (
    PLACE,
    PREFIX,
    a_server,
    bucket_of,
    emptied,
    objects_in,
    rows_in,
)
from tests.replay.little_log import ASKED, REDACTED, a_log, verified, with_every_topic
from tests.replay.seal.sealed_log import SealedLog


@pytest.fixture(scope="module")
def server():
    with a_server() as server:
        yield server


@pytest.fixture
async def s3(server, tmp_path):
    emptied(server)
    export(with_every_topic(await a_log(3)), bucket_of(server, tmp_path / "writer"))
    server.asked.clear()
    return server


@pytest.fixture
def bucket(s3, tmp_path):
    return bucket_of(s3, tmp_path / "cache")


def part_of(s3, topic=REDACTED):
    [key] = [key for key in s3.buckets["backups"] if topic in key]
    return key


def edit(s3, change):
    """Change the manifest."""
    held = s3.buckets["backups"]
    manifest = json.loads(held[PREFIX + MANIFEST])
    change(manifest)
    held[PREFIX + MANIFEST] = json.dumps(manifest).encode()


def asked_for(s3, key):
    return len([path for path in s3.asked if path.endswith(key)])


async def test_each_part_is_fetched_once_by_whoever_reads(s3, bucket, tmp_path):
    assert (await verified(ArchiveLog(bucket))).equal == 9
    again = bucket_of(s3, tmp_path / "cache")
    assert (await verified(ArchiveLog(again))).equal == 9
    assert asked_for(s3, part_of(s3)) == 1
    assert asked_for(s3, PREFIX + MANIFEST) == 2


def test_a_part_of_a_partition_fetches_no_more(s3, bucket):
    log = ArchiveLog(bucket)
    assert list(log.read_extent(Extent(REDACTED, 0, 20, 30))) == []
    assert asked_for(s3, part_of(s3)) == 0


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_bucket_that_does_not_answer_is_away_and_no_damage(s3, bucket, status):
    log = ArchiveLog(bucket)
    s3.before = lambda *_: status
    for read in (lambda: ArchiveLog(bucket), lambda: rows_in(log), log.faults):
        with pytest.raises(Transient, match="in bucket backups"):
            read()
    s3.before, s3.before_page = (lambda *_: None), (lambda _: status)
    with pytest.raises(Transient, match="can't list"):
        log.faults()


def test_a_place_without_a_manifest_is_no_archive(s3, bucket):
    del s3.buckets["backups"][PREFIX + MANIFEST]
    with pytest.raises(BadArchive, match=f"{PLACE} has no manifest.json: not an archive, or unf"):
        ArchiveLog(bucket)
    s3.buckets["backups"][PREFIX + MANIFEST] = b"{"
    with pytest.raises(BadArchive, match="is not JSON"):
        ArchiveLog(bucket)


def test_a_body_that_is_cut_is_fetched_again(s3, bucket):
    cuts = [5, 100]
    s3.cut = lambda key: cuts.pop() if cuts and REDACTED in key else None
    assert len(rows_in(ArchiveLog(bucket))[REDACTED, 0]) == 9
    assert cuts == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[:-1], "it was changed: its SHA-256 is not the manifest's"),
        (lambda content: content + b"x", "it was changed"),
        (lambda _: b"", "it was changed"),
        (lambda _: None, "is missing: the manifest lists it"),
    ],
)
def test_a_part_that_is_not_as_it_was_written_is_named(s3, bucket, damage, says):
    held, key = s3.buckets["backups"], part_of(s3)
    if (content := damage(held.pop(key))) is not None:
        held[key] = content
    log = ArchiveLog(bucket)
    [fault] = log.faults()
    assert says in fault.reason
    assert fault.topic == REDACTED
    with pytest.raises(BadArchive, match=f"{REDACTED}.* can't be read: it "):
        list(log.records(REDACTED, 0))


@pytest.mark.parametrize("digest", ["", "../../../etc/passwd", "x" * 64, "A" * 64])
def test_a_digest_that_is_none_leads_nowhere(s3, bucket, tmp_path, digest):
    edit(s3, lambda m: [one.update(sha256=digest) for one in m["files"] if REDACTED in one["file"]])
    log = ArchiveLog(bucket)
    with pytest.raises(BadArchive, match="can't be read"):
        list(log.records(REDACTED, 0))
    assert any(REDACTED in fault.reason for fault in log.faults())
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "writer"}


@pytest.mark.parametrize("name", ["../x.avro", "a/../../b.avro", "/etc/passwd", "x/0/.."])
def test_a_manifest_that_names_what_lies_elsewhere_is_a_fault(s3, bucket, name):
    edit(s3, lambda m: m["files"][0].update(file=name))
    s3.asked.clear()
    assert any("no export gives such a name" in one.reason for one in ArchiveLog(bucket).faults())
    assert not [path for path in s3.asked if ".." in path or "passwd" in path]


def test_what_nobody_named_is_told(s3, bucket):
    held = s3.buckets["backups"]
    held[PREFIX + "notes.txt"] = held[PREFIX + "../up"] = b"x"
    held[f"{PREFIX}{UNFINISHED}/x/parts/y"] = held[f"{PREFIX}seal/z"] = b"x"
    reasons = sorted(fault.reason for fault in ArchiveLog(bucket).faults())
    assert [reason.partition(" ")[0] for reason in reasons] == ["../up", "notes.txt"]


def test_a_listing_that_changes_meanwhile_is_listed_as_it_becomes(s3, bucket):
    held = s3.buckets["backups"]

    def change(_):
        s3.page = 2
        held.setdefault(PREFIX + "zzz", b"new")

    s3.before_page = change
    [fault] = ArchiveLog(bucket).faults()
    assert fault.reason.startswith("zzz lies in the archive")


# ---------------------------------------------------------------------- the seal


@pytest.fixture
def sealed(s3, bucket, tmp_path):
    log = SealedLog(tmp_path / "seal").put(5)
    log.seal()
    emptied(s3)
    export(log.log, bucket, sealed=log.folder)
    return log


def test_the_seal_is_copied_as_it_lies_there(s3, bucket, sealed):
    copied = bucket.seal_copied()
    found = {
        f"seal/{path.relative_to(copied)}": path.read_bytes()
        for path in copied.rglob("*")
        if path.is_file()
    }
    lying = {name: one for name, one in objects_in(s3).items() if name.startswith("seal/")}
    assert found == lying
    assert len(found) > 2
    assert ASKED in " ".join(found)


@pytest.mark.parametrize("name", ["seal/../../up", "seal//x", "seal/a/./b", "seal/" + "d/" * 20])
def test_a_seal_whose_names_lead_elsewhere_is_refused(s3, bucket, sealed, tmp_path, name):
    s3.buckets["backups"][PREFIX + name] = b"x"
    with pytest.raises(BadArchive, match="no seal has such a file"):
        bucket.seal_copied()
    assert not (tmp_path / "up").exists()


def test_a_name_that_is_a_file_and_a_folder_is_refused(s3, bucket, sealed):
    s3.buckets["backups"] |= {PREFIX + "seal/a": b"x", PREFIX + "seal/a/b": b"x"}
    with pytest.raises(BadArchive, match="is a file and a folder"):
        bucket.seal_copied()


def test_a_seal_that_can_not_be_fetched_is_away(s3, bucket, sealed):
    s3.before = lambda _, key: 500 if "checkpoint" in key else None
    with pytest.raises(Transient):
        bucket.seal_copied()
