"""The sealer: goes on where it was, reads each record once, and refuses what is another log by now."""

import errno
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.seal.checkpoint import read
from replay.seal.leaves import leaf_of
from replay.seal.merkle import Frontier, leaf_hash
from replay.seal.note import Signer
from replay.seal.seal_folder import CHECKPOINT, HISTORY, SealFolder, add_note, notes_in
from replay.seal.sealer import CHECKPOINTS, SEALED_TOPICS
from replay.seal.tiles import tile_path
from schemas import ConfigurationSet, InboxQuestion
from streams.log.offsets import Extent
from streams.topics import topic_of
from tests.replay.seal.sealed_log import PLACE, SIGNER, TOPIC, SealedLog, edited


def root_of(rows):
    frontier = Frontier()
    for row in rows:
        frontier.append(leaf_hash(leaf_of(row)))
    return frontier.root


@given(st.lists(st.integers(0, 600), min_size=1, max_size=4))
def test_whatever_comes_between_two_passes_the_tree_is_that_of_all_records(
    unit_path_factory, passes
):
    log = SealedLog(unit_path_factory.mktemp("seal"))
    for count in passes:
        log.put(count)
        done = {(one.topic, one.partition): one for one in log.seal()}
        if PLACE in done:
            checkpoint = done[PLACE].checkpoint
            assert (checkpoint.size, checkpoint.root) == (len(log.rows), root_of(log.rows))
            assert done[PLACE].added == count
    ends = [0, *(end for _, end in log.read)]  # each record once, but the last of the pass before
    assert [begin for begin, _ in log.read] == [max(end - 1, 0) for end in ends[:-1]]
    assert ends[-1] == sum(passes)


def test_a_checkpoint_is_signed_and_tells_where_its_leaves_lie(tmp_path):
    log = SealedLog(tmp_path).put(3)
    [one] = log.seal()
    checkpoint = read(one.note, [SIGNER.verifier])
    assert checkpoint == one.checkpoint
    assert checkpoint.origin == f"playhead-test/{TOPIC}/0"
    assert (checkpoint.first, checkpoint.next) == (0, 3)
    assert log.folder.tree(*PLACE).note == one.note
    assert log.folder.keys() == [SIGNER.verifier]


def test_where_nothing_came_nothing_is_signed(tmp_path):
    log = SealedLog(tmp_path).put(3)
    log.seal()
    [again] = log.seal()
    assert (again.added, again.checkpoint.size) == (0, 3)
    assert len(log.notes()) == 1


@pytest.mark.parametrize(
    "topic", [topic_of(InboxQuestion), topic_of(ConfigurationSet), CHECKPOINTS]
)
def test_what_is_not_kept_as_it_was_written_is_not_sealed(tmp_path, topic):
    log = SealedLog(tmp_path)
    log.log.put(topic, b"x")
    assert log.seal() == []
    assert topic not in SEALED_TOPICS


def test_a_log_that_lost_its_tail_is_not_sealed_anew(tmp_path):
    log = SealedLog(tmp_path).put(5)
    log.seal()
    del log.rows[3:]
    [refused] = log.seal()
    assert "ends at 3, and was sealed up to 5" in refused.refused
    assert len(log.notes()) == 1


@pytest.mark.parametrize("at", [0, -1])
def test_a_log_that_was_made_anew_and_grew_further_is_not_sealed(tmp_path, at):
    log = SealedLog(tmp_path).put(5)
    log.seal()
    log.rows[at:] = [edited(row) for row in log.rows[at:]]
    log.put(3)
    [refused] = log.seal()
    assert "@4 is another record than the one that was sealed" in refused.refused
    assert len(log.notes()) == 1


@pytest.mark.parametrize("number", range(1, 7))
def test_a_pass_that_ends_at_any_file_is_made_good_by_the_next(tmp_path, number):
    log = SealedLog(tmp_path).put(250)
    log.seal()
    log.put(20)  # a full tile, two that are not, history, checkpoint
    left = [number]

    def ending(descriptor):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr("os.fsync", ending)
        log.seal()
    assert (left[0] == 0) is (number < 6)
    log.put(1)
    [done] = log.seal()
    assert (done.refused, done.checkpoint.root) == ("", root_of(log.rows))
    assert not log.report().findings


