"""Scoring: its laws, ties above all."""

import array
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.scoring import blended, diversified, order, square, standardised, within_budget

scores = st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), max_size=12)


def names(count):
    return [f"c{number:02}" for number in range(count)]


def ones(count):
    return [[1.0] * count for _ in range(count)]


@given(scores)
def test_standardised_scores_have_mean_0_and_deviation_1_unless_all_are_equal(values):
    z = standardised(values)
    assert len(z) == len(values)
    if any(z):
        assert math.fsum(z) / len(z) == pytest.approx(0, abs=1e-6)
        assert math.fsum(x * x for x in z) / len(z) == pytest.approx(1, abs=1e-6)


@given(st.lists(st.floats(0, 9).map(lambda x: round(x, 3)), min_size=1, max_size=9))
def test_a_blend_does_not_depend_on_the_scale_of_a_column(values):
    doubled = [1000 * value + 3 for value in values]
    one, other = blended([(1.0, values)]), blended([(1.0, doubled)])
    assert one == pytest.approx(other, abs=1e-4)


def test_a_column_counts_by_its_weight():
    assert blended([(2.0, [1, 0]), (1.0, [0, 1])]) == [1.0, -1.0]


def test_ties_go_by_id():
    assert order(["b", "a", "c"], [1.0, 1.0, 2.0]) == [2, 1, 0]


@given(scores, st.floats(0, 1), st.integers(0, 12))
def test_a_diverse_choice_holds_no_chunk_twice_and_as_many_as_wanted(values, weight, limit):
    picked = diversified(values, ones(len(values)), names(len(values)), weight, limit)
    assert len(picked) == len(set(picked)) == min(limit, len(values))


@given(scores)
def test_with_weight_1_the_choice_is_the_order_by_score(values):
    ids = names(len(values))
    assert diversified(values, ones(len(ids)), ids, 1.0, len(ids)) == order(ids, values)


def test_the_best_comes_first_and_its_copy_gives_way_to_something_new():
    similarities = [[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.1, 0.1, 1.0]]
    assert diversified([1.0, 0.99, 0.5], similarities, names(3), 0.4, 3) == [0, 2, 1]


def test_a_matrix_is_read_row_by_row_and_must_have_the_right_size():
    data = array.array("f", [1.0, 0.5, 0.25, 1.0]).tobytes()
    assert [list(row) for row in square(data, 2)] == [[1.0, 0.5], [0.25, 1.0]]
    with pytest.raises(ValueError, match="4 similarities, but 3 chunks need 9"):
        square(data, 3)


@given(st.lists(st.integers(1, 50), max_size=10), st.integers(0, 100))
def test_what_is_kept_fits_the_budget_or_is_one_item_alone(sizes, budget):
    kept = within_budget(sizes, lambda size: size, budget)
    assert sum(kept) <= budget or len(kept) == 1
    assert bool(kept) == bool(sizes)


def test_a_large_item_makes_room_for_smaller_ones_behind_it():
    assert within_budget([5, 100, 4], lambda size: size, 10) == [5, 4]


@given(scores, st.randoms())
def test_the_order_of_the_scores_changes_no_bit(values, chance):
    places = list(range(len(values)))
    chance.shuffle(places)
    shuffled = standardised([values[place] for place in places])
    z = standardised(values)
    assert shuffled == [z[place] for place in places]


def test_scores_that_differ_by_rounding_alone_are_equal():
    assert standardised([0.1] * 10) == [0.0] * 10
    assert standardised([0.1 + 0.2, 0.3]) == [0.0, 0.0]
    assert standardised([0.0, 2.1e-6]) != [0.0, 0.0]


def test_of_equal_scores_the_first_id_is_picked_whatever_the_weight():
    ids = ["b", "c", "a"]
    similarities = [[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]]
    for weight in (0.0, 0.5, 1.0):
        assert diversified([0.3] * 3, similarities, ids, weight, 3) == [2, 0, 1]


def test_of_equal_gains_the_better_score_is_picked():
    # relevance 1, .5 and 0; against the first pick the others are as unlike it as they are worse
    similarities = [[1.0, 1.0, 0.5], [1.0, 1.0, 0.0], [0.5, 0.0, 1.0]]
    assert diversified([3.0, 2.0, 1.0], similarities, ["c", "b", "a"], 0.5, 3)[:2] == [0, 1]


def test_relevance_is_the_score_between_the_worst_and_the_best():
    similarities = [[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 1.0]]
    # against the first: .5 * .9 - .5 * .6 = .15 for the second, 0 for the third
    assert diversified([10.0, 9.0, 0.0], similarities, names(3), 0.5, 3) == [0, 1, 2]
    # .5 * .5 - .3 = -.05
    assert diversified([10.0, 5.0, 0.0], similarities, names(3), 0.5, 3) == [0, 2, 1]


def test_nothing_is_picked_from_nothing():
    assert diversified([], [], [], 0.5, 3) == []
    assert standardised([]) == []
    assert blended([(1.0, [])]) == []


@pytest.mark.parametrize(("budget", "kept"), [(9, [5, 4]), (8, [5]), (0, [5])])
def test_an_item_that_fills_the_budget_exactly_is_kept(budget, kept):
    assert within_budget([5, 4], lambda size: size, budget) == kept
