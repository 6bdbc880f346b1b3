"""Figures of detectors, computed by hand, and beside other programs where they are at hand."""

import importlib
import random
import sys

import numpy as np
import pytest

from evals.curves import average_precision, precision, recall_at, roc_area, share
from tests.evals.sets import PUBLIC, needs_public_sets


def arrays(labels, scores):
    return np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)


@pytest.mark.parametrize(
    ("labels", "scores", "area"),
    [
        ([1, 0], [0.9, 0.1], 1.0),
        ([0, 1], [0.9, 0.1], 0.5),
        ([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], (1 / 1 + 2 / 3) / 2),
        ([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5], 0.5),  # one step: the share of positives
        ([1, 1, 0, 0], [0.9, 0.2, 0.2, 0.1], (1 + 2 / 3) / 2),
    ],
)
def test_the_area_under_precision_and_recall(labels, scores, area):
    assert average_precision(*arrays(labels, scores)) == pytest.approx(area)


@pytest.mark.parametrize(
    ("labels", "scores", "area"),
    [
        ([1, 0], [0.9, 0.1], 1.0),
        ([0, 1], [0.9, 0.1], 0.0),
        ([1, 0], [0.5, 0.5], 0.5),
        ([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], 3 / 4),
        ([1, 1, 0, 0], [0.9, 0.2, 0.2, 0.1], (2 + 1.5) / 4),
    ],
)
def test_the_area_under_the_roc_is_how_often_a_pair_is_in_order(labels, scores, area):
    assert roc_area(*arrays(labels, scores)) == pytest.approx(area)


@pytest.mark.parametrize(
    ("scores", "price", "recall"),
    [
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 0.0, 1.0),
        ([0.9, 0.8, 0.5, 0.6, 0.3, 0.1], 0.0, 2 / 3),
        ([0.9, 0.8, 0.5, 0.6, 0.3, 0.1], 0.33, 2 / 3),
        ([0.9, 0.8, 0.5, 0.6, 0.3, 0.1], 1 / 3, 1.0),
        ([0.9, 0.9, 0.9, 0.9, 0.1, 0.1], 0.1, 0.0),  # a false one at the very top: none is free
    ],
)
def test_recall_at_a_price(scores, price, recall):
    labels = [1, 1, 1, 0, 0, 0]
    assert recall_at(*arrays(labels, scores), price) == pytest.approx(recall)


@pytest.mark.parametrize("figure", [average_precision, roc_area, recall_at])
@pytest.mark.parametrize("labels", [[], [0, 0]])
def test_there_is_no_figure_without_both_kinds(figure, labels):
    assert np.isnan(figure(*arrays(labels, [0.5] * len(labels))))


def test_only_positives_have_no_false_alarms_to_pay_with():
    assert np.isnan(roc_area(*arrays([1, 1], [0.1, 0.2])))
    assert average_precision(*arrays([1, 1], [0.1, 0.2])) == 1.0


def test_shares_of_labels_and_of_what_was_found():
    labels, found = arrays([1, 1, 0, 0], [1, 0, 1, 0])
    assert (share(labels, found), share(labels, found, of=0.0), precision(labels, found)) == (
        0.5,
        0.5,
        0.5,
    )
    assert np.isnan(share(labels, found, of=2.0))
    assert np.isnan(precision(labels, found * 0))


@needs_public_sets
def test_another_program_finds_the_same(monkeypatch):
    monkeypatch.syspath_prepend(PUBLIC / "scorers")
    other = importlib.import_module("cls_eval")
    draw = random.Random(4)
    for _ in range(50):
        labels = [draw.randint(0, 1) for _ in range(60)]
        scores = [draw.choice([0.1, 0.2, 0.3, draw.random()]) for _ in labels]
        assert average_precision(*arrays(labels, scores)) == pytest.approx(
            other.auprc(labels, scores)
        )
        assert roc_area(*arrays(labels, scores)) == pytest.approx(other.auc(labels, scores))
    for name in ("cls_eval", "evalio"):
        sys.modules.pop(name)
