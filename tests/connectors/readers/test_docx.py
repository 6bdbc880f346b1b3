"""Word files: what somebody sees who opens them, in order; the rest is told."""

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from connectors.readers.docx_numbering import ListNumbers, NumberingLevel, spelt
from connectors.readers.parsing import parse
from tests.connectors.readers.written import DOCX, changed, docx_of, saved


def read(content):
    parsed = parse(DOCX, content)
    assert not parsed.error
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def body(*elements: str) -> bytes:
    """A Word file with these elements, in the namespace w, in its body."""
    document = docx.Document()
    for element in elements:
        head, _, tail = (
            element.partition(">")
            if not element.partition(">")[0].endswith("/")
            else (element[:-2], "", "")
        )
        close = f"{head} {nsdecls('w')}" + (f">{tail}" if tail else "/>")
        document.element.body.insert(len(document.element.body) - 1, parse_xml(close))
    return saved(document)


def test_headings_paragraphs_lists_and_tables_come_in_order():
    document = docx.Document()
    document.core_properties.title = "A manual"
    document.add_heading("Pumps", 0)
    document.add_heading("Start", 1)
    document.add_paragraph("Open the valve.")
    document.add_paragraph("Look", style="List Number")
    document.add_paragraph("Listen", style="List Number")
    document.add_paragraph("quietly", style="List Bullet")
    document.add_heading("Data", 2)
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Model", "Flow", "P1", "20 l"], strict=True):
        cell.text = text
    content = saved(document)
    assert read(content) == [
        ("h1", "Pumps"),
        ("h1", "Start"),
        ("paragraph", "Open the valve."),
        ("list", "1. Look\n2. Listen\n- quietly"),
        ("h2", "Data"),
        ("table", "Model | Flow\nP1 | 20 l"),
    ]
    assert parse(DOCX, content).title == "A manual"


def test_the_title_is_the_one_in_the_text_where_the_properties_have_none():
    document = docx.Document()
    document.core_properties.title = ""
    document.add_heading("Pumps", 0)
    assert parse(DOCX, saved(document)).title == "Pumps"


def test_deletions_and_hidden_text_are_left_out_and_told_and_insertions_are_read():
    content = body(
        "<w:p><w:r><w:t>Kept</w:t></w:r>"
        '<w:del w:id="1" w:author="x"><w:r><w:delText> secret one</w:delText></w:r></w:del>'
        '<w:ins w:id="2" w:author="x"><w:r><w:t> and added</w:t></w:r></w:ins>'
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t> secret two</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> and seen</w:t></w:r></w:p>'
    )
    assert read(content) == [("paragraph", "Kept and added and seen")]
    assert list(parse(DOCX, content).notes) == [
        "1 deletions under track changes were left out",
        "1 stretches of hidden text were left out",
    ]


def test_content_controls_and_text_boxes_are_read_where_they_stand_and_once():
    box = "<w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent>"
    content = body(
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>Controlled</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r>'
        f'<mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice>'
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>Around</w:t></w:r></w:p>",
    )
    assert read(content) == [
        ("paragraph", "Controlled"),
        ("paragraph", "In a box"),
        ("paragraph", "Around"),
    ]


def test_instructions_of_fields_and_readings_above_the_line_are_no_text():
    content = body(
        "<w:p><w:r><w:instrText> PAGE secret </w:instrText></w:r><w:r><w:t>7</w:t></w:r>"
        "<w:ruby><w:rt><w:r><w:t>secret</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>字</w:t></w:r></w:rubyBase></w:ruby></w:p>"
    )
    assert read(content) == [("paragraph", "7字")]


def test_merged_cells_keep_the_columns_and_tables_in_cells_are_told_in_one():
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    inner = f"<w:tbl><w:tr>{cell.format('x')}{cell.format('y')}</w:tr></w:tbl>"
    content = body(
        "<w:tbl>"
        f"<w:tr>{cell.format('A')}{cell.format('B')}{cell.format('C')}</w:tr>"
        '<w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>wide</w:t></w:r></w:p></w:tc>'
        f"<w:tc>{inner}<w:p/></w:tc></w:tr></w:tbl>"
    )
    assert read(content) == [("table", "A | B | C\nwide | | x | y")]
    assert (
        "1 tables stood in cells of others and are told in one line" in parse(DOCX, content).notes
    )


