"""Work on formats grows with the document: our lines are counted for four times as much of it."""

import pytest

from connectors.readers.drawing import chart
from connectors.readers.markup import xml_of
from connectors.readers.parsing import parse
from tests.connectors.readers.test_docx import body as docx_body
from tests.connectors.readers.test_opendocument import body as odt_body
from tests.connectors.readers.test_work import lines_run
from tests.connectors.readers.written import (
    DOCX,
    EPUB,
    ODT,
    PPTX,
    RTF,
    XLSX,
    changed,
    epub_of,
    pptx_of,
    xlsx_of,
)

P = "<w:p><w:r><w:t>word</w:t></w:r></w:p>"
ITEM = '<w:p><w:pPr><w:numPr><w:ilvl w:val="8"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>'
RUN = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r>"
ODT_P, ODT_CELL = "<text:p>word</text:p>", "<table:table-cell><text:p>a</text:p></table:table-cell>"


def slide(n: int) -> bytes:
    shape = "<p:sp><p:nvSpPr/><p:txBody><a:p><a:r><a:t>word</a:t></a:r></a:p></p:txBody></p:sp>"
    xml = (
        f'<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>{shape * n}</p:spTree></p:cSld></p:sld>'
    )
    return changed(pptx_of("a", "b"), {"ppt/slides/slide1.xml": xml})


def spine(n: int) -> bytes:
    """A book whose spine names one chapter again and again."""
    return epub_of("<p>word</p>" * 50, spine='<itemref idref="c0"/>' * n)


DOCUMENTS = {
    "paragraphs": (DOCX, lambda n: docx_body(f"<w:sdt><w:sdtContent>{P * n}</w:sdtContent></w:sdt>")),
    "paragraphs in paragraphs": (DOCX, lambda n: docx_body(f"<w:p><w:r>{P * n}</w:r></w:p>")),
    "runs that are hidden": (DOCX, lambda n: docx_body(f"<w:p>{RUN * n}</w:p>")),
    "items": (DOCX, lambda n: docx_body(f"<w:sdt><w:sdtContent>{ITEM * n}</w:sdtContent></w:sdt>")),
    "rows": (DOCX, lambda n: docx_body(f"<w:tbl>{f'<w:tr><w:tc>{P}</w:tc></w:tr>' * n}</w:tbl>")),
    "cells": (DOCX, lambda n: docx_body(f"<w:tbl><w:tr>{f'<w:tc>{P}</w:tc>' * n}</w:tr></w:tbl>")),
    "tables in a cell": (
        DOCX,
        lambda n: docx_body(f"<w:tbl><w:tr><w:tc>{f'<w:tbl><w:tr><w:tc>{P}</w:tc></w:tr></w:tbl>' * n}</w:tc></w:tr></w:tbl>"),
    ),
    "shapes": (PPTX, slide),
    "odt paragraphs": (ODT, lambda n: odt_body(ODT_P * n)),
    "odt notes": (ODT, lambda n: odt_body(f"<text:p>{'<text:note><text:p>a</text:p></text:note>' * n}</text:p>")),
    "odt items": (ODT, lambda n: odt_body(f"<text:list>{f'<text:list-item>{ODT_P}</text:list-item>' * n}</text:list>")),
    "odt cells": (ODT, lambda n: odt_body(f"<table:table><table:table-row>{ODT_CELL * n}</table:table-row></table:table>")),
    "spine": (EPUB, spine),
    "sheet rows": (XLSX, lambda n: xlsx_of([["a", "b"]] * n)),
    "sheet columns": (XLSX, lambda n: xlsx_of([["a"] * min(n, 900)] * 2)),
    "rtf groups": (RTF, lambda n: b"{\\rtf1 " + b"{a}" * n + b"}"),
    "rtf rows": (RTF, lambda n: b"{\\rtf1 " + b"a\\cell b\\cell\\row " * n + b"}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_work_grows_with_the_document(kind):
    media_type, make = DOCUMENTS[kind]
    small, large = make(200), make(800)
    parse(media_type, small)  # so that what is loaded once is not counted

    def work(content):
        return lines_run(parse, media_type, content)

    assert work(large) < 5 * work(small)


def test_a_chart_of_many_series_is_cut_where_excel_ends():
    """Each row of its table has all of them, so that they are squared."""

    def work(series):
        point = '<c:ser><c:val><c:pt idx="{}"><c:v>1</c:v></c:pt></c:val></c:ser>'
        xml = "".join(point.format(n) for n in range(series))
        root = xml_of(f'<c:c xmlns:c="c">{xml}</c:c>'.encode(), "x")
        return lines_run(lambda: list(chart(root)))

    assert work(4_000) < 1.5 * work(1_000)
