"""Answerability: whether passages hold an answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checking.answerability import answer_features, answerable, asked_kind
from tests.agents.hostile import ROOM

HEAD = json.loads((ROOM / "configuration" / "answerable-1.json").read_text())
PASSAGE = (
    "The Atlas pump was built by Jane Miller in 1987. It weighs 40 kg. "
    "The pump increases the pressure of the water. It is not used in summer."
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who built it?", "name"),
        ("Where does it stand?", "name"),
        ("When was it built?", "day"),
        ("In which year was it built?", "day"),
        ("How many pumps are there?", "number"),
        ("What percentage is lost?", "number"),
        ("Wie viele Pumpen gibt es?", "number"),
        ("Wann wurde sie gebaut?", "day"),
        ("¿Dónde está?", "name"),
        ("Combien coûte-t-elle ?", "number"),
        ("What is a pump?", ""),
        ("Whenever it rains, what happens?", ""),
    ],
)
def test_the_kind_of_thing_that_is_asked_for_is_known(question, kind):
    assert asked_kind(question) == kind


@pytest.mark.parametrize(
    ("question", "name", "value"),
    [
        ("Who built the Atlas pump?", "kind_found", 1.0),
        ("When was the Atlas pump built?", "kind_found", 1.0),
        ("How much does the pump weigh?", "kind_found", 1.0),
        ("When does the pump increase the pressure of the water?", "kind_missing", 1.0),
        ("How many have used it in summer?", "kind_missing", 1.0),
        ("What is the pump?", "kind_missing", 0.0),
        ("What did the Atlas pump do?", "missing", 0.0),
        ("What did the Zeus pump do?", "missing", 1.0),
        ("What was built in 1987?", "missing", 0.0),
        ("What was built in 1988?", "missing", 1.0),
        ("Does the pump decrease the pressure of the water?", "against_direction", 1.0),
        ("Is the pump used in summer?", "against_polarity", 1.0),
    ],
)
def test_what_speaks_for_and_against_an_answer_is_seen(question, name, value):
    assert answer_features(question, [PASSAGE])[name] == value


@pytest.mark.parametrize(
    ("held", "not_held"),
    [
        ("Who built the Atlas pump in 1987?", "Who built the Zeus pump in 1988?"),
        ("What does the pump increase?", "What does the pump decrease?"),
        ("What increases the pressure of the water?", "What heats the cellar of the house?"),
    ],
)
def test_a_question_that_is_answered_scores_above_one_that_is_not(held, not_held):
    assert answerable(held, [PASSAGE], HEAD["weights"]) > answerable(
        not_held, [PASSAGE], HEAD["weights"]
    )


def test_what_no_passage_holds_is_below_the_score_to_abstain():
    assert answerable("Who sold the Zeus car?", [PASSAGE], HEAD["weights"]) < HEAD["abstain"]
    assert answerable("Who sold the Zeus car?", [], HEAD["weights"]) < HEAD["abstain"]


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3))
def test_a_score_is_a_rounded_share(question, passages):
    score = answerable(question, passages, HEAD["weights"])
    assert 0.0 <= score <= 1.0
    assert score == round(score, 6)
