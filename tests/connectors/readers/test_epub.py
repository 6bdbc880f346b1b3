"""Books: chapters in the order of the spine, each read as HTML."""

import pytest

from connectors.readers.parsing import parse
from tests.connectors.readers.written import EPUB, changed, epub_of, zip_of

CHAPTERS = (
    "<html><body><h1>One</h1><p>First.</p></body></html>",
    "<h1>Two</h1><p>Second &amp; last.",
)


def texts(content):
    parsed = parse(EPUB, content)
    assert not parsed.error
    return [one.text for one in parsed.blocks]


def test_chapters_come_in_the_order_of_the_spine():
    assert texts(epub_of(*CHAPTERS)) == ["One", "First.", "Two", "Second & last."]
    back = '<itemref idref="c1"/><itemref idref="c0"/>'
    assert texts(epub_of(*CHAPTERS, spine=back)) == ["Two", "Second & last.", "One", "First."]
    assert parse(EPUB, epub_of(*CHAPTERS, title="Pumps")).title == "Pumps"


def test_a_chapter_that_is_missing_is_told():
    content = changed(epub_of(*CHAPTERS), {"OEBPS/text/c1.xhtml": None})
    assert texts(content) == ["One", "First."]
    assert list(parse(EPUB, content).notes) == ["1 chapters that the book names are not in it"]


def test_what_is_left_out_of_chapters_is_told_once():
    page = "<body><p>Words.</p><p hidden>No.</p><div><p hidden>No.</p></div></body>"
    parsed = parse(
        EPUB, epub_of(page, "<body>All of it.</body>", page.replace("<div>", "<div hidden>"))
    )
    assert [one.text for one in parsed.blocks] == ["Words.", "All of it.", "Words."]
    assert list(parsed.notes) == ["hidden parts left out, in 2 chapters"]


def test_a_book_whose_fonts_are_encrypted_is_read_and_one_whose_text_is_not():
    keys = '<encryption xmlns="x"><a><CipherReference URI="{}"/></a></encryption>'
    fonts = {"META-INF/encryption.xml": keys.format("OEBPS/font.otf")}
    assert texts(changed(epub_of(*CHAPTERS), fonts))
    text = {"META-INF/encryption.xml": keys.format("OEBPS/text/c1.xhtml")}
    assert "encrypted" in parse(EPUB, changed(epub_of(*CHAPTERS), text)).error


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zip_of({"mimetype": EPUB}), "no EPUB book"),
        (changed(epub_of("a"), {"OEBPS/book.opf": None}), "damaged"),
        (changed(epub_of("a"), {"META-INF/container.xml": b"<a/>"}), "names no content"),
        (epub_of("<p> </p>"), "no text"),
    ],
)
def test_what_can_not_be_read_says_why(content, says):
    error = parse(EPUB, content).error
    assert says in error
    assert "submit" in error


def test_a_chapter_that_the_spine_names_again_and_again_is_read_once():
    """Else a spine of a kilobyte would make a book of any length."""
    assert texts(epub_of(*CHAPTERS, spine='<itemref idref="c1"/>' * 99)) == [
        "Two",
        "Second & last.",
    ]
