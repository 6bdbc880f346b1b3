"""Statements: what can stand as an answer, with what it needs to be understood."""

import pytest

from agents.answering.excerpts import ENTRIES_MAX, LINES_MAX, excerpts_of
from schemas import Passage


def a_passage(text, title="", tokens=50):
    return Passage(
        chunk="c", document="d", version=1, number=0, title=title, uri="u", text=text, tokens=tokens
    )


def read(text, title=""):
    return [(one.kind, one.text) for one in excerpts_of([a_passage(text, title)])]


def test_sentences_stand_alone():
    assert read("The fee is 7 euros. It is due in May.") == [
        ("sentence", "The fee is 7 euros."),
        ("sentence", "It is due in May."),
    ]


@pytest.mark.parametrize("lead", ["You can use:", "These are there：", "To keep a file, write::"])
def test_what_leads_to_code_is_not_an_answer_by_itself(lead):
    found = read(f"{lead}\n\nzcat file | wc -c")
    assert found[-1] == ("code", f"{lead}\nzcat file | wc -c")
    assert ("sentence", lead) not in found


def test_what_states_something_before_code_stands_by_itself_too():
    assert read("Seconds are the sixth field::\n\n>>> every(15)") == [
        ("lead", "Seconds are the sixth field"),
        ("code", "Seconds are the sixth field::\n>>> every(15)"),
    ]


def test_code_right_below_a_heading_comes_with_it():
    assert read("Install\n\npip install x") == [("code", "Install\npip install x")]


def test_a_list_comes_with_its_lead_and_its_long_entries_with_what_they_stand_under():
    text = "Platforms\n\nIt runs on:\n\n- Linux\n- Windows, but only the newer releases of it"
    [whole, entry] = excerpts_of([a_passage(text)])
    assert (whole.kind, whole.text) == ("list", text.split("\n\n", 1)[1].replace("\n\n", "\n"))
    assert (entry.kind, entry.text) == ("entry", "Windows, but only the newer releases of it")
    assert entry.above == "Platforms It runs on:"


def test_a_numeral_is_never_parted_from_its_step():
    found = read("Setting up\n\n1. Clone the repository first.\n2. Change into it.\n3. `sync`")
    assert found[0] == (
        "list",
        "Setting up\n1. Clone the repository first.\n2. Change into it.\n3. `sync`",
    )
    assert found[1] == ("entry", "1. Clone the repository first.")
    assert read("4. Redistribution is free of charge. See below.")[0][1].startswith("4. Redis")


def test_a_heading_that_runs_into_its_paragraph_is_what_it_stands_under():
    long = (
        "You may not use them, " + "whatever it is that you have been told of them, " * 3 + "ever."
    )
    [one] = excerpts_of([a_passage(f"6. Trademarks. {long}")])
    assert (one.text, one.above) == (long, "6. Trademarks.")


def test_a_row_comes_with_its_header():
    assert read("Prices are:\n\nName | Price\nTea | 3\nCake | 4") == [
        ("row", "Name | Price\nTea | 3"),
        ("row", "Name | Price\nCake | 4"),
    ]


def test_a_line_of_code_that_is_explained_stands_by_itself_too():
    text = "Commands\n\n$ x --update  # Update the list\n$ x --help  # Help"
    assert read(text)[1:] == [("code", "$ x --update  # Update the list")]


def test_a_line_that_states_nothing_is_a_fragment():
    assert read("First line\nsecond, and\n\nA sentence.")[0][0] == "fragment"


def test_what_is_very_long_is_cut_at_lines():
    code = "\n".join(f"x{n} = {n}" for n in range(40))
    [one] = [one for one in excerpts_of([a_passage(code)]) if one.kind == "code"]
    assert one.text.count("\n") == LINES_MAX - 1
    entries = "\n".join(f"- entry {n}" for n in range(40))
    assert read(entries)[0][1].count("\n") == ENTRIES_MAX - 1


def test_headings_end_with_the_next_one():
    text = "Fees\n\nIt costs 2 euros.\n\nHours\n\nIt opens at six."
    assert [one.above for one in excerpts_of([a_passage(text)])] == ["Fees", "Hours"]


def test_each_statement_has_its_share_of_the_tokens():
    [one, other] = excerpts_of([a_passage("One two. Three four five.", tokens=25)])
    assert (one.tokens, other.tokens) == (8, 16)


def test_a_heading_that_runs_into_nothing_stands_as_a_sentence():
    alone = "6. " + " ".join(["Trademark" * 5] * 3) + "."
    [one] = excerpts_of([a_passage(alone)])
    assert (one.text, one.kind, one.above) == (alone, "sentence", "")


def test_what_numbers_mean_is_a_list_below_what_leads_to_it():
    assert read(
        "The exit status is:\n124 if the command times out\n\n127 if it cannot be found"
    ) == [
        (
            "list",
            "The exit status is:\n124 if the command times out\n127 if it cannot be found",
        ),
        ("entry", "124 if the command times out"),
        ("entry", "127 if it cannot be found"),
    ]


def test_an_entry_comes_with_the_short_ones_that_it_leads_to():
    found = read(
        "- This method is gone. Use one of these:\n- at(point)\n- overlap(b, e)\n- It is fast and small."
    )
    assert [text for kind, text in found if kind == "entry"] == [
        "This method is gone. Use one of these:\n- at(point)\n- overlap(b, e)",
        "It is fast and small.",
    ]


def test_a_step_comes_with_its_code():
    found = read("1. Open the settings.\n2. Write into the file:\n\ntimeout = 300;")
    assert found[-1] == ("code", "2. Write into the file:\ntimeout = 300;")


def test_a_long_sentence_that_leads_to_nothing_stands_by_itself():
    assert read(
        "It comes with support for JSON, logfmt and pretty output:\n\nScreenshot of it"
    ) == [
        ("lead", "It comes with support for JSON, logfmt and pretty output"),
        ("fragment", "Screenshot of it"),
    ]


@pytest.mark.parametrize(
    "text",
    ['1.10. "Work" means a file.', "It is under the MPL, v. 2.0 of 2012.", "See art. 5 of it."],
)
def test_a_dot_of_a_number_or_an_abbreviation_ends_no_sentence(text):
    assert read(text) == [("sentence", text)]


def test_capitals_above_a_text_are_its_heading():
    [one] = excerpts_of([a_passage("NAME\ncomm - compare two files")])
    assert (one.text, one.under) == ("comm - compare two files", "NAME")


def test_a_line_that_begins_with_an_option_is_one():
    assert read("-3 suppress column 3\n\n--total\nIt sums up.\n\nThe end.")[0] == (
        "option",
        "-3 suppress column 3",
    )


def test_a_line_goes_on_behind_a_word_that_ends_no_sentence():
    assert read("The latest version is\n`psutil 6.1.1`.") == [
        ("sentence", "The latest version is `psutil 6.1.1`.")
    ]


def test_what_leads_to_the_rest_of_its_paragraph_stands_with_it():
    text = (
        "It is used by many well known open source projects such as:\n"
        "`Zipline`, of trade; `Trio`, of io; and one more of\nDask."
    )
    [one, *_] = excerpts_of([a_passage(text)])
    assert (one.kind, "projects such as: `Zipline`, of trade;" in one.text) == ("sentence", True)
    [one, *_] = excerpts_of([a_passage(text)], closer=False)
    assert (one.kind, "Zipline" in one.text) == ("lead", False)
