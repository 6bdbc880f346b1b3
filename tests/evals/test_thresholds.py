import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.thresholds import FOLDS, LabelledScore, balanced, best_threshold, fold_of, tuned

PAIRS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=40)


def columns(pairs):
    return (
        np.asarray([float(above) for above, _ in pairs]),
        np.asarray([score / 20 for _, score in pairs]),
    )


def worth(labels, scores, threshold):
    return balanced(labels, (scores >= threshold).astype(float))


@given(PAIRS, st.integers(0, 20))
def test_no_threshold_between_two_scores_is_better_than_the_best(pairs, present):
    labels, scores = columns(pairs)
    if len(set(labels)) < 2:
        assert best_threshold(labels, scores, present / 20) == present / 20
        return
    best = best_threshold(labels, scores, present / 20)
    between = [at / 40 for at in range(41) if scores.min() < at / 40 <= scores.max()]
    everywhere = [*between, present / 20]
    assert worth(labels, scores, best) >= max(worth(labels, scores, at) for at in everywhere) - 1e-9


def test_of_equally_good_thresholds_the_nearest_is_taken_and_the_present_one_kept():
    labels, scores = np.asarray([0.0, 1.0, 0.0, 1.0]), np.asarray([0.1, 0.3, 0.5, 0.7])
    assert best_threshold(labels, scores, 0.0) == pytest.approx(0.2)
    assert best_threshold(labels, scores, 1.0) == pytest.approx(0.6)
    assert best_threshold(labels, scores, 0.25) == 0.25


def test_balanced_accuracy_weighs_both_kinds_alike():
    labels = np.asarray([1.0] * 9 + [0.0])
    assert balanced(labels, np.ones(10)) == 0.5
    assert balanced(labels, labels) == 1
    assert np.isnan(balanced(np.ones(3), np.ones(3)))


def rows_of(count, cut, *, noise=0.0, seed=1):
    """Rows whose label is whether the score is above a cut, but for some noise."""
    draw = np.random.default_rng(seed)
    scores = draw.random(count)
    flipped = draw.random(count) < noise
    return [
        LabelledScore(float(score), bool((score >= cut) != flip), f"g-{number}")
        for number, (score, flip) in enumerate(zip(scores, flipped, strict=True))
    ]


def test_a_threshold_that_is_off_is_found_and_shown_to_be_better_elsewhere():
    found = tuned(rows_of(300, 0.7, noise=0.05), 0.3)
    assert found.value.low <= found.value.value <= found.value.high
    assert abs(found.value.value - 0.7) < 0.05
    assert found.is_better
    assert found.held_out.value > found.present.value
    assert found.gain.value == pytest.approx(found.held_out.value - found.present.value)


def test_where_scores_tell_nothing_nothing_is_better():
    assert not tuned(rows_of(300, 0.0, noise=0.5), 0.3).is_better


def test_what_is_right_stays():
    found = tuned(rows_of(300, 0.3), 0.3)
    assert (found.value.value, found.is_better, found.present.value) == (0.3, False, 1.0)


def test_what_is_reported_was_not_chosen_on():
    """By labels of chance, a threshold chosen on the same rows looks better than it is."""
    rows = rows_of(60, 0.0, noise=0.5, seed=3)
    labels = np.asarray([float(row.above) for row in rows])
    scores = np.asarray([row.score for row in rows])
    on_the_same = worth(labels, scores, best_threshold(labels, scores, 0.5))
    assert tuned(rows, 0.5).held_out.value < on_the_same - 0.02


def test_rows_of_one_conversation_are_in_one_fold_and_folds_are_alike():
    assert fold_of("g") == fold_of("g")
    counts = np.bincount([fold_of(f"g-{n}") for n in range(5_000)], minlength=FOLDS)
    assert counts.min() > 850