def test_records_that_were_dropped_unsealed_are_told(tmp_path):
    log = SealedLog(tmp_path).put(2)
    log.seal()
    log.put(4)
    log.log.extents = lambda: {PLACE: Extent(*PLACE, 4, 6)}
    [refused] = log.seal()
    assert "dropped before they were sealed" in refused.refused


def test_one_partition_that_is_refused_keeps_no_other_back(tmp_path):
    log = SealedLog(tmp_path).put(5)
    log.seal()
    del log.rows[3:]
    log.log.put(TOPIC, b"x", partition=1)
    refused, sealed = log.seal()
    assert refused.refused
    assert sealed.checkpoint.size == 1


@pytest.mark.parametrize("change", [lambda _: bytes(32), lambda _: b""])
def test_a_tree_that_is_not_what_was_signed_does_not_grow(tmp_path, change):
    log = SealedLog(tmp_path).put(300)
    log.seal()
    path = tmp_path / TOPIC / "0" / tile_path(1, 0, 1)  # of 256 leaves, which the tree goes on from
    path.write_bytes(change(path.read_bytes()))
    log.put(1)
    [refused] = log.seal()
    assert "another tree" in refused.refused or "is not there" in refused.refused


def test_nor_does_one_that_the_disk_does_not_give(tmp_path, monkeypatch):
    log = SealedLog(tmp_path).put(3)
    log.log.put(TOPIC, b"other", partition=1)
    log.seal()
    log.put(1).log.put(TOPIC, b"other", partition=1)
    opened, fails = os.open, str(log.folder.tree(*PLACE).folder / CHECKPOINT)

    def failing(path, *others, **more):
        if str(path) == fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *others, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        first, second = log.seal()
    assert (first.unread, os.strerror(errno.EIO) in first.refused) == (True, True)
    assert (second.unread, second.refused, second.added) == (False, "", 1)
    assert [one.added for one in log.seal()] == [1, 0]


def test_tiles_of_a_pass_that_ended_before_it_signed_are_in_nobodys_way(tmp_path):
    log = SealedLog(tmp_path).put(250)
    log.seal()
    tree = log.folder.tree(*PLACE)
    before = tree.note, (tree.folder / HISTORY).read_bytes()
    log.put(10)
    log.seal()
    (tree.folder / CHECKPOINT).write_text(before[0])
    (tree.folder / HISTORY).write_bytes(before[1])
    log.rows[250:] = [edited(row) for row in log.rows[250:254]]  # the broker had lost its tail
    for _ in range(2):
        [done] = log.seal()
        assert (done.refused, done.checkpoint.root) == ("", root_of(log.rows))
        log.put(1)


def test_a_foreign_checkpoint_is_not_gone_on_from(tmp_path):
    log = SealedLog(tmp_path).put(2)
    log.seal(Signer.new("playhead-test"))
    (tmp_path / "keys").write_text(f"{SIGNER.verifier}\n")
    log.put(1)
    [refused] = log.seal()
    assert "no signature is by a key that is known" in refused.refused


def test_a_key_can_be_changed_and_what_the_old_one_signed_stands(tmp_path):
    log = SealedLog(tmp_path).put(2)
    log.seal()
    newer = Signer.new("playhead-test")
    log.put(1)
    [one] = log.seal(newer)
    assert one.checkpoint.size == 3
    assert log.folder.keys() == [SIGNER.verifier, newer.verifier]


@given(st.lists(st.text(max_size=50), max_size=5), st.binary(max_size=40))
def test_a_line_that_was_torn_is_no_note_and_does_not_hide_the_next(unit_path_factory, notes, torn):
    path = unit_path_factory.mktemp("witness") / "notes"
    for note in notes:
        add_note(path, note)
    with path.open("ab") as file:
        file.write(torn.replace(b"\n", b""))
    add_note(path, "the last")
    assert list(notes_in(path)) == [*notes, "the last"]


def test_only_folders_of_partitions_count_as_trees(tmp_path):
    log = SealedLog(tmp_path).put(1)
    log.seal()
    (tmp_path / TOPIC / "x").mkdir()
    (tmp_path / TOPIC / "x" / CHECKPOINT).write_text("?")
    assert [tree.partition for tree in SealFolder(tmp_path).trees()] == [0]
    log.rows[0] = edited(log.rows[0])
