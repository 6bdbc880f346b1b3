"""What is asked: passages as long as their answers are to be, no two alike, and nobody's name among them."""

from itertools import islice

import pytest

from bench.peers.corpus import (
    ASKED,
    KEPT,
    LONG,
    PLACES_TOTAL,
    SENTENCE,
    SHORT,
    KnownSight,
    asked_about,
    places,
    questions,
)
from connectors.tagger.tagger_detector import TaggerDetector
from streams.log.configuration import load


def test_a_passage_has_as_many_words_as_its_answer_has_tokens():
    assert {len(place.text.split()) for place in places()} == {SHORT, LONG}
    assert all(len(place.text.split()) == place.words for place in places())


def test_the_long_passage_has_all_sentences_and_each_has_eight_words():
    sentences = asked_about(LONG)[0].text.removesuffix(".").split(". ")
    assert len(sentences) == 1 + len(KEPT) == LONG // SENTENCE
    assert {len(sentence.split()) for sentence in sentences} == {SENTENCE}


def test_no_two_passages_have_a_sentence_or_a_name_in_common():
    every = [sentence for place in places() for sentence in place.text.split(". ")]
    assert len(set(every)) == len(every)
    assert (
        len({place.name for place in places()})
        == len({place.uri for place in places()})
        == PLACES_TOTAL
    )


@pytest.mark.parametrize("words", [SHORT, LONG])
def test_what_is_asked_about_has_the_length_that_is_asked_for_and_is_known(words):
    asked = asked_about(words)
    assert len(asked) == ASKED
    assert {place.words for place in asked} == {words}
    assert set(asked) <= set(places())


def test_questions_go_round():
    numbers = [place.number for place in islice(questions(LONG), ASKED + 2)]
    assert numbers == [*range(ASKED, 2 * ASKED), ASKED, ASKED + 1]


def test_a_question_names_what_its_passage_is_about():
    place = KnownSight(9, SHORT)
    assert (place.name, place.title) == ("cobalt library", "Cobalt library")
    assert place.name in place.question
    assert place.text.startswith("The cobalt library shows visitors its ")


@pytest.mark.slow
def test_nothing_of_it_is_taken_for_personal_data():
    kinds = load()["redact"].values["kinds"]
    texts = [text for place in places() for text in (place.text, place.question)]
    found = [span for spans in TaggerDetector().find(tuple(texts)) for span in spans]
    assert [span for span in found if span.score >= kinds.get(span.kind, 2.0)] == []
