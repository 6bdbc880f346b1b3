"""What is taken for a person or an address, and nothing tells of one."""

import pytest

from connectors.tagger.doubted import KnownNames, doubted, may_be_address
from connectors.tagger.value_forms import FoundValue

NAMED = frozenset({"ada", "hart", "mill"})
ORDINARY = frozenset({"installing", "features", "source", "code", "form", "maybe", "need", "mark"})
KNOWN = KnownNames(lambda word: word.lower() in NAMED, lambda word: word.lower() in ORDINARY)


def left(text, value, kind="PERSON", *, manual=False):
    """What is left of a value that was found in a text."""
    start = text.index(value)
    found = [FoundValue(start, start + len(value), kind, 0.8)]
    marks = (b"\1" if manual else b"\0") * len(text)
    return [
        (one.kind, text[one.start : one.end], one.score)
        for one in doubted(text, found, marks, KNOWN)
    ]


def person(value):
    """A value that stays."""
    return [("PERSON", value, 0.8)]


def organisation(value):
    """One that is at most an organisation's."""
    return [("ORGANIZATION", value, 0.8)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Then Ada came.", "Ada"),
        ("Ada Zorbulax came.", "Ada Zorbulax"),
        ("Installing Hart", "Installing Hart"),
        ("Then Zorbulax came.", "Zorbulax"),
        ("Zorbulax Quarx came.", "Zorbulax Quarx"),
        ("Dr. Features came.", "Features"),
        ("Mark came.", "Mark"),
        ("and ada came", "and ada"),
        ("PLEASE CALL ZORB TODAY", "ZORB"),
        ("I met ZORBULAX there.", "ZORBULAX"),
        ("Thanks,\nZorbulax\n\nSent from a train", "Zorbulax"),
        ("It rained and rained.\nIt did.\nSee\nZorbulax\n\nand more", "Zorbulax"),
        ("It rained.\n\nZorbulax", "Zorbulax"),
        ("It rained.\n\nZorbulax\n\n", "Zorbulax"),
        ("\n\nZorbulax came.\n\nIt rained.", "Zorbulax"),
    ],
)
def test_a_person_stays(text, value):
    assert left(text, value) == person(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("by Hart regression", "Hart"),
        ("a Hart proportional hazards model", "Hart"),
        ("the Hart-Mill virus.", "Hart-Mill"),
        ("Hart–Mill Syndrome", "Hart–Mill"),
        ("the Hart exact test", "Hart"),
    ],
)
def test_a_thing_that_is_called_after_somebody_is_nobody(text, value):
    assert left(text, value) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Hart tests the regression", "Hart"),
        ("Hart's syndrome is worse", "Hart"),
        ("Dr. Hart syndrome", "Hart"),
        ("Ada Hart syndrome", "Ada Hart"),
        ("Hart virus-free", "Hart"),
        ("Hart reactions", "Hart"),
        ("Hart, regression", "Hart"),
    ],
)
def test_somebody_beside_such_a_word_is_somebody(text, value):
    assert left(text, value) == person(value)


@pytest.mark.parametrize(
    ("text", "placed"),
    [
        ("Then Zorbulax came.", True),
        ("Is Zorbulax fast?", True),
        ("Then Ada Zorbulax came.", False),
        ("Then Dr. Zorbulax came.", False),
        ("My name is Zorbulax.", False),
        ("I'm Zorbulax.", False),
        ("Dear Zorbulax,", False),
        ("Ask my colleague Zorbulax.", False),
        ("Thanks,\nZorbulax", False),
        ("What is Zorbulax?", False),
    ],
)
def test_a_name_is_told_by_its_place_where_nothing_else_does(text, placed):
    value = "Ada Zorbulax" if "Ada" in text else "Zorbulax"
    found = [FoundValue(text.index(value), text.index(value) + len(value), "PERSON", 0.8)]
    [one] = doubted(text, found, b"\0" * len(text), KNOWN)
    assert one.by_place is placed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ada came.", "Ada"),
        ("Ada\n\nIt rained.", "Ada"),
        ("By Zorb-Mill", "Zorb-Mill"),
        ("我叫王伟", "王伟"),
    ],
)
def test_a_name_that_lists_have_or_cannot_have_stays_in_a_manual_and_in_a_heading(text, value):
    assert left(text, value, manual=True) == person(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Maybe. It rains.", "Maybe"),
        ("the Source Code Form of it", "Source Code Form"),
        ("which WSGI lacks", "WSGI"),
        ("What is Zorbulax?", "Zorbulax"),
        ("what's Zorbulax", "Zorbulax"),
    ],
)
def test_ordinary_words_and_abbreviations_are_at_most_an_organisation(text, value):
    assert left(text, value) == organisation(value)
    assert left(text, value, manual=True) == []


