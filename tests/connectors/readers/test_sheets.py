"""Spreadsheets: each sheet under its name, tables with their header, values as they are."""

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from connectors.readers.parsing import parse
from connectors.readers.sheets import CELLS_MAX
from tests.connectors.readers.written import ODS, XLS, XLSX, changed, ods_of, saved, xlsx_of


def read(content, kind=XLSX):
    parsed = parse(kind, content)
    assert not parsed.error
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


@pytest.mark.parametrize(("kind", "write"), [(XLSX, xlsx_of), (ODS, ods_of)])
def test_a_sheet_is_told_by_its_name_captions_and_tables(kind, write):
    rows = [
        ["Prices"],
        ["Model", "Price"],
        ["P1", 20],
        ["P2", 9.5],
        [None],
        [None],
        ["a list"],
        ["of words"],
    ]
    assert read(write(rows, name="Pumps"), kind) == [
        ("h1", "Pumps"),
        ("paragraph", "Prices"),
        ("table", "Model | Price\nP1 | 20\nP2 | 9.5"),
        ("table", "a list\nof words"),
    ]


def test_values_are_told_as_they_are():
    row = [
        1.0,
        0.1,
        1e300,
        True,
        dt.datetime(2024, 5, 1),  # noqa: DTZ001 - a sheet knows no time zones
        dt.datetime(2024, 5, 1, 8, 30),  # noqa: DTZ001
        dt.time(7, 5),
        " two\n lines ",
    ]
    [_, (_, text)] = read(xlsx_of([["h"] * 8, row]))
    assert (
        text.split("\n")[1]
        == "1 | 0.1 | 1e+300 | TRUE | 2024-05-01 | 2024-05-01 08:30:00 | 07:05:00 | two lines"
    )


def test_comments_and_charts_follow_their_sheet_and_hidden_sheets_are_left_out():
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["Year", "Ducks"], [2023, 3], [2024, 5]]:
        sheet.append(row)
    sheet["B2"].comment = Comment("So few?", "Ann")
    chart = BarChart()
    chart.title = "Ducks by year"
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    sheet.add_chart(chart, "E5")
    book.create_sheet("hidden").append(["secret"])
    book["hidden"].sheet_state = "veryHidden"
    content = saved(book)
    texts = [text for _, text in read(content)]
    assert texts[:2] == ["Sheet", "Year | Ducks\n2023 | 3\n2024 | 5"]
    assert "Comment on B2: Ann: So few?" in texts
    assert "Ducks by year" in texts
    assert "secret" not in str(texts)
    assert set(parse(XLSX, content).notes) == {
        "1 hidden sheets were left out",
        "1 comments follow their sheets",
        "1 charts are told by their numbers",
    }


def test_a_long_sheet_repeats_its_header():
    blocks = read(xlsx_of([["Model", "Price"], *([f"P{n}", n] for n in range(2_000))]))[1:]
    assert len(blocks) > 10
    assert all(text.startswith("Model | Price\n") for _, text in blocks)


def test_a_sheet_that_says_nothing_is_not_named_and_a_book_of_these_is_refused():
    book = openpyxl.Workbook()
    book.create_sheet("Full").append(["a", "b"])
    assert read(saved(book)) == [("h1", "Full"), ("table", "a | b")]
    assert "holds no text" in parse(XLSX, xlsx_of([])).error


def test_cells_in_far_corners_are_refused_before_the_library_makes_room_between_them():
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "a", "b"
    error = parse(XLSX, saved(book)).error
    assert f"more than {CELLS_MAX} cells" in error
    assert "delete what stands far out" in error


