"""Work grows with the document, not with its square: counted, since a clock says nothing here."""

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.charsets import declared_charset
from connectors.readers.html import strip_tags, unescape
from connectors.readers.html_page import (
    CELL_CHARS_MAX,
    Page,
    _is_data,
    _longest_cell,
    _TableRows,
    said,
)
from connectors.readers.html_views import seen_of
from connectors.readers.parsing import parse
from connectors.readers.plain import _paragraph
from tests.connectors.readers.hostile import MARKDOWN, MARKDOWN_KINDS, OTHER_FORMATS, OURS
from tests.counted_lines import CountedLines, traced

READERS = "/connectors/readers/"


def lines_run(function, *arguments, of=(READERS,)) -> int:
    """Count the lines of some code that a call runs; of our readers, if nothing else is said."""
    counted = CountedLines()
    with traced(lambda code: counted if any(part in code.co_filename for part in of) else None):
        function(*arguments)
    return counted.take()


class CopiedLines(list):
    """Lines that count how many of them are copied by slices, slices of slices included."""

    def __init__(self, lines, copied):
        super().__init__(lines)
        self.copied = copied

    def __getitem__(self, key):
        taken = super().__getitem__(key)
        if isinstance(key, slice):
            self.copied.append(len(taken))
            return CopiedLines(taken, self.copied)
        return taken


@pytest.mark.parametrize("group", [["abc", "abd", "==="], ["abc", "==="], ["abc"]])
def test_each_line_of_a_paragraph_is_copied_once(group):
    copied: list[int] = []
    lines = CopiedLines(group * 400, copied)
    assert list(_paragraph(lines, []))
    assert sum(copied) <= len(lines)


@pytest.mark.parametrize("family", sorted(OURS.keys() - {"digits", "cells in cells"}))
def test_twice_the_document_is_twice_the_lines_of_code(family):
    media_type, make = OURS[family]
    small, large = (lines_run(parse, media_type, make(size)) for size in (8_000, 16_000))
    assert large <= 2.2 * small


@pytest.mark.parametrize("kind", MARKDOWN_KINDS)
def test_twice_the_markdown_is_twice_the_lines_of_the_library_too(kind):
    make, of = MARKDOWN_KINDS[kind], (READERS, "/markdown_it/")
    small, large = (lines_run(parse, MARKDOWN, make(size), of=of) for size in (4_000, 8_000))
    assert large <= 2.2 * small


@pytest.mark.parametrize("family", OTHER_FORMATS)
def test_twice_of_any_format_is_twice_the_lines_of_the_library_too(family):
    media_type, make = OTHER_FORMATS[family]
    of = (READERS, "/email/", "/json/")
    small, large = (lines_run(parse, media_type, make(size), of=of) for size in (8_000, 16_000))
    assert large <= 2.3 * small


@pytest.mark.parametrize("family", OTHER_FORMATS)
def test_what_is_read_grows_no_faster_than_what_was_given(family):
    media_type, make = OTHER_FORMATS[family]
    content = make(20_000)
    assert sum(len(one.text) for one in parse(media_type, content).blocks) <= 45 * len(content)


def broken_table(depth, text=""):
    """Rows that stand in cells of rows, as a page without end tags has them."""
    source = "<table><tr><td>a<td>b" + "<tr><td>a<td>b<div>" * depth + text + "</table>"
    return lxml.html.document_fromstring(source).find(".//table")


def test_cells_in_cells_are_measured_in_one_walk():
    shallow, deep = (lines_run(_longest_cell, broken_table(depth)) for depth in (40, 80))
    assert deep <= 2.2 * shallow


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_longest_cell_is_that_with_most_text_in_it_and_below_it(beyond):
    table = broken_table(2, "x" * (CELL_CHARS_MAX - 3 + beyond))  # beside "b", "a" and "b"
    longest = max(len("".join(cell.itertext())) for cell in table.iter("td"))
    assert _longest_cell(table) == longest == CELL_CHARS_MAX + beyond
    assert _is_data(table) == (longest <= CELL_CHARS_MAX)


@pytest.mark.parametrize("tag", ["td", "th", "p"])
def test_rows_in_cells_are_read_in_one_walk(tag):
    tables = [broken_table(depth, f"<{tag}>x" * depth) for depth in (20, 40)]
    small, large = (
        lines_run(lambda table: list(_TableRows().of(table)), table) for table in tables
    )
    assert large <= 2.2 * small


PIECES = st.sampled_from(
    [
        "<tr>",
        "<td>",
        "<th>",
        "</tr>",
        "</td>",
        "<div>",
        "</div>",
        "<i>",
        "</i>",
        "<br>",
        " ",
        "a",
        "b c",
    ]
)


@given(st.lists(PIECES, max_size=40))
def test_a_row_says_what_each_of_its_cells_says(pieces):
    table = lxml.html.document_fromstring("<table><tr><td>x" + "".join(pieces)).find(".//table")
    rows = [[said(cell) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    lines = list(_TableRows().of(table))
    if said(table).split() == [word for cells in rows for cell in cells for word in cell.split()]:
        assert lines == [" | ".join(cells) for cells in rows if any(cells)]
    shown = iter(
        part for line in lines for part in line.split(" | ")
    )  # what stands beside cells, too
    assert all(cell in shown for cells in rows if any(cells) for cell in cells)


def read_page(root):
    Page(seen_of(root), boilerplate=False).read(root)


@pytest.mark.parametrize(
    "unit",
    [
        "<div><p>a",
        "<footer><p>a b c",
        "<div role=banner>a <address>b",
        "<a href=https://x.example/>b",
        "<div role=tabpanel hidden><p>a",
        "<button role=tab aria-controls=a>b",
        "<aside>a<dialog open>b",
    ],
)
def test_each_element_of_a_page_is_looked_at_once(unit):
    pages = [lxml.html.document_fromstring(unit * count) for count in (60, 120)]
    small, large = (lines_run(read_page, page) for page in pages)
    assert large <= 2.2 * small


def test_nothing_between_tags_is_looked_at_twice():
    pages = [lxml.html.document_fromstring("<div><p>a" * count) for count in (60, 120)]
    small, large = (lines_run(read_page, page) for page in pages)
    assert large <= 2.2 * small


def test_tags_are_taken_out_in_one_pass():
    small, large = (lines_run(strip_tags, "<b>a<script>x" * count) for count in (500, 1_000))
    assert large <= 2.2 * small


@pytest.mark.parametrize(
    ("digits", "character"),
    [
        ("65", "A"),
        ("0" * 6_000 + "65", "A"),
        ("0" * 6_000, "\ufffd"),
        ("1" * 6_000, "\ufffd"),
        ("0" * 999 + "65", "A"),
        ("0" * 998 + "65", "A"),
    ],
)
def test_a_reference_may_have_any_number_of_digits(digits, character):
    assert unescape(f"a&#{digits};b") == f"a{character}b"
    assert unescape(f"a&#{digits} b") == f"a{character} b"


def test_a_charset_is_found_behind_any_number_of_spaces():
    spaces = " " * 500_000
    assert declared_charset(f"charset{spaces}={spaces}gbk") == "gbk"
    assert declared_charset(f"charset{spaces}={spaces};") == ""
