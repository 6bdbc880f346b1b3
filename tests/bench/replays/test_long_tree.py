"""A long tree of made-up leaves is a tree like any other: what is proved by it holds."""

from bench.replays import long_tree
from bench.replays.long_tree import TreeCost, TreePlan, tree_cost
from replay.seal.merkle import Frontier

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
