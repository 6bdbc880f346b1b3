"""Figures: against what can be worked out by hand."""

import numpy as np
import pytest

from bench.moderator_heads.intervals import (
    ResampledFigure,
    average_precision,
    precision_figure,
    recall_at,
    resampled,
)


@pytest.mark.parametrize(
    ("labels", "scores", "area"),
    [
        ([1, 1, 0, 0], [4, 3, 2, 1], 1.0),
        ([0, 0, 1, 1], [4, 3, 2, 1], (1 / 3 + 2 / 4) / 2),
        ([1, 0, 1, 0], [4, 3, 2, 1], (1 + 2 / 3) / 2),
        ([1, 0, 1, 0], [1, 1, 1, 1], 0.5),  # equal scores are one step
    ],
)
def test_average_precision(labels, scores, area):
    assert average_precision(np.array(labels, float), np.array(scores, float)) == pytest.approx(
        area
    )


def test_recall_lets_no_more_than_the_share_of_negatives_through():
    negative = np.arange(100.0)
    assert recall_at(np.array([98.5, 99.5, 50.0]), negative) == pytest.approx(2 / 3)
    assert recall_at(np.array([98.0, 99.5, 50.0]), negative) == pytest.approx(1 / 3)
    assert recall_at(np.array([95.5, 50.0]), negative, 0.05) == 0.5


def test_an_interval_holds_its_figure_and_is_always_the_same():
    generator = np.random.default_rng(1)
    above, below = generator.normal(1, 1, 80), generator.normal(0, 1, 80)
    figure = precision_figure(above, below)
    assert figure.low < figure.value < figure.high
    assert figure == precision_figure(above, below)


def test_more_texts_make_an_interval_narrower():
    generator = np.random.default_rng(1)

    def width(count):
        figure = resampled(lambda sample: float(sample.mean()), generator.normal(0, 1, count))
        return figure.high - figure.low

    assert width(2_000) < width(50) / 3


def test_a_figure_is_read_with_its_interval():
    assert str(ResampledFigure(0.8049, 0.7641, 0.84)) == "0.805 (0.764-0.840)"
