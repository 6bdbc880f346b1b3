"""Grounding of 0.1.0: the sentence nearest to a question, and the answer that stands in the passages."""

import pytest

from agents.before.grounding import CITED_MIN, Grounds, split
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


def test_the_sentences_of_all_passages_are_listed_with_their_share_of_the_tokens():
    passages = (
        a_passage("One two. Three four five six."),
        a_passage("", "d-2"),
        a_passage("Seven."),
    )
    assert [(one.passage, one.number, one.text, one.tokens) for one in split(passages)] == [
        (0, 0, "One two.", 15),
        (0, 1, "Three four five six.", 36),
        (2, 0, "Seven.", 50),
    ]


def test_of_equal_sentences_the_first_one_of_the_first_passage_is_quoted():
    text = "It opens at six. It opens at six."
    passages = (a_passage(text, "d-1"), a_passage(text, "d-2"))
    _, [citation] = Grounds("When does it open?", passages).extract()
    assert citation.document == "d-1"
    assert Grounds("Nothing of it", passages).extract()[1][0].document == "d-1"


def test_words_of_the_title_count_a_little():
    one = a_passage("It costs 5 euros.", "d-1", "Parking")
    other = a_passage("It costs 9 euros.", "d-2", "Camping")
    text, _ = Grounds("What does camping cost?", (one, other)).extract()
    assert text == "It costs 9 euros."


def test_words_of_the_title_count_less_than_those_of_the_sentence():
    titled = a_passage("It costs 5 euros.", "d-1", "Camping")
    said = a_passage("Camping costs 9 euros.", "d-2")
    text, _ = Grounds("What does camping cost?", (titled, said)).extract()
    assert text == "Camping costs 9 euros."


def test_a_sentence_gains_from_those_beside_it_in_its_own_passage_alone():
    near = a_passage("The ferry to Oslo. It leaves at six.", "d-1")
    far = a_passage("It leaves at nine.", "d-2")
    grounds = Grounds("When does the ferry to Oslo leave?", (far, near))
    scores = dict(zip([one.text for one in grounds.sentences], grounds.scores, strict=True))
    assert scores["It leaves at six."] > scores["It leaves at nine."]


@pytest.mark.parametrize(
    ("statement", "cited"),
    [
        ("Pumps leak oil sometimes", True),  # two of four words
        ("Pumps leak water sometimes, everywhere", False),
    ],
)
def test_a_statement_is_cited_from_half_of_its_words_on(statement, cited):
    assert CITED_MIN == 0.5
    grounds = Grounds("What?", (a_passage("Pumps leak."),))
    assert bool(grounds.cite(statement)) is cited


def test_an_inflected_word_of_the_question_adds_nothing():
    grounds = Grounds("Which pump leaks?", (a_passage("The pump leaks oil."),))
    assert not grounds.stands("Pumps leak", 0.1, 0.0)
    assert grounds.stands("Oil", 0.1, 0.0)


@pytest.mark.parametrize(("near_min", "stands"), [(0.0, True), (1.0, False)])
def test_one_statement_has_to_be_near_the_question(near_min, stands):
    grounds = Grounds("After how many days are refunds paid?", PASSAGES)
    assert grounds.stands("The reduced rate is 7 percent.", 0.8, near_min) is stands


@pytest.mark.parametrize(("share_min", "stands"), [(0.5, True), (0.51, False)])
def test_one_sentence_has_to_hold_the_least_share_exactly(share_min, stands):
    grounds = Grounds("What happens?", (a_passage("Pumps leak."),))
    assert grounds.stands("pumps leak water sometimes", share_min, 0.0) is stands


def test_a_sentence_alone_that_holds_nothing_asked_for_has_no_score():
    assert Grounds("Ducks?", (a_passage("Pumps leak."),)).scores == [0.0]
