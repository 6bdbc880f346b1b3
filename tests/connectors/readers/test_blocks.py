"""Clean text: the laws that every block keeps, whoever read it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.blocks import block, flat, literal, normalise, prose

TEXT = st.text(
    st.sampled_from(
        "ab \t\n\r\x0b\x0c\x00\x85\xa0\xad\u0301\u200b\u200d\u2028\u202e\u3000é\U000e0041"
    )
)


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(TEXT)
def test_newlines_are_the_only_line_ends_and_nothing_unseen_is_left(text):
    clean = normalise(text)
    assert not {"\r", "\x0b", "\x0c", "\x85", "\u2028"} & set(clean)
    assert not {"\x00", "\xad", "\u200b", "\u202e", "\U000e0041"} & set(clean)


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "P"])))
def test_letters_digits_and_marks_are_never_lost(text):
    assert normalise(text) == unicodedata.normalize("NFC", text).replace("\u2028", "\n")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("e\u0301", "é"),
        ("\ufeffa\u200bb\u2060c", "abc"),
        ("a\u202eb\u2066c\u061cd", "abcd"),  # direction marks: text reads as it is stored
        ("".join(chr(0xE0000 + ord(c)) for c in "obey") + "a", "a"),  # hidden instructions
        ("a\ud800b\ufffa", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that the script needs
        ("tab\tstays", "tab\tstays"),
        ("", ""),
    ],
)
def test_what_can_not_be_seen_goes_and_what_a_script_needs_stays(text, clean):
    assert normalise(text) == clean


@pytest.mark.parametrize("marks", [29, 30, 31, 100_000])
def test_marks_beyond_reason_are_cut(marks):
    assert len(normalise("x" + "\u0300" * marks)) == 1 + min(marks, 30)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  a   b\t c  ", "a b c"),
        ("a \n b", "a\nb"),
        ("a\n \n\n b", "a\nb"),
        ("\n\na\n", "a"),
        ("a\u3000\xa0b", "a b"),
        (" ", ""),
    ],
)
def test_running_text_has_single_spaces_and_no_blank_lines(text, clean):
    assert prose(text) == clean


@given(TEXT)
def test_prose_and_flat_are_done_after_once(text):
    clean = prose(normalise(text))
    assert prose(clean) == clean
    assert flat(flat(text)) == flat(text)
    assert "\n" not in flat(text)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("def f():\n    return 1\n", "def f():\n    return 1"),
        ("a  \n\n\n\nb", "a\n\nb"),
        ("x" + " " * 40 + "y", "x" + " " * 16 + "y"),
        ("x" + " " * 16 + "y", "x" + " " * 16 + "y"),
        ("\n\n  a", "  a"),
    ],
)
def test_code_keeps_its_indentation(text, clean):
    assert literal(text) == clean


@pytest.mark.parametrize("kind", ["heading", "paragraph", "list", "table", "code"])
@given(text=TEXT, level=st.integers(0, 6))
def test_a_block_says_something_or_is_none(kind, text, level):
    blocks = list(block(kind, text, level))
    assert len(blocks) == bool(flat(normalise(text)))
    for one in blocks:
        assert (one.kind, one.level) == (kind, level)
        assert one.text.strip()
        assert kind != "heading" or "\n" not in one.text
