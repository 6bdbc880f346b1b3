"""The audit: every tampering of every record is found, at the first record that it concerns."""

from dataclasses import replace

import pytest

from replay.seal.known_checkpoints import Checkpoints
from replay.seal.note import Signer
from replay.seal.seal_folder import SealFolder
from streams.log.offsets import Extent
from tests.replay.seal.sealed_log import PLACE, SIGNER, TOPIC, SealedLog, edited

SIZE = 9  # records: first, middle and last are tampered with
WHERE = {"first": 0, "middle": 4, "last": SIZE - 1}


def _edit(rows, at):
    rows[at] = edited(rows[at])
    return "edited", rows[at].offset


def _edit_key(rows, at):
    rows[at] = replace(rows[at], key=b"other")
    return "edited", rows[at].offset


def _edit_time(rows, at):
    rows[at] = replace(rows[at], timestamp_ms=rows[at].timestamp_ms + 1)
    return "edited", rows[at].offset


def _edit_header(rows, at):
    rows[at] = replace(rows[at], headers=(("retry", b"1"),))
    return "edited", rows[at].offset


def _delete(rows, at):
    offset = rows[at].offset
    del rows[at]
    return ("cut" if at == len(rows) else "deleted"), offset


def _delete_and_close_up(rows, at):
    offset = rows[at].offset
    rows[at:] = [replace(row, offset=row.offset - 1) for row in rows[at + 1 :]]
    return ("cut" if at == len(rows) else "edited"), offset


def _insert(rows, at):
    rows.insert(at, edited(rows[at], b"never was"))
    return "inserted", rows[at].offset


def _insert_and_move_on(rows, at):
    moved = [replace(row, offset=row.offset + 1) for row in rows[at:]]
    rows[at:] = [edited(rows[at], b"never was"), *moved]
    return "edited", rows[at].offset


def _swap(rows, at):
    at = min(at, len(rows) - 2)
    rows[at], rows[at + 1] = rows[at + 1], rows[at]
    return "swapped", rows[at].offset


def _swap_contents(rows, at):
    at = min(at, len(rows) - 2)
    one, two = rows[at], rows[at + 1]
    rows[at], rows[at + 1] = replace(two, offset=one.offset), replace(one, offset=two.offset)
    return "edited", rows[at].offset


def _duplicate(rows, at):
    rows.insert(at, rows[at])
    return "duplicated", rows[at].offset


def _cut(rows, at):
    offset = rows[at].offset
    del rows[at:]
    return "cut", offset


TAMPERINGS = [
    _edit,
    _edit_key,
    _edit_time,
    _edit_header,
    _delete,
    _delete_and_close_up,
    _insert,
    _insert_and_move_on,
    _swap,
    _swap_contents,
    _duplicate,
    _cut,
]


