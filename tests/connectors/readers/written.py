"""Documents of each format, written by other libraries than those that read, or byte by byte."""

import io
import struct
import zipfile
import zlib

import docx
import odfdo
import openpyxl
import pptx
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
EPUB, RTF, PDF = "application/epub+zip", "application/rtf", "application/pdf"


def saved(document) -> bytes:
    """The bytes of a document of a library that saves into a file."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def docx_of(*paragraphs: str) -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    return saved(document)


def pptx_of(title: str, body: str, notes: str = "") -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = title, body
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    return saved(deck)


def xlsx_of(rows, name: str = "Sheet1") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    return saved(book)


def odt_of(*paragraphs: str) -> bytes:
    document = odfdo.Document("text")
    document.body.clear()
    for text in paragraphs:
        document.body.append(odfdo.Paragraph(text))
    return saved(document)


def ods_of(rows, name: str = "Sheet1") -> bytes:
    document = odfdo.Document("spreadsheet")
    document.body.clear()
    table = odfdo.Table(name)
    table.set_values(rows)
    document.body.append(table)
    return saved(document)


def odp_of(*pages: tuple[str, str]) -> bytes:
    document = odfdo.Document("presentation")
    document.body.clear()
    for name, text in pages:
        page = odfdo.DrawPage(name, name=name)
        page.append(odfdo.Frame.text_frame(text))
        document.body.append(page)
    return saved(document)


def zip_of(entries: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(archive: bytes, entries: dict[str, bytes | None]) -> bytes:
    """A ZIP file with other entries in place of some, or without them."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        kept = {name: opened.read(name) for name in opened.namelist()}
    return zip_of({name: data for name, data in (kept | entries).items() if data is not None})


def epub_of(*chapters: str, title: str = "A book", spine: str | None = None) -> bytes:
    items = "".join(
        f'<item id="c{n}" href="text/c{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    if spine is None:
        spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    return zip_of(
        {
            "mimetype": EPUB,
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OEBPS/text/c{n}.xhtml": text for n, text in enumerate(chapters)},
        }
    )


def pdf_of(*pages: list, **how) -> bytes:
    """A PDF file by reportlab: pages of paragraphs, headings ("h1", text) and tables (lists)."""
    styles = getSampleStyleSheet()
    flow = []
    for page in pages:
        for one in page:
            if isinstance(one, list):
                flow.append(Table(one))
            elif isinstance(one, tuple):
                flow.append(Paragraph(one[1], styles[{"h1": "Heading1", "h2": "Heading2"}[one[0]]]))
            else:
                flow.append(Paragraph(one, styles["BodyText"]))
        flow.append(PageBreak())
    file = io.BytesIO()
    SimpleDocTemplate(file, **how).build(flow)
    return file.getvalue()


def drawn_pdf(*pages, **how) -> bytes:
    """A PDF file of pages that functions draw on a canvas."""
    file = io.BytesIO()
    canvas = Canvas(file, **how)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A white PNG image; what it says of its size is true, however large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" + b"\xff" * -(-width // 8)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


WRITTEN = {
    PDF: pdf_of(["Some text."]),
    DOCX: docx_of("Some text."),
    PPTX: pptx_of("A title", "Some text."),
    XLSX: xlsx_of([["Some text.", "more"]]),
    XLS: xlsx_of(
        [["Some text.", "more"]]
    ),  # no library writes old ones; this is read by what it is
    ODT: odt_of("Some text."),
    ODS: ods_of([["Some text.", "more"]]),
    ODP: odp_of(("A slide", "Some text.")),
    EPUB: epub_of("<html><body><p>Some text.</p></body></html>"),
    RTF: b"{\\rtf1\\ansi Some text.\\par}",
}
"""The smallest that says something, by media type."""
