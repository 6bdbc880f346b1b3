"""English words: what is a word however it is inflected, and what is a name all the same."""

import pytest

from connectors.presidio.english_words import NAMES_AND_WORDS, Words
from connectors.presidio.entities import MODEL


@pytest.fixture(scope="module")
def words():
    import spacy

    return Words(spacy.load(MODEL))


@pytest.mark.parametrize(
    "word",
    ["run", "runs", "walking", "Walking", "using", "selected", "selects,", "’quick’", "selected.",
     "quickly", "large", "redirects", "misses", "baked"],
)  # fmt: skip
def test_a_verb_adjective_or_adverb_is_common_however_it_is_inflected(words, word):
    assert words.common(word)
    assert words.known(word)


@pytest.mark.parametrize("word", ["Okonkwo", "Lovelace", "Xiu", "HMGB1", "", ".", "…"])
def test_a_name_is_no_word(words, word):
    assert not words.common(word)


@pytest.mark.parametrize("word", sorted(NAMES_AND_WORDS))
def test_a_word_that_is_a_name_more_often_is_not_common(words, word):
    assert not words.common(word)
    assert not words.common(word.capitalize() + ",")


@pytest.mark.parametrize("word", ["table", "Tables", "house", "network,"])
def test_nouns_are_known_though_they_hold_many_names(words, word):
    assert words.known(word)


@pytest.mark.parametrize("word", ["Kowalska", "zzyzx", "Okonkwo", "XYZQ"])
def test_what_no_dictionary_has_is_not_known(words, word):
    assert not words.known(word)
