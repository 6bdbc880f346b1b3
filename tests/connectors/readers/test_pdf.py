"""PDF files: in reading order, page by page, with tables and headings; what nobody sees is not read."""

import io
import tracemalloc

import pypdf
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader

from connectors.readers.parsing import parse, read_on
from connectors.readers.pdf_layout import ROWS_MAX, Layout
from connectors.readers.pdf_lines import PageLine
from tests.connectors.readers.test_work import lines_run
from tests.connectors.readers.written import PDF, drawn_pdf, pdf_of, png_of

PROSE = "The pump moves water through the valve and the seal keeps it there. " * 6


@pytest.fixture(autouse=True)
def _without_tesseract(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")


def read(content):
    parsed = parse(PDF, content)
    assert not parsed.error
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def notes(content):
    return list(parse(PDF, content).notes)


def test_headings_paragraphs_and_tables_come_in_order():
    table = [["Model", "Flow", "Price"], ["P1", "20", "7.50"], ["P2", "35", "9.00"]]
    content = pdf_of(
        [("h1", "Pumps"), PROSE, table, ("h2", "Care"), PROSE], [PROSE], title="A manual"
    )
    assert read(content) == [
        ("h1", "Pumps"),
        ("paragraph", PROSE.strip()),
        ("table", "Model | Flow | Price\nP1 | 20 | 7.50\nP2 | 35 | 9.00"),
        ("h2", "Care"),
        ("paragraph", PROSE.strip()),
        ("paragraph", PROSE.strip()),
    ]
    assert parse(PDF, content).title == "A manual"
    assert notes(content) == []


def test_bookmarks_name_headings_however_they_are_set():
    def page(canvas):
        canvas.drawString(72, 700, "1.2  Small Print")
        canvas.drawString(72, 650, "A sentence that stands below the heading.")
        canvas.bookmarkPage("a")
        canvas.addOutlineEntry("Top", "a", level=0)
        canvas.addOutlineEntry("1.2 Small print", "a", level=1)

    assert read(drawn_pdf(page))[0] == ("h2", "1.2 Small Print")


def test_words_that_are_divided_at_the_end_of_a_line_are_joined():
    def page(canvas):
        canvas.drawString(72, 700, "The valve is made of stain-")
        canvas.drawString(72, 686, "less steel.")

    assert read(drawn_pdf(page)) == [("paragraph", "The valve is made of stainless steel.")]


def test_columns_of_prose_are_no_table():
    def page(canvas):
        for at in range(20):
            canvas.drawString(60, 700 - 14 * at, "The pump moves water through the valves and the")
            canvas.drawString(330, 700 - 14 * at, "seal keeps the rest of it where it should be.")

    assert {kind for kind, _ in read(drawn_pdf(page, pagesize=A4))} == {"paragraph"}


def test_text_that_nobody_sees_is_left_out_and_told():
    def page(canvas):
        canvas.drawString(72, 700, "Seen by all.")
        canvas.drawString(5_000, 700, "secret beside the page")
        text = canvas.beginText(72, 600)
        text.setTextRenderMode(3)
        text.textLine("secret without ink")
        canvas.drawText(text)

    content = drawn_pdf(page)
    assert read(content) == [("paragraph", "Seen by all.")]
    assert notes(content) == [
        "1 lines outside of their pages were left out",
        "1 lines of invisible text were left out",
    ]


def picture(canvas):
    canvas.drawImage(ImageReader(io.BytesIO(png_of(100, 100))), 72, 72, 400, 600)


def test_invisible_text_under_a_picture_is_what_a_scanner_recognised():
    def page(canvas):
        picture(canvas)
        text = canvas.beginText(72, 600)
        text.setTextRenderMode(3)
        text.textLine("Recognised words")
        canvas.drawText(text)

    content = drawn_pdf(page)
    assert read(content) == [("paragraph", "Recognised words")]
    assert notes(content) == ["pages 1 of 1 hold what a scanner recognised, which may err"]


def test_pages_that_hold_no_text_are_named_and_blank_ones_are_not():
    def said(canvas):
        canvas.drawString(72, 700, "A page with text.")

    content = drawn_pdf(said, picture, picture, lambda canvas: None, said, picture)
    assert [text for _, text in read(content)] == ["A page with text."] * 2
    [note] = notes(content)
    assert note.startswith("pages 2-3, 6 of 6 held no text (")
    assert "install Tesseract" in note
    assert parse(PDF, content).parser_version.endswith(", without tesseract")
    error = parse(PDF, drawn_pdf(picture)).error
    assert "holds no text: pages 1 of 1 held no text" in error
    assert "install Tesseract" in error


def test_a_layer_of_characters_that_stand_for_none_is_no_text():
    lines = [PageLine("\ue001\ue002\ue003 ab", 0, 0, 50, 10, 10)]
    from connectors.readers.pdf import _is_gibberish

    assert _is_gibberish(lines)
    assert not _is_gibberish([PageLine("\ue001 is a mark of a private font", 0, 0, 50, 10, 10)])


def test_an_encrypted_file_says_so_and_one_with_an_empty_password_is_read():
    def locked(password):
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of(["secret words"])))
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
        file = io.BytesIO()
        writer.write(file)
        return file.getvalue()

    error = parse(PDF, locked("x")).error
    assert "encrypted" in error
    assert "secret" not in error
    assert read(locked("")) == [("paragraph", "secret words")]


