"""The witness's file: each checkpoint once, those of passes without it, too, and no other file."""

import threading

import pytest

from replay.seal.known_checkpoints import Witness, of_witness
from replay.seal.note import BadNote, Signer
from replay.seal.seal_folder import notes_in
from tests.replay.seal.sealed_log import PLACE, SIGNER, SealedLog


def test_a_checkpoint_of_a_pass_that_did_not_reach_the_witness_comes_with_the_next(tmp_path):
    log = SealedLog(tmp_path / "seal").put(3)
    log.seal()  # its disk was full, say
    path = tmp_path / "witness"
    for _ in range(2):
        witness = Witness(path)
        for _ in range(2):
            for one in log.seal():
                witness.take(one.note)
    assert list(notes_in(path)) == log.notes()
    assert list(of_witness(path, [SIGNER.verifier])) == [(log.notes()[0], PLACE)]


def test_a_checkpoint_that_was_cosigned_since_is_the_same_one(tmp_path):
    log = SealedLog(tmp_path / "seal").put(3)
    [one] = log.seal()
    witness = Witness(tmp_path / "witness")
    for note in (one.note, one.note + Signer.new("witness.test").line("whatever\n")):
        witness.take(note)
    assert list(notes_in(tmp_path / "witness")) == [one.note]


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b'"x"\nmy notes\n', b"[]\n"])
def test_a_file_of_something_else_is_no_witness_and_stays_as_it_is(tmp_path, content):
    path = tmp_path / "witness"
    path.write_bytes(content)
    with pytest.raises(BadNote):
        Witness(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b'"torn'])
def test_an_empty_or_torn_file_goes_on(tmp_path, content):
    path = tmp_path / "witness"
    path.write_bytes(content)
    Witness(path).take("a note")
    assert list(notes_in(path)) == ["a note"]


def test_of_two_sealers_one_waits_for_the_other(tmp_path):
    log = SealedLog(tmp_path / "seal").put(3)
    began, order = threading.Event(), []

    def other():
        began.set()
        with log.folder.held():
            order.append("other")

    with log.folder.held():
        thread = threading.Thread(target=other)
        thread.start()
        began.wait()
        thread.join(0.2)
        log.seal()
        order.append("first")
    thread.join()
    assert order == ["first", "other"]
    assert [tree.partition for tree in log.folder.trees()] == [0]
