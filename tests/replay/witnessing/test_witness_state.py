"""A witness: it cosigns what goes on from what it saw, once it is on the disk, and nothing else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from replay.seal.checkpoint import Checkpoint
from replay.seal.merkle import EMPTY, Frontier, consistency_proof, leaf_hash
from replay.seal.note import Signer
from replay.seal.tiles import Tiles, TileWriter
from replay.witnessing.cosignature import KINDS, Cosigner, cosignatures
from replay.witnessing.witness_messages import SIZE_TYPE, AddCheckpoint, monitored_path
from replay.witnessing.witness_state import WitnessState, cosigner_of
from tests.replay.seal.sealed_log import SIGNER
from tests.replay.witnessing.served import NOW_S, a_state

ORIGIN = "playhead-test/topic/0"
COSIGNER = Cosigner.new("witness.test/w")


class Tree:
    """A growing tree, and requests about it."""

    def __init__(self, folder, leaves=40, salt=""):
        writer, self.roots, frontier = TileWriter(folder), [EMPTY], Frontier()
        for number in range(leaves):
            leaf = leaf_hash(f"{salt}{number}".encode())
            writer.append(leaf)
            frontier.append(leaf)
            self.roots.append(frontier.root)
        writer.save()
        self.tiles = Tiles(folder, leaves)

    def note(self, size, signer=SIGNER, origin=ORIGIN):
        return Checkpoint(origin, size, self.roots[size], 0, size).signed(signer)

    def asked(self, old, size, *, proof=None, **how):
        if proof is None:
            proof = consistency_proof(self.tiles, old, size)
        return AddCheckpoint(old, tuple(proof), self.note(size, **how)).spelt()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def witness(tmp_path):
    state = a_state(tmp_path, COSIGNER)
    yield state
    state.close()


@pytest.mark.parametrize("sizes", [(1,), (5, 9, 40), (0, 0, 8, 8, 9), (32, 33)])
def test_what_goes_on_from_itself_is_cosigned(witness, tree, sizes):
    old = 0
    for size in sizes:
        answer = witness.add(tree.asked(old, size))
        assert answer.status == 200, answer.body
        [found] = cosignatures(tree.note(size) + answer.body, [COSIGNER.verifier])
        assert found.at_s == NOW_S
        shown = witness.latest(monitored_path(ORIGIN))
        assert (shown.status, shown.body) == (200, tree.note(size) + answer.body)
        old = size


def test_it_knows_what_it_saw_after_a_restart_and_tells_it(witness, tree, tmp_path):
    assert witness.latest(monitored_path(ORIGIN)).status == 404
    assert witness.add(tree.asked(0, 9)).status == 200
    again = a_state(tmp_path, COSIGNER)  # while the other one is there: it was on the disk
    for old in (0, 5, 8, 12):
        answer = again.add(tree.asked(old, 12))
        assert (answer.status, answer.body, answer.media_type) == (409, "9\n", SIZE_TYPE)
    assert again.add(tree.asked(9, 12)).status == 200
    again.close()


def test_a_log_that_shrinks_is_refused(witness, tree):
    assert witness.add(tree.asked(0, 9)).status == 200
    assert witness.add(tree.asked(0, 5)).status == 409
    assert witness.add(tree.asked(9, 5, proof=())).status == 400
    assert witness.add(tree.asked(5, 5)).status == 409
    assert "\n9\n" in witness.latest(monitored_path(ORIGIN)).body


def test_what_does_not_go_on_from_what_it_saw_is_refused(witness, tree, tmp_path):
    other = Tree(tmp_path / "other", salt="other ")
    assert witness.add(tree.asked(0, 9)).status == 200
    for request in (
        other.asked(9, 12),
        tree.asked(9, 12, proof=()),
        tree.asked(9, 12, proof=[b"x" * 32]),
        tree.asked(9, 9, proof=[b"x" * 32]),
    ):
        assert witness.add(request).status == 422
    same = witness.add(other.asked(9, 9))  # the protocol has a status of its own for it
    assert (same.status, same.body, same.media_type) == (409, "9\n", SIZE_TYPE)
    assert "\n9\n" in witness.latest(monitored_path(ORIGIN)).body


@pytest.mark.parametrize("size", [0, 5])
def test_of_the_first_tree_nothing_is_proved_and_an_empty_one_has_one_root(tmp_path, size, tree):
    state = a_state(tmp_path)
    assert state.add(tree.asked(0, size, proof=[b"x" * 32])).status == 422
    other = Checkpoint(ORIGIN, 0, b"x" * 32, 0, 0).signed(SIGNER)
    assert state.add(AddCheckpoint(0, (), other).spelt()).status == 422
    state.close()


def test_whose_log_it_is_is_told_by_the_key(witness, tree):
    stranger, same_name = Signer.new("playhead-other"), Signer.new("playhead-test")
    assert witness.add(tree.asked(0, 5, signer=stranger)).status == 403
    assert witness.add(tree.asked(0, 5, signer=same_name)).status == 403
    for origin in ("playhead-other/topic/0", "playhead-tes", "playhead-test2/topic/0"):
        assert witness.add(tree.asked(0, 5, origin=origin)).status == 404
    assert witness.add(tree.asked(0, 5, origin="playhead-test")).status == 200
    broken = tree.asked(0, 5).replace(b"next 5", b"next 6")
    assert witness.add(broken).status == 403
    many = tree.asked(0, 5) + stranger.line("whatever\n").encode()
    assert witness.add(many).status == 200
    assert "playhead-other" not in witness.latest(monitored_path(ORIGIN)).body


def test_a_key_that_was_rotated_is_believed_beside_the_new_one(tmp_path, tree):
    new = Signer.new("playhead-test")
    state = a_state(tmp_path, logs=(SIGNER.verifier, new.verifier))
    assert state.add(tree.asked(0, 5)).status == 200
    assert state.add(tree.asked(5, 9, signer=new)).status == 200
    state.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"old 0\n",
        b"old 0\n\n",
        b"old 0\n\nno note",
        b"old -1\n\n",
        b"old 00\n\n",
        b"old " + b"9" * 5_000 + b"\n\n",
        b"new 0\n\n",
        b"old 0\n" + b"A" * 43 + b"\n\n",
        b"old 0\nAAAA\n\n",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n",
        b"old 0\n\n" + SIGNER.sign("playhead-test\n0\n").encode(),
        b"old 0\n\n" + SIGNER.sign(f"playhead-test\n-1\n{'A' * 43}=\n").encode(),
        b"old 0\n\n" + SIGNER.sign(f"playhead-test/{'x' * 1_000}\n1\n{'A' * 43}=\n").encode(),
    ],
)
def test_what_is_no_request_is_told_as_such(witness, body):
    answer = witness.add(body)
    assert (answer.status, len(answer.body) < 300) == (400, True)


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 10**19 - 1])
def test_a_size_that_nothing_can_have_is_kept_or_refused_and_breaks_nothing(witness, size):
    note = Checkpoint(ORIGIN, size, b"x" * 32, 0, 0).signed(SIGNER)
    assert witness.add(AddCheckpoint(0, (), note).spelt()).status == (200 if size < 2**63 else 400)


def test_of_requests_at_once_one_wins_and_the_witness_never_goes_back(tmp_path, tree):
    """Two processes, and several threads in each, with proofs that all hold at their time."""
    states = [a_state(tmp_path, COSIGNER) for _ in range(2)]
    start = threading.Barrier(8)
    answered = []

    def ask(number):
        start.wait()
        old = 0
        for size in range(1 + number, 41, 3):
            for _ in range(3):
                if old > size:
                    break
                answer = states[number % 2].add(tree.asked(old, size))
                if answer.status == 200:
                    answered.append((old, size))
                    old = size
                    break
                old = int(answer.body)  # 409: the others were faster

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    grown = sorted({step for step in answered if step[0] != step[1]})
    assert [old for old, _ in grown] == [0, *(size for _, size in grown[:-1])]  # one line, no fork
    assert f"\n{grown[-1][1]}\n" in states[0].latest(monitored_path(ORIGIN)).body
    for state in states:
        state.close()


def test_a_trusted_key_fills_no_disk(tmp_path, tree):
    state = WitnessState(tmp_path, COSIGNER, [SIGNER.verifier], lambda: NOW_S, logs_max=3)
    for number in range(5):
        answer = state.add(tree.asked(0, 5, origin=f"playhead-test/topic/{number}"))
        assert answer.status == (200 if number < 3 else 404)
    assert state.add(tree.asked(5, 9, origin="playhead-test/topic/0")).status == 200
    state.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_of_a_witness_is_made_once_and_has_one_name(tmp_path, kind):
    made = cosigner_of(tmp_path / "w", "witness.test/w", kind)
    path = tmp_path / "w/witness.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert cosigner_of(tmp_path / "w", None, kind).verifier == made.verifier
    with pytest.raises(ValueError, match=r"is the key of witness\.test/w, not of other"):
        cosigner_of(tmp_path / "w", "other", kind)
    with pytest.raises(ValueError, match="needs a name"):
        cosigner_of(tmp_path / "new", None, kind)
    path.write_text("nonsense")
    with pytest.raises(ValueError, match="no private key"):
        cosigner_of(tmp_path / "w", None, kind)
