"""Seals whose files are none, without end, or full of forgeries: no check waits or fills memory."""

import json
import os

import pytest

from replay.seal.known_checkpoints import FORGED_MAX, REASON_CHARACTERS_MAX, Checkpoints, of_folder
from replay.seal.note import BadNote, Signer
from replay.seal.seal_folder import CHECKPOINT, COSIGNED, HISTORY, KEYS
from replay.seal.tiles import tile_path
from tests.replay.seal.sealed_log import PLACE, SIGNER, TOPIC, SealedLog, edited

TREE = f"{TOPIC}/0"
FILES = (KEYS, *(f"{TREE}/{name}" for name in (CHECKPOINT, HISTORY, COSIGNED)))


def _pipe(path):
    os.mkfifo(path)  # who opens it waits for somebody who writes


def _link(path):
    path.symlink_to("/dev/zero")


def _huge(path):
    with path.open("wb") as file:
        file.truncate(2**40)  # and of no size on the disk


HOSTILE = (_pipe, _link, _huge)


@pytest.fixture
def sealed(tmp_path):
    log = SealedLog(tmp_path).put(5)
    log.seal()
    return log


@pytest.mark.parametrize("make", HOSTILE)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_is_told_and_not_waited_for(sealed, name, make):
    path = sealed.folder.folder / name
    path.unlink(missing_ok=True)
    make(path)
    reads = sealed.folder.keys if name == KEYS else sealed.report
    with pytest.raises(BadNote, match=path.name):
        reads()


@pytest.mark.parametrize("make", HOSTILE[:2])
def test_a_tile_that_is_no_file_is_lacking(sealed, make):
    path = sealed.folder.folder / TREE / tile_path(0, 0, 5)
    path.unlink()
    make(path)
    sealed.rows[2] = edited(sealed.rows[2])
    [found] = sealed.report().findings
    assert found.kind == "changed"


def test_no_more_of_a_tile_is_read_than_its_tree_has(sealed):
    path = sealed.folder.folder / TREE / tile_path(0, 0, 5)
    with path.open("r+b") as file:
        file.truncate(2**40)
    sealed.rows[2] = edited(sealed.rows[2])
    [found] = sealed.report().findings
    assert (found.kind, found.offset) == ("edited", 2)


def test_a_signed_size_beyond_all_measure_costs_what_lies_there(sealed):
    [note] = sealed.notes()
    text = note.partition("\n\n")[0] + "\n"
    huge = SIGNER.sign(text.replace("/0\n5\n", f"/0\n{2**60}\n"))
    [found] = sealed.audited(sealed.known([note, huge])).findings
    assert (found.kind, found.offset) == ("cut", 5)


def test_any_number_of_forged_checkpoints_takes_little_memory(sealed):
    text = "x" * 100_000 + f"\n1\n{'A' * 43}=\nfirst 0\nnext 1\n"
    strange = SIGNER.sign(text)  # of an origin that is long
    other = Signer.new("playhead-other").sign(text)
    with (sealed.folder.folder / TREE / HISTORY).open("a") as file:
        for note in (strange, other, *[""] * 2 * FORGED_MAX):
            file.write(json.dumps(note) + "\n")
    known = Checkpoints([SIGNER.verifier])
    known.take_all(of_folder(sealed.folder), "archive")
    assert len(known.forged) == FORGED_MAX
    assert max(len(one.reason) for one in known.forged) < REASON_CHARACTERS_MAX + 100
    assert len(known.by_place[PLACE]) == 1
