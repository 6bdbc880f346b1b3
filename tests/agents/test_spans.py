"""Spans: joined, whole words, apart; and the stretches that no mention overlaps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.spans import (
    MENTION_WORDS_MAX,
    WORD_CHARS_MAX,
    Mention,
    join,
    stretches,
    with_known,
)
from schemas import Span

POLICY = {
    "kinds": {"PERSON": 0.4, "EMAIL_ADDRESS": 0.4, "AGE": 0.4},
    "ordinary_words": ["docker", "min"],
}
TEXTS = st.lists(st.sampled_from(["a", "b", " ", "<", "_", "\n", "é", "'", "x" * 50, "日本"])).map(
    "".join
)


def a_span(start, end, kind="PERSON", score=0.9):
    return Span(start=start, end=end, kind=kind, score=score)


@st.composite
def texts_and_spans(draw):
    text = draw(TEXTS)
    ends = st.tuples(st.integers(-2, len(text) + 2), st.integers(-2, len(text) + 2)).map(sorted)
    kinds = st.sampled_from(["PERSON", "AGE", "LOCATION"])
    spans = st.builds(
        lambda places, kind, score: a_span(*places, kind, score), ends, kinds, st.floats(0, 1)
    )
    return text, draw(st.lists(spans, max_size=6))


@given(texts_and_spans())
def test_mentions_are_apart_and_cover_every_wanted_span(case):
    text, spans = case
    joined = join(text, spans, POLICY)
    assert all(a.end <= b.start for a, b in itertools.pairwise(joined))
    for span in spans:
        if span.kind in POLICY["kinds"] and span.score >= 0.4:
            for at in range(max(span.start, 0), min(span.end, len(text))):
                assert text[at].isspace() or any(m.start <= at < m.end for m in joined)


@given(texts_and_spans(), st.randoms())
def test_the_order_of_the_spans_does_not_count(case, chance):
    text, spans = case
    shuffled = list(spans)
    chance.shuffle(shuffled)
    assert join(text, shuffled, POLICY) == join(text, spans, POLICY)


@given(texts_and_spans())
def test_a_mention_neither_begins_nor_ends_with_a_blank(case):
    text, spans = case
    for mention in join(text, spans, POLICY):
        value = mention.of(text)
        assert value
        assert value == value.strip()


def test_overlapping_spans_become_one_of_the_longest_ones_kind():
    spans = [
        a_span(0, 4),
        a_span(0, 12, "EMAIL_ADDRESS", 0.5),
        a_span(12, 15, "AGE", 0.8),
    ]
    assert join("john@acme.org 58", spans, POLICY) == (Mention(0, 16, "EMAIL_ADDRESS"),)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (("PERSON", 0.5), ("AGE", 0.6), "AGE"),
        (("PERSON", 0.6), ("AGE", 0.5), "PERSON"),
        (("PERSON", 0.5), ("AGE", 0.5), "PERSON"),  # a tie goes by the kind's name
        (("AGE", 0.5), ("PERSON", 0.5), "PERSON"),
    ],
)
def test_of_equally_long_spans_the_surer_one_names_the_kind(one, other, kind):
    spans = [a_span(0, 3, *one), a_span(0, 3, *other)]
    assert join("Ada", spans, POLICY) == (Mention(0, 3, kind),)


def test_spans_that_only_touch_stay_apart():
    spans = [a_span(0, 4), a_span(4, 6, "AGE")]
    assert join("Ada-36", spans, POLICY) == (Mention(0, 4, "PERSON"), Mention(4, 6, "AGE"))


def test_the_longest_of_a_chain_of_spans_names_the_kind():
    spans = [a_span(0, 9, "EMAIL_ADDRESS"), a_span(7, 10, "PERSON"), a_span(9, 14, "AGE")]
    assert join("山" * 20, spans, POLICY) == (Mention(0, 14, "EMAIL_ADDRESS"),)


@pytest.mark.parametrize(
    ("score", "replaced"), [(0.4, True), (0.39, False), (1.0, True), (0.0, False)]
)
def test_a_span_at_the_policys_least_score_is_replaced(score, replaced):
    assert bool(join("Ada", [a_span(0, 3, score=score)], POLICY)) is replaced


@pytest.mark.parametrize("text", ["docker", "Docker", "DOCKER"])
def test_an_ordinary_word_is_no_name_however_it_is_spelt(text):
    assert join(text, [a_span(0, 6)], POLICY) == ()


def test_a_span_that_cuts_a_word_takes_the_whole_of_it():
    assert join("by Smithson.", [a_span(5, 8)], POLICY) == (Mention(3, 11, "PERSON"),)


def test_a_span_grows_to_the_edges_of_a_word_and_no_further_than_a_word_is_long():
    text = "a" * (WORD_CHARS_MAX + 5) + "Ada" + "b" * (WORD_CHARS_MAX + 5)
    middle = WORD_CHARS_MAX + 5
    [mention] = join(text, [a_span(middle, middle + 3)], POLICY)
    assert (mention.start, mention.end) == (5, middle + 3 + WORD_CHARS_MAX)


def test_a_script_without_spaces_is_cut_where_the_detector_says():
    assert join("山田太郎です", [a_span(0, 4)], POLICY) == (Mention(0, 4, "PERSON"),)


def test_a_span_outside_the_text_is_cut_to_it():
    assert join("Ada", [a_span(-5, 99)], POLICY) == (Mention(0, 3, "PERSON"),)
    assert join("Ada", [a_span(7, 99)], POLICY) == ()


def test_stretches_stop_at_mentions_and_begin_with_the_longest():
    text = "one two XXX three"
    listed = [text[a:b] for a, b in stretches(text, (Mention(8, 11, "PERSON"),), lambda _: True)]
    assert listed == ["one two", "one", "two", "three"]


def test_a_stretch_has_few_words_and_begins_where_it_may():
    text = "a b c d e f"
    listed = [text[a:b] for a, b in stretches(text, (), lambda word: word in "be")]
    assert listed == ["b c d e", "b c d", "b c", "b", "e f", "e"]
    assert max(len(one.split()) for one in listed) == MENTION_WORDS_MAX


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("O'Neil-Smith Jr.", ["O'Neil-Smith", "Jr"]),
        ("D’Arcy and x.y", ["D’Arcy", "and", "x.y"]),
        ("<<>> !?", []),
    ],
)
def test_a_word_holds_its_apostrophes_hyphens_and_dots(text, words):
    listed = [text[a:b] for a, b in stretches(text, (), lambda _: True)]
    assert [one for one in listed if " " not in one] == words


def test_of_known_stretches_that_overlap_the_first_and_longest_is_taken():
    text = "ada lovelace lovelace"
    known = {"ada lovelace": "PERSON", "lovelace": "AGE", "lovelace lovelace": "AGE"}
    mentions = with_known(text, (), stretches(text, (), lambda _: True), known)
    assert [(mention.of(text), mention.kind) for mention in mentions] == [
        ("ada lovelace", "PERSON"),
        ("lovelace", "AGE"),
    ]


def test_known_values_stand_among_the_others_in_reading_order():
    text = "ada met XXX and bob"
    spans = (Mention(8, 11, "AGE"),)
    known = {"ada": "PERSON", "bob": "PERSON"}
    mentions = with_known(text, spans, stretches(text, spans, lambda _: True), known)
    assert [mention.of(text) for mention in mentions] == ["ada", "XXX", "bob"]
