"""Plain text: paragraphs, headings by their look, and lines that were wrapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.plain import JOINED, WRAPPED_CHARS_MIN, read_plain

LONG = "x" * WRAPPED_CHARS_MIN


def read(text):
    title, blocks = read_plain(text)
    assert title == ""
    return [(f"h{b.level}" if b.kind == "heading" else b.kind, b.text) for b in blocks]


@pytest.mark.parametrize(
    ("mark", "level"), [("=", 1), ("-", 2), ("~", 3), ("^", 4), ("*", 4), ("#", 4), ("+", 4)]
)
def test_an_underlined_line_is_a_heading(mark, level):
    assert read(f"Pump\n{mark * 4}\ntext") == [(f"h{level}", "Pump"), ("paragraph", "text")]


@pytest.mark.parametrize(
    "text",
    [
        "Pump\n==",  # too short to be a line
        "Pump\n=====-",  # not one mark
        "Pump\n" + "=" * 8,  # longer than what it underlines
        "A rather long line\n====",
        "***\n===",  # nothing to read above
        "Pump\n.....",
    ],
)
def test_what_only_looks_like_an_underline_is_text(text):
    assert read(text) == [("paragraph", text)]


@pytest.mark.parametrize("off", [-3, 0, 3])
def test_an_underline_may_be_some_marks_off(off):
    assert read("Pump station\n" + "=" * (12 + off)) == [("h1", "Pump station")]


def test_a_heading_may_stand_within_a_paragraph():
    text = "before\nPump\n====\nafter\nHose\n----"
    assert read(text) == [
        ("paragraph", "before"),
        ("h1", "Pump"),
        ("paragraph", "after"),
        ("h2", "Hose"),
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("NAME", "h2"),
        ("SEE ALSO (1)", "h2"),
        ("ÜBERSICHT", "h2"),
        ("Name", "paragraph"),
        ("  NAME", "paragraph"),
        ("1234", "paragraph"),
        ("A" * 60, "h2"),
        ("A" * 61, "paragraph"),
        ("日本語", "paragraph"),
    ],
)
def test_a_line_in_capitals_by_itself_is_a_heading(line, kind):
    assert read(f"text\n\n{line}\n\ntext")[1] == (kind, line.strip())


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (LONG, "on", True),
        (LONG[1:], "on", False),
        (LONG, "- item", False),
        (LONG, "  • item", False),
        (LONG, "12. item", False),
        (LONG, "b) item", False),
        (LONG, "1234 is a number", False),
        (LONG, "Another sentence", False),
        (LONG + ".", "another sentence", False),
        (LONG + ".”", "another sentence", False),
        (LONG, "المتحف مفتوح", True),
        ("a   b " + LONG, "columns", False),
    ],
)
def test_a_line_that_filled_the_page_goes_on_in_the_next(first, second, joined):
    notes: list[str] = []
    [one] = read_plain(f"{first}\n{second}", notes)[1]
    assert one.text.endswith(first[-30:] + (" " if joined else "\n") + second.strip())
    assert notes == ([JOINED] if joined else [])


def test_lines_of_a_script_without_spaces_are_joined_without_one():
    first = "灯台は午前九時から午後五時まで開いています。月曜日は休みですので注意してく"
    assert read(f"{first}\nださい。") == [("paragraph", f"{first}ださい。")]


RECORDS = (
    "Locker {} on the ground floor opens with the code {} for its owner.",
    "locker number {} on the ground floor opens with the code number {}",
    "{} is a locker on the ground floor; its owner opens it with {}",
    "Ana{} Brown, 12 Harbour Road, Westmere, has locker with the code {}",
)


@pytest.mark.parametrize("record", RECORDS)
def test_a_line_that_holds_a_record_stays_a_line(record):
    lines = [record.format(number, number * 37) for number in range(101, 107)]
    assert read("\n".join(lines)) == [("paragraph", "\n".join(lines))]


def test_a_wrapped_paragraph_is_joined_at_capitals_and_ends_of_sentences_too():
    lines = [
        "The keeper of the light was paid by the harbour, and by the Guild of",
        "Pilots when it was foggy. In summer he had nothing to do before dusk.",
        "He spent his days with mending nets and with letters to the office in",
        "the capital, which were never answered by anybody.",
    ]
    assert read("\n".join(lines)) == [("paragraph", " ".join(lines))]


@pytest.mark.parametrize(
    "blank", ["\n\n", "\n \n", "\n\t\n\n", "\r\n\r\n", "\u2028\u2028", "\x0c\n"]
)
def test_blank_lines_part_paragraphs(blank):
    assert read(f"one{blank}two") == [("paragraph", "one"), ("paragraph", "two")]


def test_nothing_is_read_as_nothing():
    assert read("") == read(" \n\t\n") == []


LINES = st.lists(
    st.sampled_from(["one", "TWO", "====", "---", "", "- item", "  in", LONG, "o x", "3"]),
    max_size=25,
)


@given(LINES)
def test_no_word_is_lost_and_none_changes_places(lines):
    words = " ".join(text for _, text in read("\n".join(lines))).split()
    kept = iter(words)
    for line in lines:
        for word in line.split():
            if set(word) - set("=-"):  # underlines are no words
                assert word in kept
