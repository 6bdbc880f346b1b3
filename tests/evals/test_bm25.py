"""BM25 beside its formula."""

import math

from hypothesis import given
from hypothesis import strategies as st

from evals.bm25 import K1, B, KeywordIndex

TEXTS = ["the tower of stone", "the ferry and the tower", "boats boats boats", "the"]


def test_a_rare_word_and_a_short_text_win():
    assert KeywordIndex(TEXTS).search("stone tower", 10) == [0, 1]
    assert KeywordIndex(TEXTS).search("a boat", 10) == [2]
    assert KeywordIndex(TEXTS).search("the", 10) == []


def test_a_score_is_that_of_the_formula():
    # ferry: in one of three texts; lengths in content words 2, 2, 3 and 0, mean 7 / 4
    texts = ["ferry tower", "tower bridge", "ferry ferry bridge", "the"]
    rarity = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    one = rarity * (K1 + 1) / (1 + K1 * (1 - B + B * 2 / 1.75))
    two = rarity * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / 1.75))
    assert one < two
    assert KeywordIndex(texts).search("ferry", 10) == [2, 0]


def test_ties_go_by_number_and_no_more_is_returned_than_wanted():
    assert KeywordIndex(["tower"] * 5).search("tower", 3) == [0, 1, 2]
    assert KeywordIndex([]).search("tower", 3) == []


@given(st.lists(st.text("ab ", max_size=8), max_size=6), st.text("ab ", max_size=8))
def test_results_are_distinct_and_each_holds_a_word(texts, query):
    found = KeywordIndex(texts).search(query, 4)
    assert len(found) == len(set(found)) <= 4
    for number in found:
        assert set(query.split()) & set(texts[number].split())
