"""Nearness: what counts beside the words that a statement shares with a question."""

import pytest

from agents.answering.nearness import Nearness
from tests.agents.answering.test_composition import a_passage


def ratio(question, passages, wanted, other, *, nearer):
    """How much nearer one statement is than another; both are told by how they begin."""
    near = Nearness(question, passages, nearer=nearer)
    scores = [
        next(
            score
            for one, score in zip(near.statements, near.scores, strict=True)
            if one.text.startswith(begin)
        )
        for begin in (wanted, other)
    ]
    return scores[0] / scores[1]


def of(text, *more, title=""):
    return [a_passage(one, f"d-{n}", title) for n, one in enumerate((text, *more))]


CASES = {
    "side by side": (
        "What is told by the memory gauge?",
        of("The memory gauge tells it.\n\nThe gauge tells its memory."),
        "The memory gauge",
        "The gauge",
    ),
    "small words that tell, too": (
        "What does each gauge tell?",
        of("Each gauge tells it.\n\nThe gauge tells it."),
        "Each gauge",
        "The gauge",
    ),
    "the document that is asked about": (
        "Does valve need other packages?",
        [
            a_passage("It needs packages for pumps.", "d-1", "valve"),
            a_passage("Packages are what one needs.", "d-2", "pump"),
        ],
        "It needs",
        "Packages",
    ),
    "a use, not a version of a history": (
        "Who opens it?",
        [
            a_passage("Guide\nUse\n\nA child opens it.", "d-1", "Guide"),
            a_passage("Guide\n2.1.0\n\nA man opens it.", "d-1", "Guide"),
        ],
        "A child",
        "A man",
    ),
    "a time": (
        "When was the pier opened?",
        of("The pier was opened in 1911.\n\nThe pier was opened by 12 men."),
        "The pier was opened in",
        "The pier was opened by",
    ),
    "somebody": (
        "Which engineer has built it?",
        of("It was built by Ann Ibsen.\n\nIt was built by many."),
        "It was built by Ann",
        "It was built by many",
    ),
    "an amount by its name": (
        "What is the maximum length of a name?",
        of("The length of a name is 30.\n\nThe length of a name is small."),
        "The length of a name is 30",
        "The length of a name is small",
    ),
    "what is so": (
        "Which engines does the pump support?",
        of("One pump supports engines.\n\nNo pump supports engines."),
        "One pump",
        "No pump",
    ),
    "versions by their numbers": (
        "Which versions does it need?",
        of("It needs versions up to 3.\n\nIt needs versions of now."),
        "It needs versions up",
        "It needs versions of",
    ),
    "the things that are asked for": (
        "Which libraries does the pump need?",
        of("The pump needs libraries.\n\nThe pump needs a house."),
        "The pump needs libraries",
        "The pump needs a house",
    ),
    "its own words": (
        "How is it added (niceness)?",
        of("It is added.\n\nIts niceness is high."),
        "It is added",
        "Its niceness",
    ),
    "no reference": (
        "Who reads files?",
        of("USE\nfiles of readers, small ones.\n\nSEE ALSO\nfiles of others, large ones."),
        "files of readers",
        "files of others",
    ),
    "what leads to a list": (
        "Which colors does it have?",
        of("It has colors:\n\n- red\n- blue", "It has parts:\n\n- one of its colors\n- two"),
        "It has colors",
        "It has parts",
    ),
    "what it is, not who made it": (
        "What is Zug?",
        of("Zug is a tool.\n\nZug is made and kept by Ann."),
        "Zug is a tool",
        "Zug is made",
    ),
    "what it is, not what it was called": (
        "What is Zug?",
        of("Zug is a tool.\n\nThis tool was formerly called Bahn.", title="Zug"),
        "Zug is a tool",
        "This tool",
    ),
    "what it does, not what it needs": (
        "What is Zug?",
        of("Zug builds things.\n\nZug requires things."),
        "Zug builds",
        "Zug requires",
    ),
    "what it is for": (
        "What can I use Zug for?",
        of("Zug is a tool.\n\nI use Zug daily."),
        "Zug is a tool",
        "I use",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_nearer_than_it_was_beside_another(name):
    assert ratio(*CASES[name], nearer=True) > 1.02 * ratio(*CASES[name], nearer=False)


@pytest.mark.parametrize(
    ("question", "wanted", "other"),
    [
        ("Does the tool need other packages?", "It needs", "Packages"),  # of neither
        ("Does valve need other packages?", "It needs", "A valve"),  # it is named there
    ],
)
def test_a_document_is_told_from_others_only_where_it_is_asked_about(question, wanted, other):
    passages = [
        a_passage("It needs packages for pumps.", "d-1", "valve"),
        a_passage("Packages are what one needs. A valve needs other things.", "d-2", "pump"),
    ]
    changed = ratio(question, passages, wanted, other, nearer=True)
    assert changed == pytest.approx(ratio(question, passages, wanted, other, nearer=False), rel=0.2)


def test_no_document_answers_a_comparison_alone():
    passages = [
        a_passage("It differs by packages.", "d-1", "valve"),
        a_passage("They differ by packages.", "d-2", "guide"),
    ]
    question = "What is the difference between valve and pump packages?"
    said = [ratio(question, passages, "It", "They", nearer=one) for one in (True, False)]
    assert said[0] == pytest.approx(said[1])


def test_a_statement_says_as_much_of_a_question_as_its_words_weigh():
    near = Nearness("Does the red valve open?", of("The red valve opens.\n\nA valve.\n\nA hill."))
    said = [near.said_by(index) for index in range(3)]
    assert said[0] == 1.0
    assert 0.0 < said[1] < 1.0
    assert said[2] == 0.0
    old = Nearness("Does the red valve open?", of("A hill."), nearer=False)
    assert old.said_by(0) == 1.0
