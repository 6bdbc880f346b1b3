"""Every format: broken, empty, encrypted or of another kind, a document is an answer, never an error."""

import random
from importlib.metadata import version

import pytest

from connectors.readers.parsing import parse
from connectors.readers.reader_registry import READERS, reader_of
from tests.connectors.readers.written import RTF, WRITTEN, XLS

FIRST_FORMATS = ("text/plain", "text/markdown", "text/html")
NEW = sorted(set(READERS) - set(FIRST_FORMATS))
BINARY = [kind for kind in NEW if kind in WRITTEN or kind.startswith("image/")]
"""Formats of which not every text is one."""
SECRET = b"secret words of a person"


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", SECRET, SECRET * 9_999, b"PK\x03\x04" + SECRET, b"%PDF-1.7\n" + SECRET, b"\x89PNG" + SECRET],
    ids=["empty", "zero", "text", "much text", "zip", "pdf", "png"],
)  # fmt: skip
def test_what_is_no_such_file_is_an_answer_that_quotes_nothing(kind, content):
    parsed = parse(kind, content)
    assert parsed.error
    assert parsed.blocks == ()
    assert "submit" in parsed.error
    assert "secret" not in parsed.error


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_that_was_cut_off_is_an_answer(kind):
    """At any place: PDFium mends some of them, and the text of RTF is read as far as it goes."""
    content = WRITTEN[kind]
    for part in range(1, 20):
        parsed = parse(kind, content[: len(content) * part // 20])
        assert parsed.error or kind in (RTF, "application/pdf")
        assert not parsed.error or "submit" in parsed.error


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("seed", range(30))
def test_a_file_with_bytes_that_are_others_is_an_answer(kind, seed):
    chance = random.Random(seed)
    content = bytearray(WRITTEN[kind])
    for _ in range(chance.randint(1, 20)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    parsed = parse(kind, bytes(content))
    assert parsed.blocks or "submit" in parsed.error or "convert" in parsed.error


@pytest.mark.parametrize("kind", FIRST_FORMATS)
@pytest.mark.parametrize("other", [one for one in WRITTEN if one != XLS])
def test_a_file_that_is_submitted_as_text_is_told_how_to_be_submitted(kind, other):
    error = parse(kind, WRITTEN[other]).error
    assert "not text: submit it with " in error
    assert other in error or "the media type of its format" in error


@pytest.mark.parametrize("kind", NEW)
def test_by_the_rules_of_0_1_0_no_other_format_is_read(kind):
    """So that a log of then whose document was refused leads to the same outcome."""
    parsed = parse(kind, WRITTEN.get(kind, b""), formats=0)
    assert parsed.error == (
        "this media type can't be read: submit text/html, text/markdown, text/plain, or convert "
        "the document to one of them"
    )
    assert (parsed.parser, parsed.parser_version) == ("", "")


def test_by_the_rules_of_0_1_0_a_pdf_file_is_no_text():
    assert parse("text/plain", b"%PDF-1.7", formats=0).error == (
        "this is a PDF file, not text: extract its text and submit that"
    )


def test_versions_of_readers_are_their_own():
    """An update of PDFium must say nothing of an HTML document, nor of a sheet."""
    versions = {reader_of(kind).name: reader_of(kind).version for kind in READERS}
    pdfium = version("pypdfium2")
    assert [name for name, told in versions.items() if pdfium in told] == ["pdfium"]
    assert all(versions.values())
