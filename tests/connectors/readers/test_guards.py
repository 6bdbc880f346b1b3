"""What is no text is refused, by a sentence that says what it is and what to submit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.guards import UnreadableDocument, refuse_binary, refuse_other_formats

FORMATS = {
    b"%PDF-1.7\n": "a PDF file",
    b"PK\x03\x04\x14": "a ZIP or Office file",
    b"\xd0\xcf\x11\xe0\xa1\xb1": "an old Office file",
    b"\x1f\x8b\x08": "a gzip file",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff\xe0": "a JPEG image",
    b"GIF89a": "a GIF image",
    b"GIF87a": "a GIF image",
    b"\x7fELF\x02": "a program",
    b"{\\rtf1\\ansi": "an RTF file",
}


@pytest.mark.parametrize(("begin", "what"), FORMATS.items())
def test_a_known_format_is_named(begin, what):
    with pytest.raises(
        UnreadableDocument, match=f"this is {what}, not text: extract its text and submit"
    ):
        refuse_other_formats(begin + b" and the rest")


@pytest.mark.parametrize("begin", FORMATS)
def test_a_text_that_speaks_of_a_format_is_a_text(begin):
    refuse_other_formats(b"About " + begin)


@pytest.mark.parametrize("content", [b"", b"P", b"PK", b"%PD", b"GIF", b"\x89PN", b"{\\rt"])
def test_the_beginning_of_a_mark_is_no_mark(content):
    refuse_other_formats(content)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_no_text_is_binary(text):
    refuse_binary(text.encode())


@pytest.mark.parametrize(
    ("controls", "length", "binary"),
    [(16, 16, False), (17, 19, True), (17, 20, False), (66, 1_000, False), (67, 1_000, True)],
)
def test_some_noise_is_allowed_for_and_no_more(controls, length, binary):
    content = b"\x01" * controls + b"a" * (length - controls)
    if not binary:
        return refuse_binary(content)
    with pytest.raises(UnreadableDocument, match="binary data, not text"):
        refuse_binary(content)
    return None


@pytest.mark.parametrize("control", [*range(9), *range(14, 27), *range(28, 32), 127])
def test_every_control_that_text_has_no_use_for_counts(control):
    with pytest.raises(UnreadableDocument, match="binary data"):
        refuse_binary(bytes([control]) * 40)


@pytest.mark.parametrize("allowed", [b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\x1b"])
def test_white_space_and_escapes_are_text(allowed):
    refuse_binary(allowed * 1_000)