@pytest.mark.parametrize(
    "text", ["Say it in Zorbulax.", "Into Zorbulax it went.", "It speaks Zorbulax."]
)
def test_nobody_is_within_a_person_or_speaks_one(text):
    assert left(text, "Zorbulax") == [("LOCATION", "Zorbulax", 0.8)]


def test_a_word_alone_is_no_name_in_a_manual_but_two_may_be():
    assert left("Run Zorbulax now.", "Zorbulax", manual=True) == []
    assert left("Run Zorbulax Quarx now.", "Zorbulax Quarx", manual=True) == person(
        "Zorbulax Quarx"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Zorbulax\n\nIt rains.",
        "title\nZorbulax\n\nIt rains.",
        "One.\nTwo.\nThree.\n\n## Zorbulax ##\n\nIt rains.",
    ],
)
def test_a_heading_of_one_word_that_no_list_has_is_no_name(text):
    assert left(text, "Zorbulax") == []


@pytest.mark.parametrize(
    "line",
    [
        "from zorb.lib import Zorbulax",
        "import Zorbulax",
        "class Zorbulax(str):",
        ">>> Zorbulax.run()",
        "rp = lib.new(Zorbulax)",
        "@Zorbulax",
    ],
)
def test_a_line_of_a_program_names_nobody(line):
    assert left(f"It rained.\n{line}\nand more", "Zorbulax") == []


@pytest.mark.parametrize("value", ["I need", "I zorb", "5.1. The"])
def test_small_words_name_nobody(value):
    assert left(f"What do {value} for it?", value) == []


def test_no_name_goes_over_a_blank_line():
    assert left("by Ada Hart\n\nFeatures and more", "Ada Hart\n\nFeatures") == [
        *person("Ada Hart"),
        *organisation("Features"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "12 Zorbgatan 7", "baker street 5", "suite 112", "20789 Allika 46\n\nEstonia 62488", "66029",
    ],
)  # fmt: skip
def test_an_address_stays(value):
    assert may_be_address(value)
    assert left(f"at {value} now", value, "STREET_ADDRESS", manual=True) == [
        ("STREET_ADDRESS", value, 0.8)
    ]


@pytest.mark.parametrize(
    "value", ["h11 fast", "Zorb h11", "urllib3", "pid\n7055", "1000, K 1024, MB", "7a-Zorb"]
)
def test_what_tells_of_no_street_is_no_address(value):
    assert not may_be_address(value)
    assert left(f"at {value} now", value, "STREET_ADDRESS") == [("LOCATION", value, 0.8)]
    assert left(f"at {value} now", value, "STREET_ADDRESS", manual=True) == []


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("12 Zorbgatan 7\n\nAuthor", "12 Zorbgatan 7"),
        ("Author\n\n12 Zorbgatan 7", "12 Zorbgatan 7"),
        ("2038.\n\nAUTHOR", None),
    ],
)
def test_what_stands_behind_a_blank_line_without_a_number_is_no_part_of_an_address(value, kept):
    found = left(f"at {value} now", value, "STREET_ADDRESS")
    assert found == ([("STREET_ADDRESS", kept, 0.8)] if kept else [])


def test_other_kinds_are_not_doubted():
    assert left("Features", "Features", "ORGANIZATION") == organisation("Features")
