"""Cleaning: what the field marks, cut to the value, or dropped where it can be none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import regex

from agents.conversation.english import ENGLISH
from connectors.presidio.english_words import NAMES_AND_WORDS
from connectors.presidio.entities import CODE, DATED
from connectors.presidio.stretches import parts
from connectors.tagger.checksums import digits_of
from connectors.tagger.code_markup import Code
from connectors.tagger.field import Tagged
from connectors.tagger.numbers import PHONE_DIGITS, may_be_phone
from connectors.tagger.value_forms import FoundValue
from connectors.tagger.word_features import LISTS, STREET_ENDINGS

KINDS = {
    "PERSON": "PERSON",
    "LOC": "LOCATION",
    "ADDR": "STREET_ADDRESS",
    "ORG": "ORGANIZATION",
    "NRP": "NRP",
    "DATE": "DATE_TIME",
    "AGE": "AGE",
    "PHONE": "PHONE_NUMBER",
}
NAMES = frozenset({"PERSON", "LOC", "ORG", "NRP"})
NAME_KINDS = frozenset(KINDS[label] for label in NAMES)
ABBREVIATION_MAX = 5  # letters
_INITIALS = 3
"""Letters of a word whose full stop may be no sentence's end."""
_OPENING = regex.compile(r"[\s,;:.()\[\]*_\"'“”‘’|>#\-]++")
_CLOSING = frozenset(',;:()[]*_"“”‘’|<#-')
_CLOSING_WORD = regex.compile(r"(?:['’]s?|\sand)\Z")
_FIRST_WORD = regex.compile(r"(\p{L}{2,12}\.?)\s+")
_BEFORE_NAMES = (
    LISTS["title"]
    - {"don", "king", "lady", "lord", "major", "prince", "princess", "queen", "saint"}
) | {"the"}
_HOUSE_BEFORE = regex.compile(r"(?<![\p{L}\d.,])\d{1,6}\p{L}?[ ]$")
_HOUSE_AFTER = regex.compile(r",?[ ]\d{1,5}[ ]?[a-zA-Z]?(?![\p{L}\d]|[.,]\d)")
STREET_WORD = regex.compile(
    rf"\b(?:{'|'.join(sorted(LISTS['street'] - {'st', 'tie'}))})\b"
    rf"|\p{{L}}{{3}}(?:{'|'.join(STREET_ENDINGS)})\b",
    regex.IGNORECASE,
)
_GROUPED = regex.compile(r"[+(]|^0|\d[ .\-/]\d")
_ANNOUNCED_POSTCODE = regex.compile(
    r"\b(?:zip|post(?:al)?|plz|postcode|code postal)\b[^\d\n]{0,14}$", regex.IGNORECASE
)
_AGED = regex.compile(
    r"\b(?:aged?|turn(?:ed|ing|s)?|old|y/o|yrs?|years?|birthday|retired)\b", regex.IGNORECASE
)
_QUANTITY = regex.compile(r"[\d\s.,:/|x×%\-]+")
_LETTERS = regex.compile(r"\p{L}{2}")
_NO_NAMES = """
ssn cpu ssd api id pin url pdf ip hello json sql http ui cli dvd cd ceo ceos team all everyone
folks sir madam support customer customers colleagues when if dear hi hey faq mobile phone desk
fax tel email office name address street todo readme null true false aws ok yes no god lord bible
"""
NO_NAMES = frozenset(_NO_NAMES.split())
_FORMS = frozenset({"GmbH", "KGaA", "ApS", "SpA"})
"""Of companies, spelt as code is."""
FUNCTION_WORDS = (
    ENGLISH.function | ENGLISH.determiners | ENGLISH.pronouns | ENGLISH.prepositions
) - NAMES_AND_WORDS
_DETERMINED = regex.compile(
    r"\b(?:the|an?|this|that|each|every|any|our|its)\s+\Z", regex.IGNORECASE
)
"""What a common noun stands behind, and no person's name: `the amber mill`."""
_AROUND = 16
"""Characters around a number that tell whether it is an age."""


def cleaned(text: str, tagged: Iterable[Tagged], code: Code, score: float) -> Iterator[FoundValue]:
    """Turn what the field marks into what is found."""
    for one in tagged:
        names = one.label in NAMES
        cut = parts(text, one.start, one.end) if names else ((one.start, one.end),)
        for part in cut:
            start, end = _trimmed(text, *part, titles=names)
            label = _label(text, start, end, one.label) if start < end else ""
            if names and (code.holds(start, end) or _no_name(text[start:end])):
                continue
            if label == "PERSON" and _is_common(text, start, end):
                continue
            if label == "PERSON" and _is_abbreviation(text, start, end):
                label = "ORG"
            if label == "LOC" and STREET_WORD.search(text, start, end):
                label, start, end = _address(text, start, end)
            elif label == "ADDR":
                start = _with_house(text, start)
            if label:
                yield FoundValue(start, end, KINDS[label], score)


