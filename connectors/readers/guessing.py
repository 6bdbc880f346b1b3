"""Turn bytes into characters where nothing says in which charset they are, and say so.

`charsets.py` has what 0.1.0 did; here stands what it read as garbage without a word: UTF-16 without
a mark in scripts other than Latin, and older charsets without a label. charset-normalizer weighs
these by how natural their letters look. Windows-1252 is taken unless another is clearly likelier:
a few letters show nothing.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from importlib.metadata import version

from connectors.readers.charsets import BOMS, known_charset, looks_mostly_utf8, wide_by_zeros
from connectors.readers.guards import refuse_binary, refuse_misnamed, refuse_other_formats

SAMPLE_BYTES = 32_768  # from the first byte that is no ASCII
LETTERS_MIN = 12  # bytes beyond ASCII; fewer are too few to tell one charset from another
MARGIN = 0.02  # by which another charset must look more natural than Windows-1252
COMMON_MIN = 0.97  # share of characters that texts in UTF-16 consist of
# fmt: off
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "iso8859_2",
    "iso8859_5", "iso8859_7", "koi8_r", "cp866", "cp874", "mac_roman", "gb18030", "big5", "cp932",
    "euc_jp", "cp949",
]
# fmt: on
_OF_SEVERAL_BYTES = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_COMMON = re.compile(
    "[\t\n\r\x20-\x7e\xa0-\u024f\u0370-\u03ff\u0400-\u052f\u0590-\u05ff\u0600-\u06ff\u0900-\u097f"
    "\u0e00-\u0e7f\u2010-\u2027\u20a0-\u20bf\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
_SPACES = re.compile("[\n \u3000-\u3002\uff0c]")


@dataclass(frozen=True)
class DecodedText:
    """A text, and what is to be said of how it was found."""

    text: str
    note: str = ""
    helper: str = ""
    """The library that guessed, with its version."""


def decoded(content: bytes, declared: str) -> DecodedText:
    """Turn bytes into characters.

    A byte order mark decides; then UTF-16 and UTF-32 by their zeros or letters; then UTF-8, which
    other charsets hit by chance only without letters of their own; then what is declared; then
    what the letters suggest. Raises UnreadableDocument for what is not text.
    """
    for mark, name in BOMS:
        if content.startswith(mark):
            return DecodedText(content[len(mark) :].decode(name, errors="replace"))
    refuse_misnamed(content)
    refuse_other_formats(content)
    if wide := wide_by_zeros(content):
        return DecodedText(content.decode(wide, errors="replace"))
    charset = known_charset(declared)
    if charset in ("", "utf-8") and (wide := _wide_by_letters(content)):  # UTF-16's label, too
        note = "" if declared else f"no charset was declared: it was read as {wide} by its letters"
        return DecodedText(content.decode(wide, errors="replace"), note)
    refuse_binary(content)
    if charset.startswith("iso2022") or charset == "hz":  # looks like ASCII, and is not
        return _by(content, charset)
    try:
        return DecodedText(content.decode("utf-8"))
    except UnicodeDecodeError:
        # a torn character at the end, or some noise, does not make UTF-8 another charset
        if charset == "utf-8" or looks_mostly_utf8(content):
            return _by(content, "utf-8")
    return _by(content, charset) if charset else _guessed(content, declared)


def _by(content: bytes, charset: str) -> DecodedText:
    try:
        return DecodedText(content.decode(charset))
    except UnicodeDecodeError:
        note = f"some bytes are no characters of {charset}, as which the document was read"
        return DecodedText(content.decode(charset, errors="replace"), note)


def _guessed(content: bytes, declared: str) -> DecodedText:
    from charset_normalizer import from_bytes

    first = _BEYOND_ASCII.search(content)
    start = max(0, first.start() - 1_024) if first else 0
    sample = content[start : start + SAMPLE_BYTES]
    charset = "cp1252"
    if len(_BEYOND_ASCII.findall(sample)) >= LETTERS_MIN:
        matches = from_bytes(sample, cp_isolation=_CANDIDATES, preemptive_behaviour=False)
        best = matches.best()
        if best is not None and not any(
            "cp1252" in match.could_be_from_charset
            and match.chaos <= best.chaos + MARGIN
            and match.coherence >= best.coherence - MARGIN
            for match in matches
        ):
            sure = best.coherence > 0 or best.encoding in _OF_SEVERAL_BYTES
            charset = best.encoding if sure else charset
    note = f"no charset was declared: it was read as {codecs.lookup(charset).name} by its letters"
    try:
        text = content.decode(charset)
    except UnicodeDecodeError:
        text = content.decode("latin-1" if charset == "cp1252" else charset, errors="replace")
    helper = f"charset-normalizer {version('charset-normalizer')}"
    return DecodedText(text, _declared_note(declared, note), helper)


def _declared_note(declared: str, note: str) -> str:
    """Say what is wrong with what was declared."""
    if not declared:
        return note
    return note.replace("no charset was declared", "the declared charset is not known, or not its")


def _wide_by_letters(content: bytes) -> str:
    """Recognise UTF-16 without a mark in any script, by what its characters would be."""
    sample = content[:4_096]
    if len(sample) < 16 or len(content) % 2 or _is_utf8(sample):
        return ""
    shares = {name: _common_share(sample, name) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=lambda name: (shares[name], name))
    return best if shares[best] >= COMMON_MIN and min(shares.values()) < shares[best] else ""


def _is_utf8(sample: bytes) -> bool:
    """Whether bytes are UTF-8, but for a character that the end tears."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return b"\0" not in sample


def _common_share(sample: bytes, name: str) -> float:
    """Measure how much of a sample would be characters that texts consist of, spaces among them."""
    text = sample.decode(name, errors="replace")
    if not _SPACES.search(text):
        return 0.0
    return len(_COMMON.findall(text)) / len(text)
