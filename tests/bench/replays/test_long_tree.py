"""A long tree of made-up leaves is a tree like any other: what is proved by it holds."""

from dataclasses import replace

import pytest

from bench.replays import long_tree
from bench.replays.long_tree import TreeCost, TreePlan, tree_cost
from bench.replays.replay_part import GOALS, show_replay
from bench.replays.seal_cost import PLACE, SealPlan, records_of
from bench.replays.verified_once import peak_mib, resident_mib
from replay.seal.leaves import leaf_of
from replay.seal.merkle import BadProof, Frontier, leaf_hash
from replay.seal.note import Signer
from replay.seal.proving import NotProvable, signed_for
from replay.seal.seal_folder import SealFolder
from replay.seal.tiles import Tiles, TileWriter
from tests.bench.shown import shown

SMALL = TreePlan(leaves=600, proofs=5, value_bytes=20)


def test_records_are_proved_by_it_and_so_is_its_first_half():
    told = []
    cost = tree_cost(SMALL, told.append)
    assert 32 * 8 < cost.proof_bytes < 2_048
    assert cost.consistency_bytes % 32 == 0 < cost.consistency_bytes
    assert cost.proof_max_s >= cost.proof_s > 0
    assert told == ["growing a tree of 600 leaves", "proving 5 of them"]


def test_a_leaf_that_is_proved_is_a_records_and_any_other_is_made_up():
    made_up = [long_tree._leaf(at, {}) for at in range(3)]
    assert len(set(made_up)) == 3
    assert [long_tree._leaf(at, {1: b"real"}) for at in range(3)] == [
        made_up[0],
        b"real",
        made_up[2],
    ]


def test_the_memory_of_a_tree_that_grows_is_that_of_one_path():
    frontier = Frontier()
    for at in range(5_000):
        frontier.append(long_tree._leaf(at, {}))
        assert len(frontier.hashes) <= (at + 1).bit_length()


def test_figures_stand_beside_what_they_are_compared_with():
    plan = TreePlan(leaves=1_000_000)
    cost = TreeCost(plan, 5.0, 1.0, 0.5, 0.002, 0.004, 0.001, 1_500, 0.003, 640)
    growing, memory, proof, slowest, checking, size, half = cost.figures()
    assert (growing.value, growing.baseline) == (250_000, 1_000_000)
    assert (memory.value, round(memory.baseline)) == (0.5, 31)
    assert (proof.value, proof.baseline) == (2, 5_000)
    assert (slowest.value, slowest.baseline) == (4, 2)
    assert (checking.value, checking.baseline) == (1, 2)
    assert (size.value, size.baseline) == (1_500, 640)
    assert (half.value, half.baseline) == (3, 20)


@pytest.fixture
def grown(tmp_path):
    """A small tree that was grown and signed, and its first half's checkpoint."""
    folder, signer = SealFolder(tmp_path), Signer.new("playhead-bench")
    [stored] = records_of(SealPlan(value_bytes=20), 7, 8)
    half, _ = long_tree._grown(SMALL, {7: leaf_hash(leaf_of(stored))}, folder, signer)
    return folder, half, stored


def test_what_is_signed_is_the_whole_and_its_tiles_lead_to_it(grown):
    folder, half, _ = grown
    whole, _ = signed_for(folder, (*PLACE, 599), folder.keys())
    tree = folder.tree(*PLACE)
    assert (whole.size, whole.first, whole.next, half.size) == (600, 0, 600, 300)
    assert Tiles(tree.folder, whole.size).frontier().root == whole.root
    assert Tiles(tree.folder, half.size).frontier().root == half.root
    assert [checkpoint.size for checkpoint in (half, whole)] == [300, 600]


def test_the_sealer_could_go_on_from_it(grown):
    folder, _, _ = grown
    writer, frontier = TileWriter(folder.tree(*PLACE).folder, 600), Frontier()
    for at in range(600):
        frontier.append(long_tree._leaf(at, {7: leaf_hash(leaf_of(grown[2]))}))
    assert writer.frontier.root == frontier.root
    writer.append(long_tree._leaf(600, {}))
    frontier.append(long_tree._leaf(600, {}))
    assert (writer.size, writer.frontier.root) == (601, frontier.root)


def test_a_record_is_proved_and_one_that_was_changed_is_not(grown):
    folder, _, stored = grown
    proofs, checks, sizes = long_tree._proved({7: stored}, folder)
    assert len(proofs) == len(checks) == len(sizes) == 1
    other = replace(stored, value=b"another")
    with pytest.raises(NotProvable, match="is not one of those that were signed"):
        long_tree._proved({7: other}, folder)


def test_a_half_that_was_another_is_found(grown):
    folder, half, _ = grown
    assert long_tree._check_half(folder, half) > 0
    with pytest.raises(BadProof, match="the older tree is another one"):
        long_tree._check_half(folder, replace(half, root=bytes(32)))


@pytest.mark.parametrize("leaves", [255, 256, 257, 511])
def test_trees_at_the_edges_of_tiles_are_proved(leaves):
    cost = tree_cost(TreePlan(leaves=leaves, proofs=3, value_bytes=20), lambda _: None)
    assert cost.proof_bytes < 2_048
    assert cost.consistency_bytes % 32 == 0


def test_the_same_leaves_are_asked_for_each_time():
    sizes = {tree_cost(SMALL, lambda _: None).consistency_bytes for _ in range(2)}
    assert len(sizes) == 1


def test_the_memory_of_this_process_is_read_in_mib():
    assert 1 < resident_mib() <= peak_mib()


UNITS = {
    "growing a tree, in a CPU second": "leaves",
    "memory for 600 leaves": "MiB",
    "a proof in 600 leaves": "CPU ms",
    "the slowest": "CPU ms",
    "checking it": "CPU ms",
    "such a proof with its checkpoint": "bytes",
    "that half of it is its beginning": "CPU ms",
}


def test_each_figure_has_a_name_and_a_unit():
    figures = tree_cost(SMALL, lambda _: None).figures()
    assert {figure.name: figure.unit for figure in figures} == UNITS
    assert len(figures) == len(UNITS)


def test_what_is_measured_is_as_long_as_the_goal_says():
    assert TreePlan().leaves == 10_000_000
    assert f"{TreePlan().leaves:,} records in 10 ms and 2,048 bytes" in GOALS


def test_figures_are_shown_as_those_of_sealing_are():
    figures = tree_cost(SMALL, lambda _: None).figures()
    lines = shown(show_replay, figures).splitlines()
    for name, unit in UNITS.items():
        [line] = [line for line in lines if line.startswith(name)]
        assert unit in line


def test_the_memory_is_looked_at_now_and_then(grown):
    looks = range(0, TreePlan().leaves, long_tree.LOOK_LEAVES)
    assert 100 < len(looks) < 1_000
    assert grown[1].size == SMALL.leaves // 2
