"""Merkle trees as in RFC 6962, against a direct reading of its definitions and its known roots."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.seal.merkle import (
    EMPTY,
    BadProof,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    bytes.fromhex("2021"),
    bytes.fromhex("3031"),
    bytes.fromhex("40414243"),
    bytes.fromhex("5051525354555657"),
    bytes.fromhex("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The trees of 0 to 8 of these leaves, as the tests of Certificate Transparency have them."""


def defined_root(leaves):
    """MTH of RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


class WholeTree:
    """Holds every hash of a tree's full parts."""

    def __init__(self, leaves):
        self.hashes = {}
        self.frontier = Frontier()
        for leaf in leaves:
            for level, index, digest in self.frontier.append(leaf_hash(leaf)):
                self.hashes[level, index] = digest

    def hash_at(self, level, index):
        return self.hashes[level, index]


def numbered(count):
    return [b"leaf %d" % number for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_the_known_trees_have_their_roots(size):
    assert WholeTree(LEAVES[:size]).frontier.root.hex() == ROOTS[size]


def test_every_root_is_the_defined_one():
    leaves = numbered(70)
    for size in range(71):
        assert WholeTree(leaves[:size]).frontier.root == defined_root(leaves[:size])


def test_every_leaf_of_every_small_tree_is_proved_and_no_other():
    leaves = numbered(34)
    for size in range(1, 35):
        root = defined_root(leaves[:size])
        tiles = WholeTree(leaves)
        for index in range(size):
            proof = inclusion_proof(tiles, index, size)
            check_inclusion(leaf_hash(leaves[index]), index, size, proof, root)
            with pytest.raises(BadProof):
                check_inclusion(leaf_hash(b"another"), index, size, proof, root)
            if size > 1:
                with pytest.raises(BadProof):
                    check_inclusion(leaf_hash(leaves[index]), (index + 1) % size, size, proof, root)


def test_every_small_tree_is_the_beginning_of_every_larger_one():
    leaves = numbered(34)
    tiles = WholeTree(leaves)
    for size in range(35):
        root = defined_root(leaves[:size])
        for old in range(size + 1):
            before = defined_root(leaves[:old])
            proof = consistency_proof(tiles, old, size)
            check_consistency(old, size, proof, before, root)
            with pytest.raises(BadProof):
                check_consistency(old, size, proof, hashlib.sha256(b"x").digest(), root)
            if 0 < old < size:
                with pytest.raises(BadProof):
                    check_consistency(old, size, proof, before, hashlib.sha256(b"x").digest())


@given(st.integers(1, 300), st.data())
def test_a_proof_that_was_changed_proves_nothing(size, data):
    leaves = numbered(size)
    tiles = WholeTree(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(tiles, index, size)
    root = tiles.frontier.root
    wrong = data.draw(st.sampled_from(["longer", "shorter", "other", "short hash"]))
    if wrong == "longer":
        changed = [*proof, EMPTY]
    elif not proof:
        return
    elif wrong == "shorter":
        changed = proof[:-1]
    else:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = list(proof)
        changed[place] = EMPTY if wrong == "other" else changed[place][:-1]
    with pytest.raises(BadProof):
        check_inclusion(leaf_hash(leaves[index]), index, size, changed, root)


@given(st.integers(2, 300), st.data())
def test_an_edited_past_is_no_beginning(size, data):
    leaves = numbered(size)
    old = data.draw(st.integers(1, size))
    place = data.draw(st.integers(0, old - 1))
    edited = [*leaves[:place], b"edited", *leaves[place + 1 :]]
    before, after = WholeTree(leaves[:old]).frontier.root, WholeTree(edited)
    proof = consistency_proof(after, old, size)
    with pytest.raises(BadProof):
        check_consistency(old, size, proof, before, after.frontier.root)


def test_a_proof_has_at_most_one_hash_a_level():
    tiles = WholeTree(numbered(1_000))
    assert max(len(inclusion_proof(tiles, index, 1_000)) for index in range(1_000)) == 10
    assert max(len(consistency_proof(tiles, old, 1_000)) for old in range(1_001)) <= 11


@pytest.mark.parametrize(
    ("size", "hashes", "words"),
    [
        (-1, [], "a tree of -1 leaves"),
        (3, [EMPTY], "has 2 full parts, not 1"),
        (1, [b"short"], "32 bytes"),
    ],
)
def test_a_tree_goes_on_from_its_own_hashes_only(size, hashes, words):
    with pytest.raises(ValueError, match=words):
        Frontier(size, hashes)


def test_a_tree_goes_on_where_it_ended():
    whole, begun = Frontier(), Frontier()
    for number, leaf in enumerate(numbered(100)):
        whole.append(leaf_hash(leaf))
        begun = Frontier(number, begun.hashes)
        begun.append(leaf_hash(leaf))
    assert begun.root == whole.root


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_not_in_a_tree_has_no_proof(index, size):
    tiles = WholeTree(numbered(3))
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(tiles, index, size)
    with pytest.raises(BadProof, match="has no leaf"):
        check_inclusion(EMPTY, index, size, [], EMPTY)


@pytest.mark.parametrize(("old", "size"), [(-1, 3), (4, 3)])
def test_a_tree_has_no_beginning_beyond_itself(old, size):
    with pytest.raises(ValueError, match="has no beginning"):
        consistency_proof(WholeTree(numbered(3)), old, size)
    with pytest.raises(BadProof, match="has no beginning"):
        check_consistency(old, size, [], EMPTY, EMPTY)


def test_where_nothing_has_to_be_proved_a_proof_is_wrong():
    with pytest.raises(BadProof, match="nothing has to be proved"):
        check_consistency(0, 3, [EMPTY], EMPTY, EMPTY)
    with pytest.raises(BadProof, match="two roots"):
        check_consistency(3, 3, [], EMPTY, leaf_hash(b""))
    with pytest.raises(BadProof, match="the proof is empty"):
        check_consistency(3, 5, [], EMPTY, EMPTY)
