"""Subjects: whom a question is about, and texts that speak of another."""

import pytest

from agents.answering.asked_about import of_another, subject


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("When did Ford end production?", ("Ford",)),
        ("Why did the European Court of Justice agree?", ("European", "Court", "Justice")),
        ("What was Céloron's aim?", ("Céloron",)),
        ("When did <PERSON_1> come?", ()),
        ("Who ended production at Ford?", ()),
        ("What does it do?", ()),
        ("", ()),
    ],
)
def test_who_it_is_about_stands_behind_the_verb(question, names):
    assert subject(question) == names


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("When did Ford end production?", "Chrysler ended production in 1981.", True),
        ("When did Ford end production?", "Ford ended production in 1981.", False),
        ("What did Britain buy?", "The British bought tea.", False),
        ("What did the US sell?", "The United States sold gold.", False),
        ("What did the US sell?", "The Union sold gold.", True),
        ("When did production end?", "Chrysler ended production.", False),
    ],
)
def test_texts_speak_of_another_where_none_has_the_name(question, text, other):
    assert of_another(question, [text]) is other
    assert not of_another(question, [])
    assert of_another(question, ["It was long ago.", text]) is other