def test_scripts_from_right_to_left_and_others_are_read():
    def page(canvas):
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont

        pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(72, 700, "水泵的维护")

    assert read(drawn_pdf(page)) == [("paragraph", "水泵的维护")]


@pytest.mark.slow
def test_memory_stays_flat_over_hundreds_of_pages():
    def page(canvas):
        for at in range(40):
            canvas.drawString(60, 800 - 18 * at, "The pump moves water through the valve and on.")

    def peak_bytes(pages):
        content = drawn_pdf(*[page] * pages, pagesize=A4)
        tracemalloc.start()
        number = sum(1 for _ in read_on(PDF, content, 1))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert number > pages
        return peak

    peak_bytes(1)  # what is made once, and would hide what is kept
    few, many = peak_bytes(20), peak_bytes(600)
    assert many < 2 * few + 500_000


def hostile_page(lines):
    """Lines that each may begin a table and never do: two columns of prose in cells."""
    prose = "x" * 60
    cells = [PageLine(prose, left, 0, left + 100, 10, 10) for left in (0, 200)]
    return [
        PageLine(f"{prose} {prose}", 0, -12.0 * n, 300, 10 - 12.0 * n, 10, True, True,
                 tuple(PageLine(c.text, c.left, -12.0 * n, c.right, 10 - 12.0 * n, 10) for c in cells))
        for n in range(lines)
    ]  # fmt: skip


def test_work_grows_with_the_lines_of_a_page():
    small, large = hostile_page(ROWS_MAX), hostile_page(4 * ROWS_MAX)

    def work(lines):
        return lines_run(lambda: list(Layout().blocks(lines, {})))

    assert work(large) < 8 * work(small)


def test_filled_fields_and_comments_are_told():
    def form(canvas):
        canvas.drawString(72, 700, "A form.")
        canvas.acroForm.textfield(name="filled", value="Ann", x=72, y=600, width=99, height=20)
        canvas.acroForm.textfield(name="empty", value="", x=72, y=500, width=99, height=20)
        canvas.acroForm.checkbox(name="box", x=72, y=450)
        canvas.textAnnotation("A remark.", (72, 400, 100, 420))
        canvas.linkURL("https://x.example", (72, 300, 100, 320))

    assert notes(drawn_pdf(form, form)) == ["4 filled fields of forms and comments were not read"]
