"""Figures of an answer, by hand and beside another program."""

import importlib
import random
import sys

import pytest

from evals.answer_scores import contains, exact, f1, normalized_answer, number_match, numbers
from tests.evals.sets import PUBLIC, needs_public_sets


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Tower.", "tower"),
        ("a 31-metre-high, old tower", "31metrehigh old tower"),
        ("Anna", "anna"),
        ("", ""),
    ],
)
def test_an_answer_without_what_does_not_count(text, plain):
    assert normalized_answer(text) == plain


@pytest.mark.parametrize(
    ("said", "right", "figures"),
    [
        ("It was built in 1887.", ["1887"], (2 / 6, 0.0, 1.0)),
        ("The tower", ["a tower"], (1.0, 1.0, 1.0)),
        ("", ["1887"], (0.0, 0.0, 0.0)),
        ("1887", ["1888", "1887"], (1.0, 1.0, 1.0)),
        ("the", ["the"], (1.0, 1.0, 0.0)),
    ],
)
def test_an_answer_is_compared_with_the_nearest_right_one(said, right, figures):
    assert (f1(said, right), exact(said, right), contains(said, right)) == pytest.approx(figures)


def test_numbers_are_read_with_and_without_commas():
    assert numbers("1,887 men, -3.5 metres and 7.") == {1887.0, -3.5, 7.0}


@pytest.mark.parametrize(
    ("said", "right", "match"),
    [
        ("It cost 1,887 crowns", ["1887"], 1.0),
        ("It cost 1,888 crowns", ["1887"], 0.0),
        ("From 3 to 5", ["3 5"], 1.0),
        ("From 3 on", ["3 5"], 0.0),
        ("blue", ["blue"], None),
    ],
)
def test_the_numbers_of_an_answer_match_or_there_are_none(said, right, match):
    assert number_match(said, right) == match


@needs_public_sets
def test_another_program_finds_the_same(monkeypatch):
    monkeypatch.syspath_prepend(PUBLIC / "scorers")
    other = importlib.import_module("qa_eval")
    draw = random.Random(9)
    words = ["the", "a", "31", "1,887", "tower,", "high", "Anna"]
    for _ in range(200):
        said, *right = (" ".join(draw.choices(words, k=draw.randint(1, 4))) for _ in range(3))
        gold = [{"id": "q", "answerable": True, "answers": right}]
        theirs = other.evaluate(gold, [{"id": "q", "answer": said}])
        assert 100 * f1(said, right) == pytest.approx(theirs["has_f1"], abs=0.01)
        assert 100 * exact(said, right) == theirs["has_em"]
        assert 100 * contains(said, right) == theirs["has_contains"]
        ours = number_match(said, right)
        assert theirs.get("number_match") == (None if ours is None else 100 * ours)
    for name in ("qa_eval", "evalio"):
        sys.modules.pop(name)
