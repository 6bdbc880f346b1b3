"""OpenDocument texts and presentations."""

import odfdo
import pytest

from connectors.readers.parsing import parse
from tests.connectors.readers.written import ODP, ODT, changed, odp_of, odt_of, saved

HEAD = (
    '<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:draw="d" '
    'xmlns:presentation="p" xmlns:style="s" xmlns:dc="c">'
)


def read(content, kind=ODT):
    parsed = parse(kind, content)
    assert not parsed.error
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def body(xml: str, styles: str = "") -> bytes:
    content = f"{HEAD}{styles}<office:body><office:text>{xml}</office:text></office:body></office:document-content>"
    return changed(odt_of("x"), {"content.xml": content, "styles.xml": None, "meta.xml": None})


def test_headings_paragraphs_lists_and_tables_come_in_order():
    document = odfdo.Document("text")
    document.body.clear()
    document.meta.title = "A manual"
    document.body.append(odfdo.Header(1, "Pumps"))
    document.body.append(odfdo.Paragraph("Open the valve."))
    document.body.append(odfdo.List(["Look", "Listen"]))
    document.body.append(odfdo.Header(3, "Data"))
    table = odfdo.Table("t")
    table.set_values([["Model", "Flow"], ["P1", "20 l"]])
    document.body.append(table)
    content = saved(document)
    assert read(content) == [
        ("h1", "Pumps"),
        ("paragraph", "Open the valve."),
        ("list", "- Look\n- Listen"),
        ("h3", "Data"),
        ("table", "Model | Flow\nP1 | 20 l"),
    ]
    assert parse(ODT, content).title == "A manual"


def test_spans_spaces_tabs_and_breaks_are_read_and_deletions_are_not():
    content = body(
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>secret</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        '<text:p>One<text:s text:c="2"/>two <text:span>th<text:span>r</text:span>ee</text:span>'
        "<text:tab/>four<text:line-break/>five</text:p>"
    )
    assert read(content) == [("paragraph", "One two three four\nfive")]
    assert list(parse(ODT, content).notes) == ["deletions under track changes were left out"]


def test_notes_and_comments_follow_what_they_belong_to():
    content = body(
        "<text:p>Text<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>Small print</text:p></text:note-body></text:note> goes on"
        "<office:annotation><dc:creator>Ann</dc:creator><text:p>Is it?</text:p></office:annotation>.</text:p>"
        "<text:p>Next</text:p>"
    )
    assert [text for _, text in read(content)] == [
        "Text1 goes on.",
        "Note: Small print",
        "Comment: Is it?",
        "Next",
    ]
    assert list(parse(ODT, content).notes) == ["1 comments follow what they belong to, as such"]


def test_a_cell_that_is_repeated_a_billion_times_is_a_hundred():
    content = body(
        '<table:table><table:table-row><table:table-cell table:number-columns-repeated="999999999">'
        "<text:p>a</text:p></table:table-cell></table:table-row></table:table>"
        '<text:p>b<text:s text:c="99999999"/>c</text:p>'
    )
    [(_, row), (_, spaced)] = read(content)
    assert row.count("a") == 100
    assert spaced == "b c"


def test_slides_stand_under_their_names_and_hidden_ones_are_left_out():
    content = odp_of(("First", "One"), ("Second", "Two"))
    assert read(content, ODP) == [
        ("h1", "First"), ("paragraph", "One"), ("h1", "Second"), ("paragraph", "Two"),
    ]  # fmt: skip
    hidden = body(
        '<draw:page draw:name="Seen"><draw:frame presentation:class="title"><draw:text-box>'
        "<text:p>Its title</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>Text"
        "</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Speak"
        "</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
        '<draw:page draw:style-name="h" draw:name="secret"><text:p>secret</text:p></draw:page>',
        '<style:style style:name="h"><style:p presentation:visibility="hidden"/></style:style>',
    )
    assert read(hidden) == [
        ("h1", "Its title"),
        ("paragraph", "Text"),
        ("paragraph", "Speaker notes: Speak"),
    ]
    assert list(parse(ODT, hidden).notes) == [
        "1 hidden slides were left out",
        "the speaker notes of 1 slides follow them, as such",
    ]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"META-INF/manifest.xml": b'<m xmlns="x"><encryption-data/></m>'}, "encrypted"),
        ({"content.xml": None}, "no OpenDocument file"),
        ({"content.xml": b"<a"}, "damaged"),
        (
            {"content.xml": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"},
            "entities",
        ),
    ],
)
def test_what_can_not_be_read_says_why(entries, says):
    error = parse(ODT, changed(odt_of("x"), entries)).error
    assert says in error
    assert "submit" in error
