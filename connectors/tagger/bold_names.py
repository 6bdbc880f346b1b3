"""Names in prose that the field leaves out: words that no list has, and institutions by one noun.

In manuals it is otherwise: there capitals are headings', and words that no list has are code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import regex

from agents.personal.foreign_texts import language_told
from connectors.presidio.entities import LANGUAGES
from connectors.tagger.doubted import is_introduced
from connectors.tagger.value_forms import FoundValue

UNLISTED_SCORE = 0.5
INSTITUTION_SCORE = 0.6
SPOKEN = LANGUAGES | {""}
"""Languages of texts in which capitals make names; nobody can tell that of most short texts."""
_CAPITALISED = regex.compile(
    r"(?<![\p{L}\d])(?!\p{Lu}++s(?![\p{L}\d\-]))(?=[\p{Ll}\d]*+\p{Lu})"
    r"[\p{Latin}\d][\p{Latin}\d\-]{2,63}+(?![\p{L}\d])"
)
"""Three letters at least, a capital among the first; not the plural of an abbreviation."""
_INSTITUTION = regex.compile(
    r"\b[Tt]he[ ](?<word>Alliance|Allies|Army|Assembly|Bundestag|Confederacy|Congress|Federation|"
    r"Kremlin|League|Legion|Navy|Parliament|Politburo|Senate|Union|University|Vatican)(?![\p{L}\d-])"
)
"""What a text calls by the noun alone, once it is known which is meant."""
_THE = regex.compile(r"(?<=\p{Ll},?[ ])The(?:[ ]\p{Lu}\p{Ll}++){1,2}+(?!\p{L}|[ ]\p{Lu})")
"""An article with a capital within a sentence belongs to a name; to a title, if it is longer."""


def unlisted(
    text: str, bold: bytes, named: bytes, listed: Callable[[str], bool]
) -> Iterator[FoundValue]:
    """List words with capitals that a bold look marks, nothing has found, and no list has."""
    words = [
        word
        for word in _CAPITALISED.finditer(text)
        if any(bold[word.start() : word.end()])
        and not any(named[word.start() : word.end()])
        and not any(map(listed, word[0].split("-")))
    ]
    if words and language_told(text) in SPOKEN:
        for word in words:
            kind = "PERSON" if word[0].istitle() else "ORGANIZATION"
            by_place = kind == "PERSON" and not is_introduced(text, word.start())
            yield FoundValue(*word.span(), kind, UNLISTED_SCORE, by_place=by_place)


def institutions(text: str, manual: Sequence[int]) -> Iterator[FoundValue]:
    """List what prose names by one noun, or behind an article with a capital: the League."""
    for pattern, group in ((_INSTITUTION, "word"), (_THE, 0)):
        for match in pattern.finditer(text):
            if not manual[match.start()]:
                yield FoundValue(*match.span(group), "ORGANIZATION", INSTITUTION_SCORE)