@pytest.mark.parametrize(
    "rows",
    [
        '<row><c r="A1"/><c s="0" r="XFD1048576"><v>2</v></c></row>',
        "<row><c r='A1'/><c r='XFD1048576'><v>2</v></c></row>",
        '<row><c r="A1"/><c  r = "xfd1048576"><v>2</v></c></row>',
        '<x:row><x:c s="&gt;>" r="XFD1048576"><x:v>2</x:v></x:c></x:row>',
        '<row r="1048576">' + "<c><v>2</v></c>" * 16_000 + "</row>",
        '<row r="9"><c r="A9"/></row>' + "<row><c/></row>" * 10_000 + "<row>" + "<c/>" * 1_001,
    ],
    ids=["order", "quotes", "spaces", "prefix", "places by rows", "no places"],
)
def test_however_cells_say_where_they_are_none_is_too_far_out(rows):
    part = "xl/worksheets/sheet1.xml"
    sheet = f'<worksheet xmlns:x="http://x.example"><sheetData>{rows}</sheetData></worksheet>'
    content = changed(xlsx_of([["a"]]), {part: sheet.encode()})
    assert f"more than {CELLS_MAX} cells" in parse(XLSX, content).error


def test_a_sheet_that_places_every_cell_spans_what_they_do(monkeypatch):
    monkeypatch.setattr("connectors.readers.sheets.CELLS_MAX", 12)
    rows = [["a", "b", "c"]] * 4
    assert parse(XLSX, xlsx_of(rows)).error == ""
    assert "spans 5 rows by 3 columns" in parse(XLSX, xlsx_of([*rows, ["d"]])).error


def test_rows_beyond_a_thousand_columns_are_cut_and_told():
    parsed = parse(XLSX, xlsx_of([[f"c{n}" for n in range(1_002)]]))
    assert parsed.blocks[1].text.endswith("c999")
    assert list(parsed.notes) == ["1 rows were cut after 1000 columns"]


def test_what_unpacks_to_more_than_it_says_never_reaches_the_library():
    content = xlsx_of([["a", "b"]])
    at = content.index(b"xl/worksheets/sheet1.xml") - 30
    broken = content[: at + 22] + (10).to_bytes(4, "little") + content[at + 26 :]
    central = broken.rindex(b"xl/worksheets/sheet1.xml") - 46
    broken = broken[: central + 24] + (10).to_bytes(4, "little") + broken[central + 28 :]
    assert "damaged" in parse(XLSX, broken).error


def test_an_encrypted_spreadsheet_says_so():
    manifest = (
        b'<m:manifest xmlns:m="x"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    )
    assert (
        "encrypted"
        in parse(ODS, changed(ods_of([["a"]]), {"META-INF/manifest.xml": manifest})).error
    )
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    assert "encrypted" in parse(XLSX, ole).error
    assert "damaged" in parse(XLS, ole[:8] + bytes(2_000)).error


@pytest.mark.parametrize(
    ("rows", "columns", "fits"), [(10, 20, True), (20_000, 1_000, False), (10**30, 1, False)]
)
def test_cells_that_are_repeated_without_an_end_never_reach_the_library(rows, columns, fits):
    content = zipfile.ZipFile(io.BytesIO(ods_of([["a"]]))).read("content.xml")
    content = content.replace(
        b"<table:table-row", b'<table:table-row table:number-rows-repeated="%d"' % rows
    )
    content = content.replace(
        b"<table:table-cell", b'<table:table-cell table:number-columns-repeated="%d"' % columns
    )
    parsed = parse(ODS, changed(ods_of([["a"]]), {"content.xml": content}))
    if fits:
        assert sum(one.text.count("a") for one in parsed.blocks[1:]) == rows * columns
    else:
        assert "delete what is repeated" in parsed.error


def test_empty_cells_that_are_repeated_to_the_edge_are_none():
    """As every program writes them."""
    content = zipfile.ZipFile(io.BytesIO(ods_of([["a", "b"]]))).read("content.xml")
    empty = b'<table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    content = content.replace(b"</table:table>", empty + b"</table:table>")
    assert read(changed(ods_of([["a"]]), {"content.xml": content}), ODS)[1] == ("table", "a | b")