def _is_common(text: str, start: int, end: int) -> bool:
    """Tell whether a word that may be a name stands as a common noun: small, and determined."""
    word = text[start:end]
    small = word.islower() and " " not in word
    return small and _DETERMINED.search(text, max(0, start - _AROUND), start) is not None


def _is_abbreviation(text: str, start: int, end: int) -> bool:
    """Tell whether a word is short for something: of few capitals, and determined, the MPL."""
    word = text[start:end]
    short = word.isupper() and len(word) <= ABBREVIATION_MAX and " " not in word
    determined = _DETERMINED.search(text, max(0, start - _AROUND), start) if short else None
    return determined is not None and not determined[0].isupper()


def is_unknown(text: str, found: FoundValue, listed: Callable[[str], bool]) -> bool:
    """Tell whether a name is one word in small letters that no list has, as programs have them.

    Nothing but where it stands tells of such a word, and that tells of programs what it tells of
    people: `Does httpx need certifi?`
    """
    word = text[found.start : found.end]
    small = word.islower() and word.isascii() and word.isalpha()
    return small and found.kind in NAME_KINDS and not listed(word)


def _address(text: str, start: int, end: int) -> tuple[str, int, int]:
    """Take a street with its number for an address; one without a number is a place."""
    house = _HOUSE_AFTER.match(text, end)
    with_house = _with_house(text, start)
    if house:
        return "ADDR", with_house, house.end()
    numbered = with_house < start or any(map(str.isdigit, text[start:end]))
    return "ADDR" if numbered else "LOC", with_house, end


def _with_house(text: str, start: int) -> int:
    """Take the number before an address into it: 541 Avenida Pedro."""
    number = _HOUSE_BEFORE.search(text, max(0, start - _AROUND), start)
    return number.start() if number else start


def _trimmed(text: str, start: int, end: int, *, titles: bool) -> tuple[int, int]:
    """Leave out signs and small words at the edges; twice, since `(Ann)'s` has two.

    Before a name `titles` and articles, too.
    """
    for _ in range(2):
        if opening := _OPENING.match(text, start, end):
            start = opening.end()
        end = _closed(text, start, end)
        if titles and (word := _FIRST_WORD.match(text, start, end)):
            start = word.end() if word[1].lower().strip(".") in _BEFORE_NAMES else start
    return start, end - (titles and ends_sentence(text[start:end]))


def ends_sentence(name: str) -> bool:
    """Tell whether the full stop behind a name is a sentence's: `Ann Hart.`, but not `Hart Jr.`"""
    return name.endswith(".") and len(name.rsplit(None, 1)[-1]) > _INITIALS + 1


def _closed(text: str, start: int, end: int) -> int:
    """Return where a value ends without the signs, or else the small word, behind it.

    From its end on: a pattern that looks for them from its beginning reads a run of blanks within
    the value once for each of them.
    """
    closed = end
    while closed > start and (text[closed - 1].isspace() or text[closed - 1] in _CLOSING):
        closed -= 1
    if closed == end and (word := _CLOSING_WORD.search(text, max(start, end - 4), end)):
        closed = word.start()
        while closed > start and text[closed - 1].isspace():
            closed -= 1
    return closed


def _label(text: str, start: int, end: int, label: str) -> str:
    """Say what a value is; nothing, where it can't be what the field takes it for."""
    value = text[start:end]
    digits = digits_of(value)
    if label in {"DATE", "AGE"}:
        if label == "DATE" and DATED.search(value):
            return label
        around = text[max(0, start - _AROUND) : start] + " " + text[end : end + _AROUND]
        aged = label == "AGE" or bool(_AGED.search(value) or _AGED.search(around))
        return "AGE" if aged and 1 <= len(digits) <= 3 else ""
    if label == "PHONE":
        grouped = _GROUPED.search(value) and len(digits) in PHONE_DIGITS and ":" not in value
        return label if grouped and may_be_phone(text, start, end) else ""
    if label == "ADDR" and not digits and not STREET_WORD.search(value):
        return "" if _no_name(value) else "LOC"
    if label == "ADDR" and not _LETTERS.search(value):
        before = text[max(0, start - 30) : start]
        return label if digits and _is_postcode(before, value) else ""
    return label


def _is_postcode(before: str, value: str) -> bool:
    """Say whether a bare number is announced, or follows a word of an address."""
    return bool(_ANNOUNCED_POSTCODE.search(before)) or (
        len(value) >= 4 and bool(regex.search(r"\p{L}[, \n]{1,3}$", before))
    )


def _no_name(value: str) -> bool:
    """Say whether a value is code, a quantity, or of words that are no names."""
    words = value.split()
    return (
        len(value) < 2
        or value.lower() in FUNCTION_WORDS
        or bool(_QUANTITY.fullmatch(value))
        or any(CODE.fullmatch(word) and word not in _FORMS for word in words)
        or all(
            word.lower().strip(".,:") in NO_NAMES or word.lower() in LISTS["product"]
            for word in words
        )
    )
