"""Doubts: what is taken for a person or an address, and has nothing that tells of one.

The field learned how letters, tickets and lists of addresses look. So a heading looks to it like
the first line of an address (`Installing`), a variable and its value like a street and its number.
What is taken for a person by its place alone is none where a manual has it, or a heading; elsewhere
an ordinary word or an abbreviation is at most an organisation's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import regex

from connectors.presidio.english_words import NAMES_AND_WORDS
from connectors.tagger.cleaning import ABBREVIATION_MAX, FUNCTION_WORDS, STREET_WORD
from connectors.tagger.value_forms import FoundValue
from connectors.tagger.word_features import LISTS

_ADDRESS, _PERSON = "STREET_ADDRESS", "PERSON"
_BLANK = regex.compile(r"\n[ \t]*+\n\s*+")
_EDGES = ".,'’:;\"“”‘*@()"
_LATIN = regex.compile(r"[\p{Latin}\p{M}\p{P}\p{S}\d\s]++")
_TITLED = regex.compile(rf"\b(?:{'|'.join(sorted(LISTS['title']))})\.?[ ]\Z", regex.IGNORECASE)
_IN = regex.compile(r"\b(?:in|into|speak|speaks|spoke)[ ]\Z", regex.IGNORECASE)
_WHAT = regex.compile(r"\bwhat(?:['’]s|[ ](?:is|are|was))[ ]\Z", regex.IGNORECASE)
_INTRODUCED = regex.compile(
    r"\b(?:i am|i['’]m|name is|name['’]s|call me|named|dear|hi|hey|hello|thanks|regards|"
    r"(?:my|our|his|her|their) \p{L}{1,20}),?\s\Z",
    regex.IGNORECASE,
)
_BEFORE_CHARS, _INTRODUCED_CHARS = 12, 30
"""Before a name, in which a title of its bearer stands, or what tells of a place, a language or a
thing: nobody asks what a person is. And in which somebody is introduced: `my colleague Quarx`."""
_CODE_LINE = regex.compile(
    r"[ \t]*+(?:>>>|\.\.\.[ ]|\$[ ]|@\w|def[ ]\w|class[ ]\w+[(:]|import[ ]\w"
    r"|from[ ][\w.]++[ ]import[ ]|[\w.]{1,64}[ ]=[ ][\w.]{1,64}\()"
)
_EPONYM = regex.compile(
    r"[ ](?:adjuvant|algorithm|anemia|anaemia|chorea|coefficient|criteria|distribution|equations?|"
    r"inequality|lymphoma|palsy|polynomials?|proportional[ ]hazards?|reaction|regression|sarcoma|"
    r"syndrome|theorem|virus|(?:exact|rank|rating|signed)[ ](?:scale|sum|test))(?![\p{L}\d\-])",
    regex.IGNORECASE,
)
"""What is called after somebody: behind a name without `'s`, by which it would be theirs. None of
these is a verb, which may stand behind anybody's name."""
_STANDING_DIGIT = regex.compile(r"(?<![\p{L}\d])\d")
_LONG_WORD = regex.compile(r"\p{L}{3}")
_CAPITAL = regex.compile(r"\p{Lu}")
_UNIT_WORD = regex.compile(
    rf"(?<!\p{{L}})(?:{'|'.join(sorted(LISTS['unit']))})(?!\p{{L}})", regex.IGNORECASE
)
_SENTENCE_END = (",", ".", "!", "?", ":", ";")
_OPENING_LINES = 2
"""Lines with which a part of a document begins: its title, and the headings above it."""


@dataclass(frozen=True)
class KnownNames:
    """What lists say of words."""

    named: Callable[[str], bool]
    """Whether people are called so, by first or last name."""
    ordinary: Callable[[str], bool]
    """Whether it is an English word of a kind in which few are names."""


def doubted(
    text: str, found: Sequence[FoundValue], manual: Sequence[int], known: KnownNames
) -> Iterator[FoundValue]:
    """Yield what was found, but for what is none, as what it may be."""
    for one in found:
        if one.kind == _PERSON:
            for start, end in _unbroken(text, one):
                if _is_eponym(text, start, end):
                    continue
                words = [word for part in text[start:end].split() if (word := part.strip(_EDGES))]
                if _is_told(text, start, end, words, known):
                    yield FoundValue(start, end, _PERSON, one.score)
                elif kind := _kind_by_place(text, start, end, words, manual, known):
                    introduced = is_introduced(text, start)
                    by_place = kind == _PERSON and not introduced
                    yield FoundValue(start, end, kind, one.score, by_place=by_place)
        elif one.kind == _ADDRESS:
            start, end = _numbered(text, one)
            if (start, end) != (one.start, one.end) and not _LONG_WORD.search(text, start, end):
                continue  # a bare number, which nothing announced
            if may_be_address(text[start:end]):
                yield one._replace(start=start, end=end)
            elif not manual[start]:
                yield one._replace(start=start, end=end, kind="LOCATION")
        else:
            yield one


