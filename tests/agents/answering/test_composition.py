"""Composition: answers out of statements: as many as it takes, in order, each cited."""

import pytest

from agents.answering.composition import CHARACTERS_MAX, Composition
from agents.answering.nearness import Nearness
from schemas import Passage


def a_passage(text, document="d-1", title="", number=0, version=1):
    return Passage(
        chunk=f"{document}/c", document=document, version=version, number=number, title=title,
        uri=f"file:{document}", text=text, tokens=max(1, len(text) // 4),
    )  # fmt: skip


DIFFERING = {"en": "They differ:", "de": "Sie widersprechen sich:"}


def answer(question, *texts, differing=None):
    passages = [
        one if isinstance(one, Passage) else a_passage(one, f"d-{n}")
        for n, one in enumerate(texts, 1)
    ]
    return Composition(Nearness(question, passages), differing).composed()


def text_of(question, *texts):
    return answer(question, *texts).text


NOISE = "The lake is deep. Its fish are small. Nobody swims there in winter."


def test_without_passages_there_is_no_answer():
    assert answer("What?") == Composition(Nearness("What?", [])).composed()
    assert answer("What?").text == ""


def test_the_command_comes_with_what_leads_to_it():
    text = (
        "By default nothing is installed.\n\nTo install all of it, use:\n\npip install x[all]\n\n"
        "Some parts need more."
    )
    assert text_of("How do I install all of it?", NOISE, text) == (
        "To install all of it, use:\npip install x[all]"
    )


def test_the_steps_come_in_their_order_with_their_numbers():
    text = (
        "Setting up a checkout\n\n1. Clone it.\n2. Change into it.\n3. Run `sync`.\n\nThat is all."
    )
    assert text_of("How do I set up a checkout?", NOISE, text) == (
        "Setting up a checkout\n1. Clone it.\n2. Change into it.\n3. Run `sync`."
    )


def test_a_question_for_many_gets_the_list():
    text = "The tool is portable. It supports these platforms:\n\n- Linux\n- Windows\n\nIt is free."
    assert text_of("Which platforms does the tool support?", text) == (
        "It supports these platforms:\n- Linux\n- Windows"
    )


def test_a_row_answers_with_its_header():
    text = "Name | Accuracy\nold | 94 %\nnew | 98 %"
    assert text_of("What is the accuracy of old?", NOISE, text) == "Name | Accuracy\nold | 94 %"


def test_what_stands_first_below_a_heading_that_asks_wins_over_short_sentences_behind_it():
    text = (
        "When does the ferry kiosk open?\n\nThe ferry kiosk opens at six in the morning from May to "
        "September and at eight in the other months. It closes at ten in the evening. Cards only."
    )
    asked = "My name is <PERSON_1>, my e-mail is <EMAIL_1>. When does the ferry kiosk open in May?"
    assert text_of(asked, text, NOISE).startswith("The ferry kiosk opens at six")


def test_a_name_is_explained_by_what_says_what_it_is():
    text = (
        "A gauge may break. Each gauge has a needle. A gauge (or meter) is a device that measures."
    )
    found = text_of("What is a gauge?", text)
    assert "A gauge (or meter) is a device that measures." in found
    assert "A gauge may break." not in found


def test_two_statements_answer_where_the_second_adds_something():
    text = "Refunds take 14 days. Refunds are paid to the card. The shop is red."
    found = answer("How are refunds paid, and how long do they take?", text)
    assert found.text == "Refunds take 14 days. Refunds are paid to the card."
    assert [cited.quote for cited in found.citations] == [
        "Refunds take 14 days.",
        "Refunds are paid to the card.",
    ]


def test_what_says_the_same_is_not_said_twice():
    found = answer(
        "How long do refunds take?", "Refunds take 14 days.", "The refunds take 14 days."
    )
    assert found.text == "Refunds take 14 days."
    assert len(found.citations) == 1


def test_what_is_far_from_the_question_is_not_added():
    assert text_of("How long do refunds take?", f"Refunds take 14 days. {NOISE}") == (
        "Refunds take 14 days."
    )


def test_a_condition_stays_with_what_it_limits():
    text = (
        "Entry to the vault is free on Sundays. However, children need a guide. The lake is deep."
    )
    assert text_of("When is entry to the vault free?", text) == (
        "Entry to the vault is free on Sundays. However, children need a guide."
    )


def test_a_no_is_the_passages_own():
    text = "Visitors may never enter the vault without a guide."
    assert text_of("May visitors enter the vault without a guide?", NOISE, text) == text


def test_a_comparison_speaks_of_both_sides():
    question = "What is the difference between VolumeA and VolumeB?"
    apart = "VolumeA is kept in memory.\n\nOther text.", "VolumeB is written to disk."
    found = answer(question, *apart)
    assert found.text == "VolumeA is kept in memory.\nVolumeB is written to disk."
    assert [cited.document for cited in found.citations] == ["d-1", "d-2"]
    both = "VolumeA is faster than VolumeB."
    assert text_of(question, *apart, both) == both


def test_what_names_both_sides_and_nothing_else_speaks_of_both():
    question = "For backups, what is the difference between VolumeA and VolumeB?"
    both = "VolumeA is more than VolumeB."  # the rest are words that carry no meaning
    found = text_of(question, f"VolumeA is for backups.\n\nVolumeB is not for backups.\n\n{both}")
    assert both in found


def test_statements_come_in_the_order_of_their_document():
    text = "The valve opens first. Steam leaves the valve through the pipe then. The lake is deep."
    found = text_of("Through which pipe does steam leave when the valve opens?", text)
    assert found == "The valve opens first. Steam leaves the valve through the pipe then."


def test_an_answer_has_a_length():
    entries = "\n".join(f"- The pump of hall {n} leaks " + "a lot " * 30 for n in range(12))
    long = f"These pumps leak:\n\n{entries}"
    sentence = "Pumps leak where seals are worn."
    found = Composition(
        Nearness("Why do pumps leak?", [a_passage(long), a_passage(sentence, "d-2")])
    )
    kept = found._within_bounds([0, len(found.near.statements) - 1])
    assert len(found.near.statements[0].text) > CHARACTERS_MAX
    assert kept == [0]


FEES = (
    a_passage("The annual fee is 120 euros.", "d-1", "Prices 2023"),
    a_passage("The annual fee is 150 euros.", "d-2", "Prices 2024", version=3),
)


def test_documents_that_differ_are_shown_with_their_names_and_versions():
    found = answer("How high is the annual fee?", *FEES, differing=DIFFERING)
    assert found.differing
    assert found.text == (
        "They differ:\n- The annual fee is 120 euros. (Prices 2023)\n"
        "- The annual fee is 150 euros. (Prices 2024, version 3)"
    )
    assert [cited.document for cited in found.citations] == ["d-1", "d-2"]


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Dogs may enter the hall.", "Dogs may not enter the hall.", True),
        ("Dogs may enter the hall.", "Dogs may enter the hall.", False),
        ("The annual fee is 120 euros.", "The monthly fee of the club in Oslo is 12 euros.", False),
        ("The annual fee is 120 euros.", "The annual fee, 120 euros, is due.", False),
    ],
)
def test_documents_differ_by_numbers_or_by_a_negation(one, other, differ):
    passages = a_passage(one, "d-1"), a_passage(other, "d-2")
    found = answer(
        "May dogs enter the hall, and what is the annual fee?", *passages, differing=DIFFERING
    )
    assert found.differing is differ


