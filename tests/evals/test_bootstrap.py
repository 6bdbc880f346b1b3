"""Intervals: known ones by hand, whole groups drawn, equal for equal seeds."""

import numpy as np
import pytest

from evals.bootstrap import EvalEstimate, mean_of, statistic_of


def test_a_mean_has_the_interval_of_its_standard_error():
    values = [0.0, 1.0] * 200  # standard error of the mean: sqrt(.25 / 400) = .025
    found = mean_of(values, seed=3)
    assert found.value == 0.5
    assert found.rows == 400
    assert found.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.01)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.01)


def test_rows_of_one_group_are_drawn_together():
    values = [0.0] * 100 + [1.0] * 100
    alone = mean_of(values)
    grouped = mean_of(values, ["a"] * 100 + ["b"] * 100)
    assert grouped.value == alone.value == 0.5
    assert (grouped.low, grouped.high) == (0.0, 1.0)  # both of one kind: a draw of four
    assert alone.high - alone.low < 0.2


def test_large_groups_weigh_more():
    assert mean_of([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"]).value == 0.25


def test_the_same_seed_gives_the_same_interval():
    values = list(np.random.default_rng(0).random(50))
    assert mean_of(values, seed=5) == mean_of(values, seed=5)
    assert mean_of(values, seed=5) != mean_of(values, seed=6)


def test_a_statistic_of_columns_is_estimated_like_the_mean():
    values = list(np.random.default_rng(1).random(120))
    groups = [number // 3 for number in range(120)]
    mean = mean_of(values, groups, seed=2)
    same = statistic_of(lambda column: float(column.mean()), values, groups=groups, seed=2)
    assert same.value == pytest.approx(mean.value)
    assert same.low == pytest.approx(mean.low)
    assert same.high == pytest.approx(mean.high)


def test_columns_are_drawn_together():
    one = list(range(30))
    other = [3.0 * value for value in one]
    found = statistic_of(lambda a, b: float((b - 3 * a).max()), one, other)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_draws_that_have_no_such_figure_are_left_out():
    only = statistic_of(
        lambda column: float(column.mean()) if column[0] else float("nan"), [1.0, 0.0]
    )
    assert 0.5 <= only.low <= only.high <= 1.0
    none = statistic_of(lambda _: float("nan"), [1.0, 0.0])
    assert str(none.low) == "nan"
    assert none.rows == 2


def test_a_document_has_rounded_figures():
    assert EvalEstimate(1 / 3, 0.1, 0.9, 7).as_json() == {
        "value": 0.3333,
        "low": 0.1,
        "high": 0.9,
        "rows": 7,
    }
