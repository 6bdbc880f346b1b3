"""Nearest: the sentence that holds most of a statement, as looking at each of them finds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.nearest import Nearest

STEMS = ["red", "fox", "owl", "cat", "dog"]
"""Words that are their own stems."""
SENTENCES = st.lists(
    st.tuples(st.sets(st.sampled_from(STEMS)), st.booleans(), st.sampled_from([0.0, 0.5, 1.0])),
    max_size=6,
)


def nearest_by_looking(said, held, asked, heads, scores):
    """The rule itself, over all sentences."""
    if not said or not held:
        return -1, 0.0
    share = [sum(stem in one or stem in asked for stem in said) / len(said) for one in held]
    best = max(
        range(len(held)),
        key=lambda n: (
            share[n] * (not heads[n]),
            sum(stem in held[n] for stem in said),
            scores[n],
            -n,
        ),
    )
    return best, share[best]


@given(
    SENTENCES, st.frozensets(st.sampled_from(STEMS)), st.lists(st.sampled_from(STEMS), unique=True)
)
def test_it_finds_what_looking_at_each_sentence_finds(sentences, asked, said):
    held, heads, scores = map(list, zip(*sentences, strict=True)) if sentences else ([], [], [])
    nearest = Nearest(held, asked, heads, scores)
    expected = nearest_by_looking(said, held, asked, heads, scores)
    assert nearest(" ".join(said)) == expected
    assert nearest(" ".join(said)) == expected  # from memory


def test_of_sentences_that_hold_nothing_of_it_a_heading_comes_last():
    nearest = Nearest([{"fox"}, {"owl"}], frozenset({"red"}), [True, False], [1.0, 0.5])
    assert nearest("red") == (1, 1.0)


@pytest.mark.parametrize(
    ("statement", "best", "share"),
    [
        ("a red cat", 1, 1.0),
        ("a red dog", 1, 0.5),  # the heading holds as much, and states nothing
        ("a green tree", 1, 0.0),  # none holds any: the one nearest to the question
        ("the", -1, 0.0),
    ],
)
def test_most_of_the_stems_then_the_score(statement, best, share):
    nearest = Nearest(
        [{"red"}, {"red", "cat"}, {"dog"}], frozenset(), [False, False, True], [0.9, 1.0, 1.0]
    )
    assert nearest(statement) == (best, share)
