"""Bytes to characters: whatever a document says that it is, nothing is lost that was there."""

import codecs
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers import charsets
from connectors.readers.charsets import _CHARSETS, declared_charset, declared_in
from connectors.readers.guards import UnreadableDocument
from connectors.readers.guessing import decoded


def decode(content, declared):
    """Read by the rules of today, which differ from those of 0.1.0 only where they guess."""
    today = decoded(content, declared)
    if not today.note:
        assert charsets.decode(content, declared) == today.text
    return today.text


# the charsets that pages still come in, and a text that each can write
WRITTEN = {
    "iso-8859-1": "Grüße, señor",
    "iso-8859-2": "Łódź, žena",
    "iso-8859-5": "Привет, мир",
    "iso-8859-7": "Καλημέρα κόσμε",
    "iso-8859-15": "Œuvre à 5 €",
    "koi8-r": "Привет, мир",
    "windows-1250": "Łódź, žena",
    "windows-1251": "Привет, мир",
    "windows-1256": "مرحبا بالعالم",
    "windows-1257": "Ąžuolas ir ėglė",
    "gbk": "简体中文网页",
    "gb18030": "简体中文㐀网页",
    "big5": "繁體中文網頁",
    "shift_jis": "日本語のページ",
    "euc-jp": "日本語のページ",
    "iso-2022-jp": "日本語のページ",
    "euc-kr": "한국어 페이지",
    "tis-620": "ภาษาไทย",
}


@pytest.mark.parametrize(("charset", "text"), WRITTEN.items())
def test_a_declared_charset_is_read(charset, text):
    assert decode(text.encode(charset), charset) == text


@pytest.mark.parametrize(("charset", "text"), WRITTEN.items())
def test_utf_8_is_read_whatever_is_declared(charset, text):
    if charset != "iso-2022-jp":  # its escapes look like ASCII, so its label decides
        assert decode(text.encode(), charset) == text


@pytest.mark.parametrize(
    ("codec", "mark"),
    [
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_byte_order_mark_decides_and_is_no_part_of_the_text(codec, mark, text):
    assert decode(mark + text.encode(codec), "iso-8859-1") == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_utf_8_comes_back_as_it_was(text):
    if not text.encode().startswith((b"PK", b"GIF8", b"%PDF-", b"{\\rtf")):
        assert decode(text.encode(), "").removeprefix("\ufeff") == text.removeprefix("\ufeff")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["Some plain English text.", "Ein Satz über Łódź und mehr."])
def test_wide_characters_without_a_mark_are_told_by_their_zeros(codec, text):
    assert decode(text.encode(codec), "") == text


@given(st.binary(max_size=300), st.sampled_from(["", "utf-8", "iso-8859-1", "gbk", "rot13", "x"]))
def test_any_bytes_become_text_or_are_refused(content, declared):
    with contextlib.suppress(UnreadableDocument):
        assert isinstance(decode(content, declared), str)


NO_CHARSETS = [
    *("rot13", "hex", "base64", "zlib", "bz2", "quopri", "uu", "undefined", "charmap"),
    *("idna", "punycode", "unicode-escape", "raw-unicode-escape", "unicode_escape", "U-Escape"),
]


@pytest.mark.parametrize("label", NO_CHARSETS)
@pytest.mark.parametrize(
    ("content", "text"), [(b"plain text", "plain text"), (b"caf\xe9 \\u0041", "café \\u0041")]
)
def test_codecs_that_are_no_charsets_are_not_used(label, content, text):
    assert decode(content, label) == text


@pytest.mark.parametrize("charset", sorted(_CHARSETS))
@given(content=st.binary(max_size=60))
def test_every_charset_reads_any_bytes(charset, content):
    with contextlib.suppress(UnreadableDocument):
        assert isinstance(decode(b"\xff" + content, charset), str)


@pytest.mark.parametrize(
    ("content", "declared", "text"),
    [
        (b"caf\xe9", "", "café"),  # Windows-1252 where nothing is said
        (b"\x93quoted\x94 \x80", "iso-8859-1", "“quoted” €"),  # what pages mean by Latin-1
        (b"\x93quoted\x94", "ascii", "“quoted”"),
        ("Größe, Übermaß".encode() + b"\xff", "", "Größe, Übermaß\ufffd"),  # UTF-8, one byte torn
        ("Größe".encode() + b"\xff", "", "GrÃ¶ÃŸeÿ"),  # too little of it to tell
        (b"caf\xe9", "utf-8", "caf\ufffd"),
        (b"text", "utf-7", "text"),
        (b"+AOk-", "utf-7", "+AOk-"),
        (b"text", "utf-16", "text"),  # whoever can read the label is not reading UTF-16
        ("éé".encode() + b"\xff\xffa", "", "Ã©Ã©ÿÿa"),  # half of it torn: another charset
        (b"a\0", "", "a\0"),  # two bytes are too few to be told as wide
        (b"", "", ""),
    ],
)
def test_the_likelier_reading_is_taken(content, declared, text):
    assert decode(content, declared) == text


@pytest.mark.parametrize(
    ("parameters", "charset"),
    [
        ("charset=utf-8", "utf-8"),
        (" CHARSET = 'Latin-1' ; x=y", "Latin-1"),
        ('charset="iso-8859-2"', "iso-8859-2"),
        ("boundary=x", ""),
        ("", ""),
        ("charset=", ""),
        ("charset=" + "x" * 100, "x" * 40),
    ],
)
def test_the_charset_of_a_media_type_is_found(parameters, charset):
    assert declared_charset(parameters) == charset


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (b"<meta charset=koi8-r>", "koi8-r"),
        (b'<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=gbk">', "gbk"),
        (b"<meta name=author content=x><meta charset='big5'>", "big5"),
        (b'<?xml version="1.0" encoding="euc-kr"?>', "euc-kr"),
        (b"<p>charset=koi8-r</p>", ""),
        (b"<meta charset=", ""),
        (b" " * 70_000 + b"<meta charset=koi8-r>", ""),  # a page says it at its beginning
        (b"<meta " + b"x" * 600 + b" charset=koi8-r>", ""),
    ],
)
def test_the_charset_that_a_page_declares_is_found(content, charset):
    assert declared_in("text/html", content) == charset
    assert declared_in("text/plain", content) == ""