def test_a_cell_that_spans_a_billion_columns_is_one_of_a_hundred():
    content = body(
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>'
        "<w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    [(_, text)] = read(content)
    assert text.count("|") == 100


def test_notes_follow_what_refers_to_them_and_comments_and_headers_stand_at_the_end():
    document = docx.Document()
    run = document.add_paragraph("Seen by all").runs[0]
    document.add_comment(run, text="Is it?", author="Ann")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    content = saved(document)
    assert read(content) == [
        ("paragraph", "Seen by all"),
        ("paragraph", "Confidential"),
        ("h2", "Comments"),
        ("list", "Ann: Is it?"),
    ]
    assert list(parse(DOCX, content).notes) == [
        "1 comments stand at the end",
        "1 headers and footers stand at the end, each once",
    ]


def test_a_footnote_stands_behind_its_paragraph():
    content = changed(
        body(
            '<w:p><w:r><w:t>Text</w:t><w:footnoteReference w:id="5"/></w:r></w:p>',
            "<w:p><w:r><w:t>Next</w:t></w:r></w:p>",
        ),
        {
            "word/footnotes.xml": f'<w:footnotes {nsdecls("w")}><w:footnote w:id="5"><w:p><w:r><w:t>Small print</w:t></w:r></w:p></w:footnote></w:footnotes>',
            "word/_rels/document.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://x/footnotes" Target="footnotes.xml"/></Relationships>',
        },
    )
    assert [text for _, text in read(content)] == ["Text[1]", "[1] Small print", "Next"]


def test_names_of_styles_count_not_their_ids_and_styles_inherit():
    document = docx.Document()
    style = document.styles.add_style("Kapitel", 1)
    style.base_style = document.styles["Heading 2"]
    document.add_paragraph("Inherited", style="Kapitel")
    assert read(saved(document)) == [("h2", "Inherited")]


def test_styles_that_are_based_on_each_other_end():
    document = docx.Document()
    one, two = document.styles.add_style("One", 1), document.styles.add_style("Two", 1)
    one.base_style, two.base_style = two, one
    document.add_paragraph("Round", style="One")
    assert read(saved(document)) == [("paragraph", "Round")]


def test_entities_are_refused():
    xml = b'<!DOCTYPE w [<!ENTITY a "secret"><!ENTITY b "&a;&a;">]><w:document/>'
    error = parse(DOCX, changed(docx_of("x"), {"word/document.xml": xml})).error
    assert "declares entities" in error
    assert "secret" not in error


def test_depth_that_libxml2_does_not_follow_is_damage():
    deep = f"<w:document {nsdecls('w')}>" + "<w:p>" * 5_000 + "</w:p>" * 5_000 + "</w:document>"
    assert "damaged" in parse(DOCX, changed(docx_of("x"), {"word/document.xml": deep})).error


@pytest.mark.parametrize(
    ("number", "form", "says"),
    [
        (4, "lowerRoman", "iv"), (1994, "upperRoman", "MCMXCIV"), (28, "lowerLetter", "bb"),
        (3, "upperLetter", "C"), (7, "decimalZero", "07"), (12, "decimal", "12"),
        (4_000, "lowerRoman", "4000"),
    ],
)  # fmt: skip
def test_numbers_are_spelt_as_lists_do(number, form, says):
    assert spelt(number, form) == says


def test_items_are_counted_by_level_and_lists_that_go_on_are_one():
    levels = {0: NumberingLevel("decimal", "%1."), 1: NumberingLevel("lowerLetter", "%1.%2)")}
    numbers = ListNumbers({"7": levels, "8": levels}, {"7": "a", "8": "a"})
    marks = [
        numbers.mark("7", 0),
        numbers.mark("7", 1),
        numbers.mark("7", 1),
        numbers.mark("8", 0),
        numbers.mark("7", 1),
    ]
    assert marks == ["1. ", "1.a) ", "1.b) ", "2. ", "2.a) "]
    assert numbers.mark("no such list", 0) == numbers.mark("7", 9) == ""