def _unbroken(text: str, one: FoundValue) -> Iterator[tuple[int, int]]:
    """Cut a name at blank lines, which none has."""
    start = one.start
    for blank in _BLANK.finditer(text, one.start, one.end):
        yield start, blank.start()
        start = blank.end()
    yield start, one.end


def _is_told(text: str, start: int, end: int, words: Sequence[str], known: KnownNames) -> bool:
    """Tell whether more than its place tells of a person: lists of names, or a title."""
    return (
        not _LATIN.fullmatch(text, start, end)
        or any(known.named(part) for word in words for part in (word, *word.split("-")))
        or any(word.lower() in NAMES_AND_WORDS for word in words)
        or _TITLED.search(text, max(0, start - _BEFORE_CHARS), start) is not None
    )


def _is_eponym(text: str, start: int, end: int) -> bool:
    """Tell whether a name is part of a thing's: `Cox regression`, `Epstein-Barr virus`."""
    whole = not any(map(str.isspace, text[start:end])) and _EPONYM.match(text, end) is not None
    return whole and not _TITLED.search(text, max(0, start - _BEFORE_CHARS), start)


def is_introduced(text: str, start: int) -> bool:
    """Tell whether somebody is introduced or greeted by a name."""
    return _INTRODUCED.search(text, max(0, start - _INTRODUCED_CHARS), start) is not None


def _kind_by_place(
    text: str, start: int, end: int, words: Sequence[str], manual: Sequence[int], known: KnownNames
) -> str:
    """Say what a stretch is that its place has taken for a person; nothing, where it is no name."""
    told = [word for word in words if any(map(str.isalpha, word))]
    told = [*dropwhile(lambda word: word.lower() in FUNCTION_WORDS, told)]
    if not told or (len(told) < len(words) and "".join(told).islower()):
        return ""  # `I need`
    single, at_most = len(told) == 1, "" if manual[start] else "ORGANIZATION"
    if all(map(known.ordinary, told)):
        return at_most
    if not single:
        return _PERSON
    if manual[start] or _is_heading(text, start, end) or _is_code(text, start):
        return ""
    before = max(0, start - _BEFORE_CHARS)
    if _IN.search(text, before, start):
        return "LOCATION"
    short = told[0].isupper() and len(told[0]) <= ABBREVIATION_MAX
    first, last = _line_of(text, start, end)
    if (short and not text[first:last].isupper()) or _WHAT.search(text, before, start):
        return at_most
    return _PERSON


def _line_of(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the line begins in which a stretch stands, and where it ends."""
    behind = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, behind if behind >= 0 else len(text)


def _is_heading(text: str, start: int, end: int) -> bool:
    """Tell whether a word is alone on its line, with more behind a blank line, as a heading is.

    A name below `Regards,` is none.
    """
    first, last = _line_of(text, start, end)
    if text[first:last].strip(f"{_EDGES}#=-_ \t") != text[start:end].strip(_EDGES):
        return False
    if not _BLANK.match(text, last) or not text[last:].strip():
        return False
    before = text[:first].rstrip(" \t").removesuffix("\n").rstrip(" \t")
    if before.endswith(_SENTENCE_END):
        return False
    return before.endswith("\n") or before.count("\n") < _OPENING_LINES


def _is_code(text: str, start: int) -> bool:
    """Tell whether a line is a program's."""
    return _CODE_LINE.match(text, text.rfind("\n", 0, start) + 1) is not None


def _numbered(text: str, one: FoundValue) -> tuple[int, int]:
    """Leave out what stands beside an address behind a blank line, and has no number."""
    start, end = one.start, one.end
    for blank in _BLANK.finditer(text, one.start, one.end):
        if not _STANDING_DIGIT.search(text, blank.end(), one.end):
            end = blank.start()
            break
        if not _STANDING_DIGIT.search(text, one.start, blank.start()):
            start = blank.end()
    return start, end


def may_be_address(value: str) -> bool:
    """Tell whether anything of a value tells of a street, a house or a postcode.

    That is a word for it, or a number that stands by itself (`h11` is none) beside a word with a
    capital; or the number alone, since what stands around it was looked at before.
    """
    if STREET_WORD.search(value) or _UNIT_WORD.search(value) or not any(map(str.isalpha, value)):
        return True
    words = [word for word in value.split() if any(map(str.isalnum, word))]
    return (
        len(words) > 1
        and _STANDING_DIGIT.search(value) is not None
        and _LONG_WORD.search(value) is not None
        and _CAPITAL.search(value) is not None
    )
