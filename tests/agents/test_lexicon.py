"""Lexicon: a stretch of words is cut at the known phrases in it, the longest first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.lexicon import Lexicon

WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=12)


def cut_by_trying(words, known, at=0):
    """The rule itself: try each window, the longest and then the first, and go on in what is left."""
    for size in range(len(words) - 1, 0, -1):
        for start in range(len(words) - size + 1):
            if " ".join(words[start : start + size]) in known:
                before = cut_by_trying(words[:start], known, at)
                behind = cut_by_trying(words[start + size :], known, at + start + size)
                return [*before, (at + start, at + start + size), *behind]
    return []


@given(
    WORDS,
    st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=6).map(" ".join), max_size=6),
)
def test_it_cuts_where_trying_each_window_would(words, known):
    assert list(Lexicon(known).cuts(words)) == cut_by_trying(words, known)


@pytest.mark.parametrize(
    ("words", "known", "cuts"),
    [
        ("big red apple pie", {"red apple pie", "apple"}, [(1, 4)]),
        (
            "red apple pie",
            {"red apple pie", "apple"},
            [(1, 2)],
        ),  # known as a whole, which is no place to cut
        ("red apple pie", {"red apple pie"}, []),
        ("a b a b a", {"a b a", "a b"}, [(0, 3)]),
        ("a b c d", {"a b", "b c d", "d"}, [(1, 4)]),
        ("a b", {"a  b", ""}, []),
        ("a b", set(), []),
    ],
)
def test_the_longest_known_phrase_wins_then_the_first(words, known, cuts):
    assert list(Lexicon(known).cuts(words.split())) == cuts
