"""Figures of rankings, by hand and beside another program."""

import importlib
import math
import random
import sys

import pytest

from evals.rankings import distinct, ndcg, recall, reciprocal_rank
from tests.evals.sets import PUBLIC, needs_public_sets

GRADES = {"a": 2, "b": 1, "c": 0}


@pytest.mark.parametrize(
    ("ranking", "gain"),
    [
        (["a", "b"], 1.0),
        (["b", "a"], (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))),
        (["c", "x", "a"], (2 / 2) / (2 + 1 / math.log2(3))),
        (["c", "x"], 0.0),
        ([], 0.0),
    ],
)
def test_the_gain_of_a_ranking_is_a_share_of_the_best(ranking, gain):
    assert ndcg(ranking, GRADES) == pytest.approx(gain)


def test_a_query_without_a_right_document_gains_nothing():
    assert ndcg(["c"], {"c": 0}) == 0.0


def test_places_beyond_the_depth_do_not_count():
    late = ["x"] * 10 + ["a"]
    assert (ndcg(late, GRADES), reciprocal_rank(late, GRADES)) == (0.0, 0.0)
    assert ndcg(late, GRADES, 11) > 0
    assert recall(late, GRADES, 10) == 0.0
    assert recall(late, GRADES, 11) == 0.5


@pytest.mark.parametrize(
    ("ranking", "rank"), [(["b"], 1.0), (["c", "x", "b"], 1 / 3), (["c"], 0.0)]
)
def test_the_first_right_document_gives_the_reciprocal_rank(ranking, rank):
    assert reciprocal_rank(ranking, GRADES) == rank


def test_a_document_counts_where_it_stands_first():
    assert distinct(["a", "b", "a", "c", "b"]) == ["a", "b", "c"]


@needs_public_sets
def test_another_program_finds_the_same(monkeypatch):
    monkeypatch.syspath_prepend(PUBLIC / "scorers")
    other = importlib.import_module("ir_eval")
    draw = random.Random(2)
    for _ in range(50):
        names = [f"d{number}" for number in range(30)]
        grades = {
            "d0": 1,
            **{name: draw.choice([-1, 0, 0, 1, 2]) for name in draw.sample(names[1:], 12)},
        }
        ranking = draw.sample(names, 25)
        theirs = other.q_metrics(grades, ranking, (1, 5, 10))
        ours = [ndcg(ranking, grades), reciprocal_rank(ranking, grades), recall(ranking, grades, 5)]
        assert ours == pytest.approx([theirs["ndcg@10"], theirs["mrr@10"], theirs["recall@5"]])
    for name in ("ir_eval", "evalio"):
        sys.modules.pop(name)
