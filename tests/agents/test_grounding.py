"""Grounding: sentences, support, and the answer that stands in the passages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import grounding
from agents.grounding import (
    Grounds,
    complete,
    content,
    evidence,
    sentences,
    settled,
    stem,
    support,
    unsupported,
    words,
)
from schemas import Passage


def a_passage(text, document="d-1", title=""):
    return Passage(
        chunk=f"{document}/c",
        document=document,
        version=1,
        number=0,
        title=title,
        uri="u",
        text=text,
        tokens=50,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("Ask Dr. Who. He knows.", ["Ask Dr. Who.", "He knows."]),
        ("It costs 3.50 euros, e.g. Monday.", ["It costs 3.50 euros, e.g. Monday."]),
        (
            "J. R. R. Tolkien wrote it. <PERSON_1> read it.",
            ["J. R. R. Tolkien wrote it.", "<PERSON_1> read it."],
        ),
        ("- first item\n- second   item\n\n", ["- first item", "- second item"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("東京は首都です。人口は多い。", ["東京は首都です。", "人口は多い。"]),
        ("", []),
        ("no end", ["no end"]),
    ],
)
def test_a_text_is_split_at_the_ends_of_sentences_and_lines(text, parts):
    assert list(sentences(text)) == parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refunds", "refund"),
        ("founded", "founding"),
        ("1,200", "1200"),
        ("Cities", "city"),
        ("Rechnungen", "rechnung"),
    ],
)
def test_inflections_of_a_word_have_one_stem(one, other):
    assert stem(one) == stem(other)


def test_numbers_and_placeholders_keep_apart():
    assert len({stem(word) for word in ("1.5", "1.6", "15", "<PERSON_1>", "<PERSON_11>")}) == 5


def test_stop_words_carry_no_meaning():
    assert content("What is the fee of it?") == ("fee",)


HELD = evidence(["The Normans came to Normandy in 911 and paid 1,200 coins to <PERSON_1>."])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Normans came in 911.", ()),
        ("Normans paid 1200 coins.", ()),
        ("They came in 912, to Paris.", ("912", "Paris")),
        ("Paris is nice.", ()),
        ("It was <PERSON_1>, not <PERSON_2>.", ("<PERSON_2>",)),
        ("happy people walked", ()),
        ("", ()),
    ],
)
def test_numbers_names_and_placeholders_need_support(text, found):
    assert unsupported(text, HELD) == found


def test_support_is_the_share_of_content_words_that_are_held():
    assert support("Normans paid cheerfully today", HELD) == 0.5
    assert support("", HELD) == 1.0


@pytest.mark.parametrize(
    ("text", "whole", "sure"),
    [
        ("The", "", "The"),
        ("The fee is 1", "The fee is ", "The fee is "),
        ("I like Par", "I like ", "I like "),
        ("I like par", "I like ", "I like par"),
        ("Yes. The", "Yes. ", "Yes. The"),
        ("ask <PER", "ask ", "ask "),
        ("", "", ""),
    ],
)
def test_a_word_that_may_grow_is_not_judged_and_a_name_or_number_not_shown(text, whole, sure):
    assert complete(text) == whole
    assert settled(text) == sure


PASSAGES = (
    a_passage("Books carry a reduced rate. The reduced rate is 7 percent.", "tax", "Taxes"),
    a_passage(
        "Refunds are paid within 14 days. The card that was charged gets the money.", "refund"
    ),
)


@pytest.mark.parametrize(
    ("question", "answer", "document"),
    [
        ("How many days until refunds are paid?", "Refunds are paid within 14 days.", "refund"),
        ("What is the reduced rate in percent?", "The reduced rate is 7 percent.", "tax"),
        ("Wann werden Rechnungen bezahlt?", "Rechnungen bezahlen wir nach 30 Tagen.", "de"),
        ("首都はどこですか", "東京は日本の首都です。", "ja"),
    ],
)
def test_the_sentence_nearest_to_the_question_is_the_answer(question, answer, document):
    others = (
        a_passage("Der Urlaub beträgt 30 Tage. Rechnungen bezahlen wir nach 30 Tagen.", "de"),
        a_passage("人口は多い。東京は日本の首都です。", "ja"),
    )
    text, [citation] = Grounds(question, (*PASSAGES, *others)).extract()
    assert (text, citation.document, citation.quote) == (answer, document, answer)


def test_without_passages_there_is_no_answer():
    assert Grounds("What?", ()).extract() == ("", ())
    assert not Grounds("What?", ()).stands("Something.", 0.5, 0.5)


def test_an_answer_is_cited_in_the_order_of_its_text_each_source_once():
    grounds = Grounds("When are refunds paid, and what is the rate?", PASSAGES)
    cited = grounds.cite(
        "Refunds are paid within 14 days. The reduced rate is 7 percent. Paid in 14 days. Hello world."
    )
    assert [citation.document for citation in cited] == ["refund", "tax"]


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("Refunds are paid within 14 days.", True),
        ("14 days", True),
        ("Refunds are paid within 7 days.", False),  # its words stand in two sentences
        ("The reduced rate is 7 percent.", False),  # true, but of something else
        ("Refunds take a while, so be patient and wait.", False),
        ("", False),
    ],
)
def test_an_answer_stands_when_one_sentence_near_the_question_holds_it(text, stands):
    grounds = Grounds("After how many days are refunds paid?", PASSAGES)
    assert grounds.stands(text, share_min=0.8, near_min=0.8) is stands


FAQ = "Questions\nWhen does the fuel pier open?\nThe fuel pier opens at six in the morning from May on."


def test_a_heading_is_not_quoted_but_lends_its_nearness_to_what_stands_below_it():
    grounds = Grounds("When does the fuel pier open in May?", [a_passage(FAQ)])
    text, [citation] = grounds.extract()
    assert text == citation.quote == "The fuel pier opens at six in the morning from May on."


def test_an_answer_that_only_repeats_the_question_does_not_stand():
    grounds = Grounds("When does the fuel pier open in May?", [a_passage(FAQ)])
    assert not grounds.stands("The fuel pier opens in May.", 0.8, 0.8)
    assert grounds.stands("The fuel pier opens at six in the morning.", 0.8, 0.8)


@given(st.text(st.characters(max_codepoint=127)) | st.text("<>_AZ09.,: '-az"))
def test_words_of_ascii_text_are_those_that_the_full_pattern_finds(text):
    assert list(words(text)) == grounding._WORD.findall(text)
