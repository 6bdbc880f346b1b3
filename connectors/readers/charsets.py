"""Charsets: which there are, how documents name them, and how 0.1.0 chose one.

What is read today goes through `guessing.py`.
"""

from __future__ import annotations

import codecs
import re

from connectors.readers.guards import refuse_binary, refuse_other_formats

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python's codecs that turn bytes into characters, each in time that grows with the bytes alone: the
# charsets of the WHATWG Encoding Standard and the older ones that Python knows beside them. What is
# not among them is not used: punycode takes quadratic time, idna raises errors of its own kind,
# unicode-escape is a programmer's notation, and a codec that a library registers may be anything.
# fmt: off
_CHARSETS = frozenset((
    "ascii", "utf-8", "utf-8-sig", "utf-7", "utf-16", "utf-16-le", "utf-16-be",
    "utf-32", "utf-32-le", "utf-32-be",
    *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
    *(f"cp{page}" for page in range(1250, 1259)),
    *(f"cp{page}" for page in (
        437, 720, 737, 775, 850, 852, 855, 856, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869,
        874, 932, 949, 950, 1006, 1125,
    )),
    "cp037", *(f"cp{page}" for page in (273, 424, 500, 875, 1026, 1140)),  # EBCDIC
    "koi8-r", "koi8-u", "koi8-t", "kz1048", "ptcp154", "palmos", "hp-roman8", "tis-620",
    *(f"mac-{name}" for name in (
        "arabic", "croatian", "cyrillic", "farsi", "greek", "iceland", "latin2", "roman",
        "romanian", "turkish",
    )),
    "big5", "big5hkscs", "gb2312", "gbk", "gb18030", "hz", "euc_kr", "johab",
    "euc_jp", "euc_jis_2004", "euc_jisx0213", "shift_jis", "shift_jis_2004", "shift_jisx0213",
    "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3",
    "iso2022_jp_ext", "iso2022_kr",
))
# fmt: on
# Labels that pages use for a superset of the charset they name (WHATWG Encoding Standard).
_LABELS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-7": "utf-8",
    "utf-16": "utf-8",  # whoever can read the label is not reading UTF-16
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
    "utf-32": "utf-8",
}
_CHARSET = re.compile(r"charset\s*+=\s*+[\"']?\s*+([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
_META = re.compile(rb"<(?:meta\b[^>]{0,500}|\?xml\b[^>]{0,200})>", re.IGNORECASE)
_ENCODING = re.compile(r"encoding\s*+=\s*+[\"']([\w.:-]{1,40})", re.ASCII)


def declared_charset(text: str) -> str:
    """Find the charset in the parameters of a media type, or in a meta tag."""
    label = _CHARSET.search(text) or _ENCODING.search(text)
    return label.group(1) if label else ""


def declared_in(kind: str, content: bytes) -> str:
    """Find the charset that an HTML page declares about itself."""
    if kind not in ("text/html", "application/xhtml+xml", "application/xml"):
        return ""
    for tag in _META.finditer(content[:65_536]):
        if charset := declared_charset(tag.group().decode("latin-1")):
            return charset
    return ""


def decode(content: bytes, declared: str) -> str:
    """Turn bytes into characters.

    A byte order mark decides; then UTF-8, which other charsets hit by chance only without letters
    of their own; then what is declared; then UTF-16 or UTF-32 by their zeros; then Windows-1252.
    Raises UnreadableDocument for what is not text.
    """
    for mark, name in BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    refuse_other_formats(content)
    if wide := wide_by_zeros(content):
        return content.decode(wide, errors="replace")
    refuse_binary(content)
    charset = known_charset(declared)
    if charset.startswith("iso2022") or charset == "hz":  # looks like ASCII, and is not
        return content.decode(charset, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # a torn character at the end, or some noise, does not make UTF-8 another charset
        if charset == "utf-8" or looks_mostly_utf8(content):
            return content.decode("utf-8", errors="replace")
    try:
        return content.decode(charset or "cp1252")
    except UnicodeDecodeError:
        return content.decode(charset or "latin-1", errors="replace")


def known_charset(label: str) -> str:
    """Name Python's codec for a charset's label; empty where there is none."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    return _LABELS.get(name, name) if name in _CHARSETS else ""


def looks_mostly_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8 but for some noise."""
    text = content.decode("utf-8", errors="replace")
    beyond_ascii = sum(character > "\x7f" for character in text)
    return text.count("\ufffd") * 4 < beyond_ascii


def wide_by_zeros(content: bytes) -> str:
    """Recognise UTF-16 and UTF-32 without a mark by where the zeros of Latin text stand."""
    sample = content[:4_096]
    if len(sample) < 4:
        return ""
    high = [sample[at::4].count(0) * 8 > len(sample) for at in range(4)]  # more than half of them
    patterns = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return patterns.get((high[0], high[1], high[2], high[3]), "")
