"""The model's tokenizer: spaCy's own tokens, at a bounded cost."""

import re
from functools import cache

import pytest
import regex
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from connectors.presidio.detector import EMAIL_ADDRESS
from connectors.presidio.entities import EXCLUDED, MODEL, RULE
from connectors.presidio.tokenizer import SUFFIX_CHARACTERS_MAX, _at_the_end, bound
from tests.agents.hostile import FAMILIES

PARTS = """a b 1 9 km 's ’s $ US$ C$ _ - – . .. ... … : :// http:// @ a.com / ? ( ) [ ] ' " can't I'm e.g. % °C é 我 + 😀 ,
; x@y.de :) Mr. U.S.""".split()  # noqa: SIM905 - reads best as text
WORDS = st.lists(st.sampled_from([*PARTS, " ", "\n"]), max_size=25).map("".join)


@cache
def tokenizer(bounded):
    made = spacy.load(MODEL, exclude=list(EXCLUDED)).tokenizer
    if bounded:
        bound(made)
    return made


def tokens(text, bounded):
    readable = RULE.sub(lambda rule: " " * len(rule[0]), text)
    return [(token.idx, token.text, token.whitespace_) for token in tokenizer(bounded)(readable)]


@settings(deadline=None)
@given(WORDS)
def test_the_tokens_are_spacys(text):
    assert tokens(text, bounded=True) == tokens(text, bounded=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tokens_of_a_hostile_text_are_spacys(family):
    text = FAMILIES[family](300)
    assert tokens(text, bounded=True) == tokens(text, bounded=False)


@pytest.mark.parametrize(
    ("characters", "start"), [(3, 0), (64, 0), (5_000, 5_000 - SUFFIX_CHARACTERS_MAX)]
)
def test_a_word_is_searched_for_what_ends_it_near_its_end_alone(characters, start):
    found = _at_the_end(re.compile("x"))("x" * characters)
    assert found.start() == start


def test_a_prefix_is_looked_for_at_the_beginning_alone():
    prefix = tokenizer(bounded=True).prefix_search
    assert prefix.__name__ == "match"
    assert prefix("$a").span() == (0, 1)


def test_a_tokenizer_of_other_patterns_is_refused():
    made = spacy.blank("en").tokenizer
    made.url_match = re.compile("other").match
    with pytest.raises(ValueError, match="other patterns"):
        bound(made)


MAIL = st.lists(st.sampled_from([*"aB1.@-_+!% \n'é=", "a@b.c", "x@y.co.uk"]), max_size=20).map(
    "".join
)
FLAGS = regex.IGNORECASE | regex.MULTILINE | regex.DOTALL  # Presidio's


@given(MAIL)
def test_an_address_is_found_where_presidios_own_pattern_finds_one(text):
    [presidios] = EmailRecognizer.PATTERNS
    found, expected = (
        [match.span() for match in regex.finditer(pattern, text, FLAGS)]
        for pattern in (EMAIL_ADDRESS, presidios.regex)
    )
    assert found == expected


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b.co+x@c.de", ["a@b.co", "+x@c.de"]),
        ("...a.b@c.de", ["a.b@c.de"]),
        ("a.@b.co", []),
        ("-a@b.co", ["a@b.co"]),
        ("a@b", []),
    ],
)
def test_an_address_begins_where_a_word_does_also_right_behind_another(text, addresses):
    assert regex.findall(EMAIL_ADDRESS, text, FLAGS) == addresses