def test_one_document_does_not_differ_from_itself():
    passages = a_passage(FEES[0].text, "d-1"), a_passage(FEES[1].text, "d-1")
    assert not answer("How high is the annual fee?", *passages, differing=DIFFERING).differing


SHOUTED = "You may sell copies of the software.\n\nFOR IT IS\nTHE SOFTWARE."


def test_a_sentence_that_only_repeats_the_question_is_no_answer():
    assert text_of("May I sell software?", SHOUTED) == "You may sell copies of the software."
    before = Nearness(
        "What is the software?", [a_passage("The software. It runs.", "d-1")], closer=False
    )
    after = Nearness("What is the software?", [a_passage("The software. It runs.", "d-1")])
    assert after.scores[0] < before.scores[0]
    assert text_of("Does it support HTTP?", "It does support HTTP.") == "It does support HTTP."


def test_how_to_do_it_is_not_told_by_code_from_further_down():
    question = "How do I empty the old lake in spring?"
    passages = [
        a_passage("A wheel is turned. Fish swim in spring.\n\nThis starts it:\n\n$ pumpctl --all")
    ]
    near = Nearness(question, passages)
    assert [one.kind for one in near.statements] == ["sentence", "sentence", "code"]
    near.scores = [1.0, 0.55, 0.6]
    assert Composition(near).composed().text == "A wheel is turned. Fish swim in spring."


@pytest.mark.parametrize(
    ("question", "score", "both"),
    [
        ("Which pump empties the old lake in spring?", 0.55, True),
        ("Which pump empties the old lake in spring?", 0.45, False),  # too far down
        ("Which pump has a wheel?", 0.55, False),  # it says all of it
        ("What is the difference between pump and lake?", 0.55, False),  # each of its sides
    ],
)
def test_what_leaves_much_unsaid_takes_a_second_statement_from_further_down(question, score, both):
    said = []
    for nearer in (True, False):
        passages = [a_passage("The pump and the lake differ by a wheel. Fish swim in spring.")]
        near = Nearness(question, passages, nearer=nearer)
        near.scores = [1.0, score]
        said.append(len(Composition(near).composed().citations))
    assert said == [1 + both, 1]
