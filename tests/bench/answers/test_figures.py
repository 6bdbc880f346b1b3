"""Figures beside their baselines, and what is printed of them."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.answers.figures import Figure, compared, median, quartiles, show

times = st.floats(0.001, 10_000)


@pytest.mark.parametrize(("value", "baseline", "ratio"), [(3.0, 2.0, 1.5), (0.0, 2.0, 0.0)])
def test_a_ratio_is_the_value_over_its_baseline(value, baseline, ratio):
    assert Figure("f", value, "ms", baseline, "b").ratio == ratio


def test_without_a_baseline_there_is_no_ratio():
    assert math.isnan(Figure("f", 1.0, "ms", 0.0, "b").ratio)


@given(st.lists(st.tuples(times, times), min_size=2, max_size=9))
def test_what_is_added_is_the_median_of_the_pairs(pairs):
    ours, theirs = zip(*pairs, strict=True)
    whole, added = compared("answer", ours, theirs, "the same steps")
    assert whole.baseline == added.baseline == median(theirs)
    assert whole.value == median(ours)
    assert added.value == median([one - other for one, other in pairs])
    assert added.quartiles[0] <= added.value <= added.quartiles[1]


def test_a_pair_that_lacks_a_side_is_a_mistake():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        compared("answer", [1.0, 2.0], [1.0], "b")


@pytest.mark.parametrize(
    ("values", "low", "high"), [([1.0, 3.0], 1.5, 2.5), ([1.0, 2.0, 3.0, 4.0, 5.0], 2.0, 4.0)]
)
def test_quartiles_lie_between_the_values(values, low, high):
    assert quartiles(values) == (low, high)


def test_all_figures_and_steps_are_shown():
    figures = [
        Figure("ingest", 1_234.56, "chunks/s", 2_469.12, "the embedder", (1_000.0, 1_500.0)),
        Figure("queueing", 0.5, "ms", 2.0, "a bare hop"),
    ]
    steps = {"embed": {"queued_ms": 1.25, "running_ms": 20.0, "effects_ms": 19.5}}
    text = io.StringIO()
    show(figures, steps, Console(file=text, width=200))
    first, second = (
        line for line in text.getvalue().splitlines() if "0.50" in line or "0.25" in line
    )
    assert first.split() == [
        "ingest",
        "1,234.6",
        "chunks/s",
        "1,000.0–1,500.0",
        "2,469.1",
        "0.50",
        "the",
        "embedder",
    ]
    assert second.split()[:5] == ["queueing", "0.5", "ms", "2.0", "0.25"]
    assert "embed" in text.getvalue()
    assert "19.5" in text.getvalue()
