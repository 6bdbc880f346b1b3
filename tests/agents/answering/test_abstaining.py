"""Abstaining: what was looked for is named, in the language of the question."""

import pytest

from agents.answering.abstaining import (
    beside_the_point,
    contradicted,
    lacking,
    likely,
    looked_for,
    nothing_found,
    plain_nouns,
    standing_nowhere,
    unanswerable,
    uncounted,
)
from agents.answering.generation_policy import policy_of
from agents.answering.tongues import language_of
from agents.errors import Permanent
from schemas import Passage
from streams.log.configuration import load

POLICY = policy_of(load()["generate"].values)


def a_passage(text, title=""):
    return Passage(
        chunk="c", document="d", version=1, number=0, title=title, uri="u", text=text, tokens=9
    )


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How much does a Weaviate subscription cost?", ("Weaviate subscription",)),
        ("Who won the football world cup in 2014?", ("football world cup", "2014")),
        ("How do I train a neural network with PyTorch?", ("neural network", "PyTorch")),
        ("What about <PERSON_1>?", ("<PERSON_1>",)),
        ("Wie viele Urlaubstage habe ich?", ("Urlaubstage",)),
        ("Where is parking?", ("parking",)),
        ("And how?", ()),
        ("", ()),
    ],
)
def test_what_a_question_is_about_is_named(question, names):
    assert looked_for(question) == names


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Where is Oslo?", "I found nothing about Oslo in your documents."),
        ("Wo ist der Schlüssel?", "Ich habe in Ihren Dokumenten nichts zu Schlüssel gefunden."),
        ("Où est la clé ?", "Je n'ai rien trouvé sur clé dans vos documents."),
        ("¿Dónde está la llave?", "No he encontrado nada sobre llave en sus documentos."),
        ("And how?", POLICY.not_found),
    ],
)
def test_nothing_found_says_about_what(question, text):
    assert nothing_found(question, POLICY) == text


def test_a_name_is_put_in_as_it_stands():
    assert nothing_found("Where is {names}2?", POLICY).count("names") == 1


def test_a_configuration_of_before_has_its_one_text():
    old = {
        k: v for k, v in load()["generate"].values.items() if k not in {"nothing_about", "trust"}
    }
    assert nothing_found("Where is Oslo?", policy_of(old)) == POLICY.not_found


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Oslo?", "en"),
        ("Wie ist das?", "de"),
        ("Quel est le prix ?", "fr"),
        ("¿Qué es esto?", "es"),
    ],
)
def test_a_language_is_told_by_its_small_words(question, language):
    assert language_of(question) == language


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Does Rollo lead the Vandals?", ("Vandals",)),
        ("Vandals, who leads them?", ()),  # any word may begin a question
        ("What happened in 1066?", ("1066",)),
        ("What does <PERSON_1> say?", ()),
        ("Where does Rollo come from?", ()),
        ("Is it in the Manual?", ()),
        ("Wie viele Urlaubstage sind das für Leiter?", ()),  # nouns, and no names
        ("Wie ist das mit der GPU und der 7?", ("GPU", "7")),
    ],
)
def test_names_and_numbers_that_no_passage_holds_are_lacking(question, names):
    assert lacking(question, [a_passage("It is Rollo who leads them.", "Manual")]) == names


@pytest.mark.parametrize(
    "number", ["14:30", "05:40:10", "3,150", "1,234,567", "3,50", "1.234,5", "12.5", "7", "2,000.5"]
)
def test_a_number_is_looked_for_as_it_is_written(number):
    held = [a_passage(f"The car of the mill has {number}, they say.")]
    for question in (f"Who has {number}?", f"Is {number}, or more, the car's?"):
        assert lacking(question, held) == standing_nowhere(question, held) == ()
        assert lacking(question, [a_passage("The car has 9 or 99:99.")]) == (number,)


def test_by_the_older_rule_a_number_was_looked_for_in_parts():
    held = [a_passage("The car comes at 14:30.")]
    for found in (lacking, standing_nowhere):
        assert found("Who comes at 14:30?", held, whole_numbers=False) == ("14", "30")


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Was ist der Urlaub?", "was ist der urlaub?"),
        ("Wer ist das: <PERSON_1>, OpenTofu oder Max@B.de?",
         "wer ist das: <PERSON_1>, OpenTofu oder Max@B.de?"),
        ("What is the Manual?", "What is the Manual?"),
    ],
)  # fmt: skip
def test_nouns_are_written_small_in_german_alone(question, plain):
    assert plain_nouns(question) == plain


TEXT = "The pump of the lake was built by Jane Miller. It is never open."


@pytest.mark.parametrize(
    ("question", "abstains"),
    [
        ("Who built the pump of the lake?", False),
        ("How many litres does the closed pump of the lake never lose?", True),
        ("Is the pump of the lake open?", False),  # a no is an answer
        ("What is the difference between an open and a closed pump?", False),
    ],
)
def test_passages_may_hold_the_words_and_no_answer(question, abstains):
    assert unanswerable(question, [a_passage(TEXT)], POLICY.answerable) is abstains
    assert not unanswerable(question, [a_passage(TEXT)], {})


