"""Defining: what says what a name is, by that name or without it."""

import pytest

from agents.answering.defining import DEFINING, DOING, defines, defines_term, introductions
from agents.answering.excerpts import excerpts_of
from agents.answering.nearness import Nearness
from agents.answering.terms import terms
from schemas import Passage


def a_passage(text, title="intervaltree", number=0):
    return Passage(
        chunk="c",
        document="d",
        version=1,
        number=number,
        title=title,
        uri="u",
        text=text,
        tokens=50,
    )


def statement(text):
    return excerpts_of([a_passage(text, "")])[0]


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("structlog is a logging library.", DEFINING),
        ("structlog - a logging library", DEFINING),
        ("structlog is a library of these parts:\n\n- processors\n- loggers", DEFINING),
        ("structlog writes logs.", DOING),
        ("Fast: structlog is not held up by old designs.", 1.0),
        ("structlog.WriteLogger is usable again.", 1.0),
        ("The file tells structlog where to write.", 1.0),
    ],
)
def test_a_statement_says_what_a_name_is_or_does(text, factor):
    assert defines(frozenset(terms("structlog")), statement(text)) == factor


@pytest.mark.parametrize(
    ("texts", "introduced"),
    [
        (["A tree of intervals. It is fast."], ["A tree of intervals."]),
        (["- a\n- b\n\nIt is fast. It is small."], []),
        (
            ["It is fast.", "This library keeps intervals. This library is small."],
            ["It is fast.", "This library is small."],
        ),
    ],
)
def test_a_document_of_the_name_says_it_first_or_of_itself(texts, introduced):
    passages = [a_passage(text, number=number) for number, text in enumerate(texts)]
    found = excerpts_of(passages)
    name = frozenset(terms("intervaltree"))
    assert [
        found[index].text for index in sorted(introductions(name, found, passages))
    ] == introduced
    others = [a_passage(text, "colorlog") for text in texts]
    assert not introductions(name, excerpts_of(others), others)
    assert not introductions(frozenset(), found, passages)


@pytest.mark.parametrize(
    ("begins", "hides"),
    [
        ("    Build badge (https://ci.example/x)", False),
        ("    pip install x", True),
    ],
)
def test_a_picture_with_its_link_hides_no_beginning(begins, hides):
    passages = [a_passage(f"{begins}\n\nA tree of intervals. It is fast.")]
    found, name = excerpts_of(passages), frozenset(terms("intervaltree"))
    assert found[0].kind == "code"
    assert bool(introductions(name, found, passages)) is not hides
    assert not introductions(name, found, passages, closer=False)


def test_a_contract_says_what_it_means_by_several_words():
    asked = frozenset(terms("Which licences are a Secondary License?"))
    assert defines_term(asked, '1.12. "Secondary License" means the GNU licence.')
    assert not defines_term(asked, '1.13. "Source Code" means the files.')
    assert not defines_term(asked, '"License" means this document.')


def best(question, *texts, title="intervaltree"):
    near = Nearness(question, [a_passage(text, title, number) for number, text in enumerate(texts)])
    return near.statements[max(range(len(near.scores)), key=near.scores.__getitem__)].text


def test_a_name_is_not_what_begins_alike():
    said = best(
        "What is intervaltree?", "A tree that balances itself.", "Interval objects are tuples."
    )
    assert said == "A tree that balances itself."


def test_a_list_that_is_about_something_else_was_not_asked_for():
    text = "Its output:\n\n- speed\n- fun\n\nThe output formats that everybody in this large company likes to read daily are JSON and logfmt."
    assert (
        best("Which output formats are there?", text)
        == "The output formats that everybody in this large company likes to read daily are JSON and logfmt."
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Why should I pick it?", "It is right."),
        ("Why shouldn't I pick it?", "It has no callbacks."),
    ],
)
def test_below_a_heading_that_asks_the_same_stands_the_answer(question, answer):
    text = (
        "Why should I pick it?\n\nIt is right.\n\nSome pick it for fun.\n\n"
        "Why shouldn't I pick it?\n\nIt has no callbacks.\n\nSome pick others for fun."
    )
    assert best(question, text) == answer