@pytest.fixture
def sealed(tmp_path):
    log = SealedLog(tmp_path).put(SIZE)
    log.seal()
    return log


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda one: one.__name__.strip("_"))
@pytest.mark.parametrize("passes", [1, 3, SIZE])
def test_tampering_is_found_at_its_first_record_and_named(tmp_path, tamper, where, passes):
    log = SealedLog(tmp_path)
    for _ in range(passes):
        log.put(SIZE // passes)
        log.seal()
    assert log.audited().findings == []
    kind, offset = tamper(log.rows, WHERE[where])
    [found] = log.audited().findings
    assert (found.kind, found.offset) == (kind, offset)


def test_a_record_behind_the_newest_checkpoint_is_counted_as_not_sealed(sealed):
    sealed.put(2)
    report = sealed.report()
    assert (report.status, report.sealed, report.unsealed) == (0, SIZE, 2)


@pytest.mark.parametrize("count", [0, SIZE])
def test_a_record_where_nothing_was_signed_is_not_taken_for_a_later_one(tmp_path, count):
    """Offsets have gaps, and a checkpoint says up to where all was read."""
    log = SealedLog(tmp_path).put(count)
    log.log.topics.setdefault(PLACE, [])
    log.log.extents = lambda: {PLACE: Extent(*PLACE, 0, count + 4)}
    log.seal()
    assert log.report().status == 0
    log.put(1)
    [found] = log.report().findings
    assert (found.kind, found.offset) == ("inserted", count)
    log.rows[-1] = replace(log.rows[-1], offset=count + 4)
    assert (log.report().status, log.report().unsealed) == (0, 1)


def test_of_checkpoints_of_one_tree_the_one_that_ends_last_counts(sealed):
    sealed.log.extents = lambda: {PLACE: Extent(*PLACE, 0, SIZE + 3)}
    sealed.seal()
    assert len(sealed.notes()) == 2
    sealed.put(1)
    for notes in (sealed.notes(), sealed.notes()[::-1]):
        [found] = sealed.audited(sealed.known(notes)).findings
        assert (found.kind, found.offset) == ("inserted", SIZE)


def test_a_tail_that_its_own_seal_tells_of_was_cut_whoever_else_tells_of_it(sealed):
    sealed.put(3)
    sealed.seal()
    del sealed.rows[SIZE:]
    for keeper in ("archive", "seal", "log"):
        known = sealed.known(by=keeper)
        known.take_all([(note, PLACE) for note in sealed.notes()], "witness usb")
        [found] = sealed.audited(known).findings
        assert (found.kind, found.offset) == ("cut", SIZE)


def test_a_partition_that_nobody_sealed_is_no_success(sealed):
    sealed.log.put(TOPIC, b"x", partition=1)
    report = sealed.report()
    assert report.status == 3
    assert [one.partition for one in report.without] == [1]


def test_an_older_log_with_an_older_seal_is_found_by_a_witness_alone(sealed):
    older = sealed.notes()
    sealed.put(3)
    sealed.seal()
    newest = sealed.notes()[-1:]
    del sealed.rows[SIZE:]
    alone = sealed.known(older)
    assert sealed.audited(alone).findings == []  # nothing in it tells
    for note in newest:
        alone.take(note, PLACE, "witness usb")
    [found] = sealed.audited(alone).findings
    assert (found.kind, found.offset) == ("rolled back", SIZE)
    assert "witness usb" in found.reason


def test_a_log_that_was_sealed_anew_contradicts_its_witness(sealed, unit_path_factory):
    before = sealed.known(by="witness usb").by_place[PLACE]
    sealed.rows[4] = edited(sealed.rows[4])
    forged = SealedLog(unit_path_factory.mktemp("anew"))
    forged.log = sealed.log
    forged.seal()
    known = forged.known()
    assert forged.audited(known).findings == []
    known.by_place[PLACE] += before
    [found] = forged.audited(known).findings
    assert found.kind in {"contradiction", "changed"}


def test_a_checkpoint_by_another_key_is_forged(sealed):
    other = Signer.new("playhead-test")
    forged = SealedLog(sealed.folder.folder / "other")
    forged.log = sealed.log
    forged.seal(other)
    known = sealed.known(forged.notes())
    assert [one.kind for one in known.forged] == ["forged checkpoint"]
    assert not known.by_place[PLACE]


@pytest.mark.parametrize("origin", [f"playhead-test/{TOPIC}/1", f"another/{TOPIC}/0"])
def test_a_checkpoint_of_another_place_or_log_is_none_of_this_one(sealed, origin):
    text = sealed.notes()[0].partition("\n\n")[0] + "\n"
    moved = text.replace(f"playhead-test/{TOPIC}/0", origin)
    known = sealed.known([SIGNER.sign(moved)])
    assert [one.kind for one in known.forged] == ["forged checkpoint"]


def test_a_key_signs_for_its_own_log_alone(sealed):
    other = Signer.new("playhead-other")
    [text] = [note.partition("\n\n")[0] + "\n" for note in sealed.notes()]
    known = Checkpoints([SIGNER.verifier, other.verifier])
    known.take(other.sign(text), PLACE, "witness usb")
    [forged] = known.forged
    assert "by the key of another log" in forged.reason


def test_without_tiles_it_is_told_from_where_on(sealed):
    sealed.put(5)
    sealed.seal()
    sealed.rows[SIZE + 2] = edited(sealed.rows[SIZE + 2])
    nowhere = SealFolder(sealed.folder.folder / "nowhere").tree(*PLACE).tiles
    [found] = sealed.audited(tiles=nowhere).findings
    assert (found.kind, found.offset) == ("changed", SIZE)


def test_tiles_that_were_edited_with_the_records_are_not_believed(sealed):
    sealed.rows[4] = edited(sealed.rows[4])
    anew = SealedLog(sealed.folder.folder / "anew")
    anew.log = sealed.log
    anew.seal()
    [found] = sealed.audited(tiles=anew.folder.tree(*PLACE).tiles).findings
    assert found.kind == "changed"
