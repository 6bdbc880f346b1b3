"""Spreads: medians, extremes, and ratios that are taken round by round."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.spread import number, percentiles, spread

figures = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=9)


def test_a_ratio_is_taken_round_by_round():
    rounds = spread([30.0, 20.0, 100.0], [10.0, 10.0, 100.0])
    assert (rounds.median, rounds.low, rounds.high) == (30.0, 20.0, 100.0)
    assert rounds.ratio == 2.0  # of 3, 2 and 1; the medians' ratio would be 3


def test_a_round_in_which_the_baseline_has_no_figure_has_no_ratio():
    assert spread([30.0, 20.0], [None, 10.0]).ratio == 2.0
    assert spread([0.5], [0.0]).ratio is None
    assert spread([1.0]).times == ""


@pytest.mark.parametrize(
    ("value", "text"), [(12_345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23")]
)
def test_numbers_show_three_figures(value, text):
    assert number(value) == text


def test_extremes_are_shown_where_they_differ():
    assert str(spread([1.0, 2.0, 3.0])) == "2.00 (1.00–3.00)"
    assert str(spread([2.0])) == "2.00"


def test_percentiles_lie_between_the_values():
    assert percentiles(range(101)) == (50.0, 95.0, 99.0)


@given(figures)
def test_a_spread_holds_all_its_values(values):
    seen = spread(values, values)
    assert seen.low <= seen.median <= seen.high
    assert seen.ratio == 1.0


@given(figures, st.floats(0.1, 10))
def test_a_machine_of_another_speed_changes_no_ratio(values, speed):
    baseline = [value + 1 for value in values]
    same = spread(values, baseline).ratio
    assert spread(
        [v * speed for v in values], [b * speed for b in baseline]
    ).ratio == pytest.approx(same)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=50))
def test_percentiles_rise_and_stay_within_the_values(values):
    p50, p95, p99 = percentiles(values)
    assert p50 == pytest.approx(statistics.median(values))
    assert min(values) <= p50 <= p95 <= p99 <= max(values) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (9.994, "9.99"),
        (10.0, "10.0"),
        (99.94, "99.9"),
        (100.0, "100"),
        (-250.4, "-250"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_at_the_edges(value, text):
    assert number(value) == text


def test_of_one_value_there_are_no_percentiles():
    with pytest.raises(statistics.StatisticsError):
        percentiles([1.0])
