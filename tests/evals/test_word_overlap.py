"""Overlap of words with references, by hand and beside another program."""

import importlib
import random
import sys

import pytest

from evals.word_overlap import Overlap, added, overlap, rouge1, words_of
from tests.evals.sets import PUBLIC, needs_public_sets


@pytest.mark.parametrize(
    ("said", "wanted", "figures"),
    [
        ("How high is the tower?", "how high is the tower", (1.0, 1.0, 1.0)),
        ("How high is it?", "How high is the old tower?", (3 / 6, 3 / 4, 0.6)),
        ("a a a", "a b", (1 / 2, 1 / 3, 0.4)),
        ("", "a", (0.0, 0.0, 0.0)),
        ("x", "a", (0.0, 0.0, 0.0)),
    ],
)
def test_words_are_compared_as_bags(said, wanted, figures):
    assert tuple(overlap(words_of(said), words_of(wanted))) == pytest.approx(figures)


def test_of_several_references_the_nearest_counts_and_for_recall_the_kindest():
    found = rouge1("the high tower", ("tower", "the high tower of stone"))
    assert found == Overlap(1.0, 1.0, pytest.approx(2 * 0.6 / 1.6))


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("How high is it?", 0.0),
        ("How high is the tower?", 0.5),
        ("How high is the old tower?", 1.0),
    ],
)
def test_what_had_to_be_added_is_what_the_question_lacks(said, share):
    assert added(said, "How high is it?", ("How high is the old tower?",)) == share


def test_where_nothing_had_to_be_added_there_is_no_share():
    assert added("How high is it?", "How high is it?", ("how high is that",)) is None


@needs_public_sets
def test_another_program_finds_the_same(monkeypatch):
    monkeypatch.syspath_prepend(PUBLIC / "scorers")
    other = importlib.import_module("rewrite_eval")
    draw = random.Random(7)
    words = ["the", "tower", "of", "stone", "is", "high", "and", "old"]
    for _ in range(50):
        question, said, *wanted = (" ".join(draw.choices(words, k=5)) for _ in range(4))
        gold = [{"question": question, "rewrites": wanted}]
        theirs = other.evaluate(gold, lambda _, said=said: said)
        ours = rouge1(said, tuple(wanted))
        names = ("rouge1_recall", "rouge1_precision", "rouge1_f1")
        assert [100 * one for one in ours] == pytest.approx(
            [theirs[name] for name in names], abs=0.01
        )
    for name in ("rewrite_eval", "evalio"):
        sys.modules.pop(name)
