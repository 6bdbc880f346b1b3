"""Manuals and titles, told from prose."""

import pytest

from connectors.tagger.manuals import SHORT, manual_marks

MANUAL = "Select the instance in the console, and click Delete to remove its snapshot."
PAPER = "The kinase phosphorylates its receptor, and mutant mice lack what follows from it."
LETTER = (
    "The patient was diagnosed with diabetes in spring; insulin and a diet brought her glucose down "
    "before the surgery on her tumor."
)
PROSE = (
    "The old miller sold his boat in spring and walked to the sea with two of his sons, singing."
)


def marked(text):
    """What of a text is marked."""
    marks = manual_marks(text)
    assert len(marks) == len(text)
    return "".join(sign for sign, mark in zip(text, marks, strict=True) if mark)


@pytest.mark.parametrize(
    "text",
    [
        MANUAL,
        "the getItem function returns null_value or myOtherValue",
        "How do I install Docker on Ubuntu?",
    ],
)
def test_a_text_of_such_words_is_a_manual(text):
    assert marked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROSE,
        "Ronald McDonald and Fiona MacLeod met Jean DeVito.",
        "The user lost her password.",
        "I AM AT THE LAKE WITH ANNA AND BEN",
        "Anna Bell, Ben Carr, Cem Dal, Dora Ek and Emil Fox",
        PROSE + " Its name was on the host, the port and the folder. " + PROSE * 2,
    ],
)
def test_prose_is_none(text):
    assert marked(text) == ""


def test_a_text_of_the_life_sciences_is_read_like_a_manual():
    assert marked(PAPER) == PAPER
    assert marked(f"Rapamycin and Bax\n\n{PAPER}") == f"Rapamycin and Bax\n\n{PAPER}"


def test_what_is_written_about_a_patient_is_not():
    assert marked(LETTER) == ""


def test_words_of_manuals_and_of_papers_do_not_add_up():
    assert marked("The server in the lab has a gene database and some protein too, it says.") == ""


def test_a_paragraph_is_judged_by_itself():
    text = f"{MANUAL}\n\n{PROSE}\n\n{MANUAL}"
    assert marked(text) == f"{MANUAL}\n\n{MANUAL}"


def test_a_short_paragraph_is_judged_by_those_around_it():
    short = " ".join(["Optimistic"] * SHORT)
    assert marked(f"{short}\n\n{MANUAL}") == f"{short}\n\n{MANUAL}"
    assert marked(f"{short} Locking\n\n{MANUAL}") == MANUAL
    assert marked(f"{short}\n\n{PROSE}") == ""


def test_small_words_with_capitals_make_a_title():
    title = "Ten Songs Of The Sixties You Are Fond Of"
    assert marked(f"she showed {title}, at last") == title
    assert marked("she met Anna Bell Of Leeds Hill Farm, at last") == ""