def test_how_likely_an_answer_is_decides_against_what_is_configured():
    question, passages = "Who built the pump of the lake?", [a_passage(TEXT)]
    weights = POLICY.answerable["weights"]
    score = likely(question, passages, weights)
    assert 0.0 < score < 1.0
    assert not unanswerable(question, passages, {"weights": weights, "abstain": score})
    assert unanswerable(question, passages, {"weights": weights, "abstain": score + 1e-6})
    assert likely("Is the pump new?", passages, weights) == 1.0


@pytest.mark.parametrize(
    "configured",
    [{"abstain": 0.5}, {"weights": {"bias": 0.0, "luck": 1.0}, "abstain": 0.5},
     {"weights": {"bias": 0.0}, "abstain": "low"}],
)  # fmt: skip
def test_a_configuration_that_cannot_be_used_is_an_error_that_says_so(configured):
    with pytest.raises(Permanent, match="answerable"):
        unanswerable("Who built it?", [a_passage(TEXT)], configured)


@pytest.mark.parametrize(
    ("question", "said", "lacks"),
    [
        ("How many people work on it?", ["It is a method."], True),
        ("How many people work on it?", ["Three people do."], False),
        ("How many people work on it?", ["It is a method.", "It is 5 years old."], False),
        ("Wie viele sind es?", ["Es sind einundzwanzig."], False),
        ("Wie viele sind es?", ["Es ist schön."], True),
        ("Who works on it?", ["It is a method."], False),
    ],
)
def test_a_number_that_is_asked_for_is_said(question, said, lacks):
    assert uncounted(question, said) is lacks


WEIGHTS = load()["generate"].values["answerable"]["weights"]


@pytest.mark.parametrize(
    ("plain", "question"),
    [
        ("Which fee is not due?", "What happens if a fee is not due?"),
        ("Are fees never due, and when?", "Why fees and not taxes?"),
        ("Which fee is not due?", "How do I pay what is not due?"),
    ],
)
def test_what_is_negated_in_a_condition_or_beside_it_is_no_claim(plain, question):
    passages = [a_passage("A fee is due in May. It is no tax.")]
    assert likely(question, passages, WEIGHTS) == 1.0
    if plain.startswith("Which"):
        assert likely(plain, passages, WEIGHTS) < 1.0


def test_what_a_question_took_over_is_no_part_of_its_claim():
    passages = [a_passage("The fee is due in May.")]
    alone = likely("Which fee is due in May?", passages, WEIGHTS)
    assert likely("Which fee is due in May (no crane at all)?", passages, WEIGHTS) == alone


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("When was the charter not adopted?", "The charter was adopted in 1989."),
        ("Which fee is never due?", "The fee is due in May."),
        ("Welche Gebühr ist nicht fällig?", "Die Gebühr ist im Mai fällig."),
        ("What does the old pump do?", "The new pump of the lake lifts water."),
        ("When did Oslo buy the pump?", "Bergen bought the pump in May."),
    ],
)
def test_what_would_be_said_otherwise_is_contradicted(question, said):
    assert contradicted(question, [said])
    assert not contradicted(question, [])


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("When was the charter not adopted?", "The charter was not adopted before 1989."),
        ("When was the charter not adopted?", "It was no law before 1989."),
        ("Why is the fee not due?", "The fee is paid by the city."),
        ("Is the fee never due?", "The fee is due in May."),
        ("What if the fee is not due?", "The fee is due in May."),
        ("Is the old pump loud?", "The new pump is loud."),
        ("When was it adopted (the old charter)?", "The new charter was adopted in 1989."),
    ],
)
def test_a_denial_that_is_answered_and_what_claims_nothing_are_not(question, said):
    assert not contradicted(question, [said])


def test_what_stands_beside_tells_of_whom_it_is():
    question, said = "When did Oslo buy the pump?", ["It bought the pump in May."]
    assert contradicted(question, said)
    assert not contradicted(question, said, ["Oslo is on a lake."])


def test_what_is_written_otherwise_stands_there():
    passages = [a_passage("The European Union has two courts.")]
    question = "Which are the 2 courts of the EU and the 3 of NATO?"
    assert lacking(question, passages) == ("2", "EU", "3", "NATO")
    assert standing_nowhere(question, passages) == ("3", "NATO")


@pytest.mark.parametrize(
    ("question", "beside"),
    [
        ("Who is the judge (software)?", True),
        ("Who sells copies (software)?", False),
        ("Who is the judge?", False),  # nothing was taken over
        ("And why (software)?", False),  # nothing else is asked for
    ],
)
def test_what_holds_only_what_was_taken_over_is_beside_the_point(question, beside):
    assert beside_the_point(question, ["You may sell copies of the software."]) is beside


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        ("Why does the red pump not start?", True),
        ("Why does the red pump fail?", True),
        ("Why does the red pump start?", False),
        ("Who does not start the red pump?", False),
    ],
)
def test_why_something_is_not_so_is_told_without_a_negation(question, sure):
    weights = POLICY.answerable["weights"]
    passages = [a_passage("The red pump starts once a day, since its battery is empty then.")]
    assert (likely(question, passages, weights) == 1.0) is sure
    assert likely(question, passages, weights, nearer=False) < 1.0
