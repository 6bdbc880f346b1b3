"""Statements: sentences, lines and items of a text, with their places."""

from itertools import product

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from agents.statements import _is_end, statement_ends, statements


def parts(text):
    return [statement.text for statement in statements(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ('He said "Stop." Then he left…', ['He said "Stop."', "Then he left…"]),
        ("no end", ["no end"]),
        ("", []),
        ("   two   blanks \n\n ", ["two blanks"]),
        ("¿Qué? ¡Sí! Es todo.", ["¿Qué?", "¡Sí!", "Es todo."]),
        ("Wait... for it.", ["Wait... for it."]),
        ("Read it. <PERSON_1> did. 12 others didn't. Fine.",
         ["Read it.", "<PERSON_1> did.", "12 others didn't.", "Fine."]),
    ],
)  # fmt: skip
def test_a_text_is_split_at_the_ends_of_sentences_and_lines(text, expected):
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Open it. 2. Save it.", ["1. Open it.", "2. Save it."]),
        ("3.\nClose it.\nThen go.", ["3. Close it.", "Then go."]),
        ("-\n\nThe item", ["- The item"]),
        ("a) First. b) Second.", ["a) First.", "b) Second."]),
        ("(1) One thing. (2) Two.", ["(1) One thing.", "(2) Two."]),
        ("2.1. Install it. 2.2. Start.", ["2.1. Install it.", "2.2. Start."]),
        ("Steps: 1. Open it. 2. Save it.", ["Steps: 1. Open it.", "2. Save it."]),
        ("1.\n2.\n", ["1.", "2."]),
        ("In 1984. The end.", ["In 1984.", "The end."]),
        ("1.", ["1."]),
    ],
)
def test_a_numeral_or_bullet_stays_with_its_item(text, expected):
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Ask Dr. Who, Mrs. Dalloway vs. Prof. Moriarty.",
        "On some day, e.g. Monday, i.e. Tag eins, z. B. Montag, d.h. Dienstag, p. ej. Martes.",
        "J. R. R. Tolkien and A. A. Milne of the U.S. Army.",
        "See No. 5, Fig. 3, Sec. 4, pp. 12 and Nr. 7 of Jan. 3.",
        "Am 12. Mai 2024, im 19. Jahrhundert und am 2. Montag.",
        "Ab Montag, 12. Mai 2024, gilt es.",
        "It runs v1.2 of a.txt from https://a.example/b.c?d=E.F at 3.50 euros.",
        "Made by Acme Inc. Berlin.",
    ],
)
def test_no_end_is_seen_in_abbreviations_ordinals_versions_names_and_addresses(text):
    assert parts(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No. We won't. Never.", ["No.", "We won't.", "Never."]),
        ("Take plan B. It works.", ["Take plan B.", "It works."]),
        ("It is made by Acme Inc. The price is low.",
         ["It is made by Acme Inc.", "The price is low."]),
        ("Siehe Seite 3. Danach mehr.", ["Siehe Seite 3.", "Danach mehr."]),
        ("Edit a.txt. Then run v1.2. Done.", ["Edit a.txt.", "Then run v1.2.", "Done."]),
    ],
)  # fmt: skip
def test_what_looks_like_an_abbreviation_may_end_a_sentence(text, expected):
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京は首都です。「人口は多い。」次。", ["東京は首都です。", "「人口は多い。」", "次。"]),
        ("你好！走吧？好。", ["你好！", "走吧？", "好。"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("هل هذا؟ نعم.", ["هل هذا؟", "نعم."]),
    ],
)
def test_the_ends_of_other_scripts_are_known(text, expected):
    assert parts(text) == expected


TEXTS = st.text("aAé1.!?。)\"' \n<>_-:v", max_size=80) | st.lists(
    st.sampled_from(
        ["1.", "- ", "No. ", "The ", "a.b", "<PERSON_1>", "\n", ". ", "Am 2. Mai", "。"]
    )
).map("".join)


@given(TEXTS)
def test_places_are_those_of_the_text_and_nothing_but_blanks_is_between_them(text):
    behind = 0
    for start, end, plain in statements(text):
        assert text[behind:start].strip() == ""
        assert plain == " ".join(text[start:end].split()) != ""
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        behind = end
    assert text[behind:].strip() == ""


@given(TEXTS)
def test_splitting_goes_on_from_any_end(text):
    ends = list(statement_ends(text))
    for number, end in enumerate(ends, start=1):
        assert list(statement_ends(text, end)) == ends[number:]


@given(st.lists(st.sampled_from(["<PERSON_1>", "<A_2>", ". ", "\n", "B ", "1. "])).map("".join))
def test_no_placeholder_is_broken(text):
    found = "".join(part.text for part in statements(text))
    for name in ("<PERSON_1>", "<A_2>"):
        assert found.count(name) == text.count(name)


PLAIN_END = regex.compile(
    r"[.!?…]++[\"'”’»)\]]*+\s++(?=[\"'“‘«(\[<¿¡]?[\p{Lu}\p{Lo}\p{N}<]|\(?\p{Ll}\)\s)"
    r"|[。！？｡।॥؟۔।]++[\"'”’」』）】》〉]*+\s*+|(?<!\s)[^\S\n]*+\n\s*+"
)
"""Ends of statements, said as alternatives."""


@pytest.mark.parametrize("signs", ["\n .A-!)", "\n \u00a0…A。-"])
def test_statements_end_where_alternatives_say_so(signs):
    for text in map("".join, product(signs, repeat=5)):
        start, ends = 0, []
        for end in PLAIN_END.finditer(text):
            if _is_end(text, start, end.start(), end.end()):
                start = end.end()
                ends.append(start)
        assert list(statement_ends(text)) == ends
