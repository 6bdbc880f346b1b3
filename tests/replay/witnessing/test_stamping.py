"""Stamps of a seal: made when something is new, kept with it, and held against what lies there."""

import shutil
from datetime import timedelta

import pytest

from replay.seal.archived import copy_seal
from replay.seal.audit_report import BROKEN, HOLDS, NOT_CHECKED, Vouched, audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.seal_folder import SealFolder
from replay.witnessing.cosigned_report import WitnessedTrees
from replay.witnessing.stamp_folder import (
    HEAD,
    LIST_BYTES_MAX,
    STAMPS,
    BadStamp,
    StampedList,
    StampFolder,
    digest_of,
)
from replay.witnessing.stamping import check_stamps, stamp
from replay.witnessing.time_stamps import TimeStampAuthority
from replay.witnessing.witness_policy import WitnessPolicy
from tests.replay.seal.sealed_log import PLACE, SIGNER, SealedLog
from tests.replay.witnessing.openssl_authority import OpensslAuthority, needs_openssl
from tests.replay.witnessing.served import AnsweringServer, say
from tests.replay.witnessing.test_time_stamps import now

pytestmark = needs_openssl
ORIGIN = f"playhead-test/{PLACE[0]}/0"


@pytest.fixture(scope="module")
def openssl(tmp_path_factory):
    return OpensslAuthority(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture(scope="module")
def authority(openssl):
    with AnsweringServer(lambda h, body: say(h, 200, openssl.reply(body))) as server:
        yield TimeStampAuthority(server.url, [openssl.root])


@pytest.fixture
def log(tmp_path):
    sealed = SealedLog(tmp_path / "seal").put(5)
    sealed.log.put(PLACE[0], b"x", partition=1)
    sealed.seal()
    return sealed


def report_of(log, authority, folder=None):
    folder = folder or log.folder
    known = Checkpoints([SIGNER.verifier])
    known.take_all(of_folder(folder), "archive")
    vouched = Vouched(WitnessedTrees(WitnessPolicy()), stamps_wanted=authority is not None)
    vouched.stamped = check_stamps(folder, authority.roots if authority else None, known)
    return audit(log.log, folder, known, vouched)


def test_one_stamp_covers_the_newest_checkpoint_of_every_partition(log, authority, openssl):
    done = stamp(log.folder, authority)
    assert (done.checkpoints, done.by, done.fault) == (2, "CN=authority.test", "")
    report = report_of(log, authority)
    told = report.stamped
    assert (report.status, told.stamps, told.current, told.newest) == (HOLDS, 1, 2, done.at)
    assert len(told.places) == 2
    files = log.folder.folder / STAMPS
    assert openssl.verifies(files / "000000001.tsr", files / "000000001.txt")
    text = log.notes()[0].partition("\n\n")[0] + "\n"
    assert f"{digest_of(text)}  {ORIGIN} 5\n" in (files / "000000001.txt").read_text()


def test_it_is_asked_again_when_something_is_new_and_no_sooner_than_was_said(log, authority):
    assert stamp(log.folder, authority).at
    assert not stamp(log.folder, authority).at  # nothing new
    log.put(1).seal()
    waits = stamp(log.folder, authority, every_s=3_600)
    assert (waits.at, waits.fault) == (None, "")
    late = lambda: now() + timedelta(seconds=50)  # noqa: E731
    assert stamp(log.folder, authority, every_s=40, now=late).at
    assert StampFolder(log.folder).numbers() == [1, 2]
    report = report_of(log, authority)
    assert (report.stamped.stamps, report.stamped.current) == (2, 2)
    log.put(1).seal()
    assert report_of(log, authority).stamped.current == 1


def test_an_authority_that_fails_is_told_and_asked_at_the_next_seal(log, authority):
    down = TimeStampAuthority("http://127.0.0.1:9", authority.roots)
    assert "does not answer" in stamp(log.folder, down).fault
    assert StampFolder(log.folder).numbers() == []
    report = report_of(log, authority)
    assert (report.status, report.unstamped) == (NOT_CHECKED, [PLACE, (PLACE[0], 1)])
    assert stamp(log.folder, authority).at
    assert report_of(log, authority).status == HOLDS


def test_a_stamp_that_is_broken_here_is_made_anew_and_told(log, authority):
    stamp(log.folder, authority)
    path = log.folder.folder / STAMPS / "000000001.tsr"
    path.write_bytes(b"nonsense")
    assert stamp(log.folder, authority).at
    report = report_of(log, authority)
    [found] = report.findings
    assert (report.status, found.kind) == (BROKEN, "forged time stamp")
    assert (found.topic, found.partition) == (STAMPS, 1)
    assert report.stamped.stamps == 1


@pytest.mark.parametrize("name", ["000000001.tsr", "000000001.txt"])
@pytest.mark.parametrize("how", ["gone", "huge", "link", "of another"])
def test_files_of_a_stamp_that_are_others_are_told(log, authority, name, how, tmp_path):
    stamp(log.folder, authority)
    path = log.folder.folder / STAMPS / name
    content = path.read_bytes()
    path.unlink()
    if how == "huge":
        with path.open("wb") as file:
            file.truncate(2**40)
    elif how == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    elif how == "of another":
        path.write_bytes(content)
        log.put(1).seal()
        stamp(log.folder, authority)
        shutil.copy(path.with_name(name.replace("1", "2")), path)
    found = report_of(log, authority).findings
    if how == "gone" and name.endswith("tsr"):
        assert found == []  # nothing tells that it was there
        assert report_of(log, authority).unstamped
    else:
        assert [one.kind for one in found] == ["forged time stamp"]


def test_a_checkpoint_that_was_stamped_and_is_gone_tells_of_an_older_log(tmp_path, log, authority):
    shutil.copytree(log.folder.folder, tmp_path / "older")
    rows = list(log.rows)
    log.put(3).seal()
    stamp(log.folder, authority)
    log.rows[:] = rows
    shutil.copytree(log.folder.folder / STAMPS, tmp_path / "older" / STAMPS)
    report = report_of(log, authority, SealFolder(tmp_path / "older"))
    [found] = report.findings
    assert (report.status, found.kind) == (BROKEN, "rolled back")
    assert found.reason.startswith("8 records were signed, and are not here (time stamp 1 of 2")


def test_another_tree_of_a_size_that_was_stamped_is_a_contradiction(tmp_path, log, authority):
    stamp(log.folder, authority)
    anew = SealedLog(tmp_path / "anew")
    anew.log.put(PLACE[0], b"another")
    anew.log.put(PLACE[0], b"x", partition=1)
    anew.put(8).seal()
    shutil.copytree(log.folder.folder / STAMPS, anew.folder.folder / STAMPS)
    [found] = report_of(anew, authority).findings
    assert (found.kind, (found.topic, found.partition)) == ("contradiction", PLACE)


def test_without_roots_stamps_are_counted_and_not_believed(log, authority):
    stamp(log.folder, authority)
    report = report_of(log, None)
    assert (report.status, report.stamped.unchecked, report.stamped.stamps) == (HOLDS, 1, 0)


def test_an_archive_takes_the_stamps_whose_checkpoints_it_has(tmp_path, log, authority):
    stamp(log.folder, authority)
    log.put(3).seal()
    stamp(log.folder, authority)
    copy_seal(log.folder, tmp_path / "whole", log.log.extents())
    del log.rows[5:]
    copy_seal(log.folder, tmp_path / "part", log.log.extents())
    part = SealFolder(tmp_path / "part/seal")
    assert StampFolder(SealFolder(tmp_path / "whole/seal")).numbers() == [1, 2]
    assert StampFolder(part).numbers() == [1]
    report = report_of(log, authority, part)
    assert (report.status, report.stamped.current) == (HOLDS, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x\n",
        f"{HEAD}".encode(),
        f"{HEAD}\nx\n".encode(),
        f"{HEAD}\n{'0' * 64}  a 1".encode(),
        f"{HEAD}\n{'0' * 64}  a 01\n".encode(),
        f"{HEAD}\n{'0' * 64}  a b 1\n".encode(),
        f"{HEAD}\n{'0' * 64}  a 1\n{'1' * 64}  a 2\n".encode(),
        b"\xff\n",
    ],
)
def test_what_is_no_list_of_checkpoints_is_told(content):
    with pytest.raises(BadStamp, match="no list of checkpoints"):
        StampedList.read(content)


def test_a_list_is_read_as_it_is_spelt():
    listed = StampedList({f"log/t/{n}": (f"{n:064x}", n) for n in range(100)})
    assert StampedList.read(listed.spelt()) == listed
    assert StampedList.read(StampedList({}).spelt()).checkpoints == {}


def test_a_stamp_of_another_logs_trees_is_none_of_this_one(log, authority):
    content = StampedList({"strange": ("0" * 64, 1)}).spelt()
    response, _ = authority.stamp(content, now)
    StampFolder(log.folder).keep(content, response)
    [found] = report_of(log, authority).findings
    assert (found.kind, found.reason) == (
        "forged time stamp",
        "what was stamped is of no partition",
    )


def test_a_list_beyond_all_measure_is_not_read(log):
    stamps = StampFolder(log.folder)
    stamps.keep(b"x" * (LIST_BYTES_MAX + 1), b"")
    with pytest.raises(BadStamp, match=str(LIST_BYTES_MAX)):
        stamps.read(1)
