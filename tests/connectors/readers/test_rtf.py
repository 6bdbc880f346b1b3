"""RTF: paragraphs and tables, and nothing that the library would take its time over."""

import time

import pytest

from connectors.readers.parsing import parse
from connectors.readers.rtf import NESTING_MAX, tamed
from tests.connectors.readers.written import RTF


def read(content):
    parsed = parse(RTF, content)
    assert not parsed.error
    return [(one.kind, one.text) for one in parsed.blocks]


def test_paragraphs_and_tables_are_told_apart():
    content = (
        rb"{\rtf1\ansi First.\par Caf\'e9 \u8364?\par"
        rb"\trowd Model\cell Flow\cell\row\trowd P1\cell 20\cell\row\pard Last.\par}"
    )
    assert read(content) == [
        ("paragraph", "First."),
        ("paragraph", "Café €"),
        ("table", "Model | Flow\nP1 | 20"),
        ("paragraph", "Last."),
    ]


def test_fonts_decide_the_charset():
    content = (
        rb"{\rtf1\ansi{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f7\fnil\fcharset204 Arial Cyr;}}"
        rb"\f7 \'cd\'e0\'f1\'ee\'f1\par}"
    )
    assert read(content) == [("paragraph", "Насос")]


def test_links_keep_their_text_and_pictures_are_told():
    link = rb'{\field{\*\fldinst{HYPERLINK "http://secret.example"}}{\fldrslt the manual}}'
    picture = rb"{\*\shppict{\pict{\*\picprop x}\pngblip 89504e47}}"
    content = rb"{\rtf1 See " + link + b"." + picture + rb"\par}"
    assert read(content) == [("paragraph", "See the manual.")]
    assert list(parse(RTF, content).notes) == ["1 pictures were not read"]


def test_what_stands_beside_the_text_is_told():
    content = (
        rb"{\rtf1\headery720{\header Head}{\footerr Foot} Text.{\footnote Note.} \\footnote"
        rb"{\*\annotation Remark.}{\shp{\*\shpinst{\shptxt Box.\par}}}\par}"
    )
    assert read(content) == [("paragraph", r"Text. \footnote")]
    assert list(parse(RTF, content).notes) == [
        "1 footnotes were not read",
        "1 comments were not read",
        "1 text boxes were not read",
        "2 headers and footers were not read",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no RTF file"),
        (b"text", "no RTF file"),
        (b"{\\rtf1 }", "no text"),
        (b"{\\rtf1 " + b"{" * NESTING_MAX, "nests 1001 groups"),
    ],
)
def test_what_can_not_be_read_says_why(content, says):
    error = parse(RTF, content).error
    assert says in error
    assert "submit" in error or "convert" in error


HOSTILE = {
    "fonts": lambda n: rb"{\rtf1{\fonttbl" + rb"\f0\fcharset" * n + b"}x}",
    "numbers of fonts": lambda n: rb"{\rtf1{\fonttbl" + rb"\f0\fcharset0" * n + b"}x}",
    "fields": lambda n: rb"{\rtf1 " + rb"{\field{\*\fldinst{ x}}y}" * n + b"}",
    "groups": lambda n: rb"{\rtf1 " + b"{x}" * n + b"}",
    "open pictures": lambda n: rb"{\rtf1 " + rb"{\pict 00" * 500 + b"0" * n + b"}",
    "binary": lambda n: rb"{\rtf1 x\pict\bin" + b"9" * n + b"}",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_work_grows_with_the_text(kind):
    """The library's patterns run no line of ours: so CPU time, of eight times the text."""
    make = HOSTILE[kind]
    parse(RTF, make(10))
    times = []
    for n in (4_000, 32_000):
        before = time.process_time()
        parse(RTF, make(n))
        times.append(time.process_time() - before)
    assert times[1] < 24 * max(times[0], 0.02)


def test_what_is_taken_out_is_no_text():
    content = rb"{\rtf1{\fonttbl{\f0\fcharset0 A;}}" + rb"\{pict\} \\field fonttbl}"
    assert read(content) == [("paragraph", r"{pict} \field fonttbl")]
    assert tamed(b"text") == b"text"
