"""Clauses: what a sentence says, in parts that can be compared with those of another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import regex

from agents.checking.calendar_days import CalendarPoint, calendar_points
from agents.checking.polar_words import (
    BREAKS,
    COMPARATIVES,
    CONDITIONS,
    LEXICAL_NEGATORS,
    MODALS,
    NEGATED_ONLY,
    PARTNERS,
    PLAIN_NEGATORS,
    QUANTIFIERS,
    axis_of,
)
from agents.checking.quantities import Quantity, quantities
from agents.checking.units import UNITS
from agents.language import STOP_WORDS, stem
from agents.placeholders import TOKEN

CLAIMS_KEPT = 4_096
"""Sentences whose claims are kept: each is compared with several statements an answer."""
WORDS_KEPT = 8_192  # terms of words, which come again and again
SCOPE = 8  # content words that a negation reaches
BACK = 2  # content words before it that a negation belongs to where none follows: "kommt nicht"
NEAR = 3  # content words that a quantifier or a modal verb belongs to
CONDITION_MAX = 12  # content words of a condition

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"
_PIECE = regex.compile(
    rf"(?P<name>{TOKEN})|(?P<break>[,;:()!?…—–，、；：。！？]|\.(?=\s|\Z))|(?P<sign>{_UNSPACED})"
    rf"|(?P<code>[\p{{L}}\p{{N}}_]++(?:\.[\p{{L}}\p{{N}}_]++)++|(?:[\p{{L}}\p{{N}}]++-){{1,4}}+\d++(?![\p{{L}}_]))"
    rf"|(?P<elided>(?:[cdjlmnst]|qu)['’](?=\p{{L}}{{2}}))|(?P<word>[[\p{{L}}\p{{M}}\p{{N}}_]--{_UNSPACED}]++(?:['’]\p{{L}}{{1,3}}(?!\p{{L}}))?)",
    regex.V1 | regex.IGNORECASE,
)
_ASCII_PIECE = re.compile(
    rf"(?P<name>{TOKEN})|(?P<break>[,;:()!?]|\.(?=\s|\Z))"
    r"|(?P<code>[A-Z0-9_]++(?:\.[A-Z0-9_]++)++|(?:[A-Z0-9]++-){1,4}+[0-9]++(?![A-Z_]))"
    r"|(?P<elided>(?:[cdjlmnst]|qu)'(?=[A-Z]{2}))|(?P<word>[A-Z0-9_]++(?:'[A-Z]{1,3}(?![A-Z]))?)",
    re.ASCII | re.IGNORECASE,
)
"""The same for text of ASCII alone, by Python's own engine, which is faster."""
_OPEN = regex.compile(
    r"\b(?:whether|hypothes[ei]\w*|unknown|unclear|ob|unklar|unbekannt|inconnu|desconocido)\b|[?？]\W*\Z",
    regex.IGNORECASE,
)
_MIXED = regex.compile(r"[^\W\d_]\d|\d[^\W\d_]|_|\p{Ll}\p{Lu}")
_CONTRACTED = ("n't", "n’t")
_ELIDED = ("'s", "’s")


class Term(NamedTuple):
    """A word that carries meaning."""

    stem: str
    word: str
    """With its case folded."""
    axis: str = ""
    """The axis that it stands on; most words stand on none."""
    place: int = 0
    """Where on that axis."""
    negated: bool = False


class Marked(NamedTuple):
    """A quantifier or a modal verb, and what it belongs to."""

    kind: str
    negated: bool
    near: frozenset[str]
    """Stems of the next content words."""


@dataclass
class Claim:
    """What a sentence says, or several of them together."""

    items: list[Term] = field(default_factory=list)
    quantities: list[Quantity] = field(default_factory=list)
    points: list[CalendarPoint] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Stems of placeholders, identifiers, and words written large within a sentence."""
    scopes: list[tuple[str, ...]] = field(default_factory=list)
    """For each negation the stems that it reaches, nearest first."""
    quantifiers: list[Marked] = field(default_factory=list)
    modals: list[Marked] = field(default_factory=list)
    conditions: list[Marked] = field(default_factory=list)
    """`near` holds all the stems of a condition."""
    opened: list[bool] = field(default_factory=list)
    """For each sentence whether it asks or looks for what it says, and doesn't assert it."""

    def joined(self, other: Claim) -> Claim:
        """Return what two sentences in a row say."""
        return Claim(**{name: value + getattr(other, name) for name, value in vars(self).items()})


class _Piece(NamedTuple):
    kind: str
    word: str
    """With its case folded."""
    name: bool
    """Whether it is written like one."""


_NUMBER = _Piece("number", "", name=False)
_AS_NAMES = frozenset({"name", "code"})
_AS_WRITTEN = frozenset({"name", "code", "sign"})
"""Kinds of pieces whose term is what is written."""
_PARTING = BREAKS | CONDITIONS.keys()
_MARKING = frozenset().union(LEXICAL_NEGATORS, PLAIN_NEGATORS, QUANTIFIERS, CONDITIONS, MODALS)
"""Words that may be more than a term."""
_Mark = tuple[str, str, int]
"""List of a claim, kind, and how many content words of the clause stand before it."""
_REACHES = {"quantifiers": NEAR, "modals": NEAR, "conditions": CONDITION_MAX}


@lru_cache(maxsize=CLAIMS_KEPT)
def claim_of(sentence: str) -> Claim:
    """Read a sentence. The result is shared, not to be changed."""
    claim = Claim(points=list(calendar_points(sentence)))
    plain = _hidden(sentence, ((point.start, point.end) for point in claim.points))
    claim.quantities += quantities(plain)
    claim.opened.append(_OPEN.search(plain) is not None)
    for clause in _clauses(_pieces(plain, claim.quantities)):
        _read(clause, claim)
    return claim


def _hidden(sentence: str, places: Iterator[tuple[int, int]]) -> str:
    """Return a sentence with blanks at some places."""
    parts, behind = [], 0
    for start, end in places:
        parts += [sentence[behind:start], " " * (end - start)]
        behind = end
    return "".join([*parts, sentence[behind:]])


def _pieces(sentence: str, numbers: Sequence[Quantity]) -> Iterator[_Piece]:
    """Yield the words and breaks of a sentence; numbers and their units are left out."""
    places = {quantity.start: quantity for quantity in numbers}
    behind, measured, first = 0, False, True
    ascii_only = sentence.isascii()
    for match in (_ASCII_PIECE if ascii_only else _PIECE).finditer(sentence):
        kind, start, written = str(match.lastgroup), match.start(), match[0]
        number = (places.get(start) or places.get(start - 1)) if places else None
        if number is not None:
            behind, measured = number.start + len(number.written), bool(number.dimension)
            yield _NUMBER
        if kind == "elided" and written[0] not in "nN":
            continue
        if start < behind:
            continue
        if ascii_only and kind == "word" and written.islower() and written.isalpha():  # as most are
            if not (measured and written in UNITS):
                yield _Piece(kind, written, False)
            measured, first = False, False
            continue
        word = "ne" if kind == "elided" else written.casefold()
        if word.endswith(_ELIDED):
            word = word[:-2]
        if not (measured and (written in UNITS or word in UNITS)):
            mixed = kind in _AS_NAMES or (kind != "break" and _is_mixed(written))
            name = mixed or (not first and written[0].isupper())
            yield _Piece(kind, written if kind == "name" else word, name)
        measured, first = False, False


def _is_mixed(written: str) -> bool:
    """Tell whether a word has letters beside digits, or capitals behind small ones."""
    plain = written.isalpha() and written[1:].islower()  # as most words are
    return not plain and _MIXED.search(written) is not None


def _clauses(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """Yield the clauses of a sentence: a negation does not reach beyond its own."""
    clause: list[_Piece] = []
    for piece in pieces:
        if piece.kind == "break" or piece.word in _PARTING:
            if clause:
                yield clause
            clause = [piece] if piece.word in CONDITIONS else []
        else:
            clause.append(piece)
    if clause:
        yield clause


def _read(clause: Sequence[_Piece], claim: Claim) -> None:
    """Add what a clause says to a claim."""
    found: list[Term] = []
    negations: list[tuple[int, bool]] = []
    marked: list[_Mark] = []
    bounds = _of_bounds(clause)
    for index, (kind, word, name) in enumerate(clause):
        if index in bounds:
            continue
        marks = word in _MARKING or word.endswith(_CONTRACTED)  # few words do
        if marks and _marks(clause, index, len(found), negations, marked):
            continue
        if word not in MODALS and (item := _item(kind, word)) is not None:
            found.append(item)
            if name:
                claim.names.append(item.stem)
    claim.items += _flagged(found, negations)
    for place, _ in negations:
        reached = found[place : place + SCOPE] or found[-BACK:]
        claim.scopes.append(tuple(item.stem for item in reached))
    negated = any(not lexical for _, lexical in negations)
    for listed, kind, place in marked:
        near = found[place : place + _REACHES[listed]] or found[-BACK:]
        mark = Marked(kind, negated, frozenset(item.stem for item in near))
        getattr(claim, listed).append(mark)


def _marks(
    clause: Sequence[_Piece],
    index: int,
    place: int,
    negations: list[tuple[int, bool]],
    marked: list[_Mark],
) -> bool:
    """Note what a word does to the content words of its clause, where it stands before a `place`.

    Returns whether it is no content word for that.
    """
    word = clause[index].word
    before = [piece.word for piece in clause[max(0, index - SCOPE) : index]]
    behind = clause[index + 1].word if index + 1 < len(clause) else ""
    if kind := MODALS.get(word):
        marked.append(("modals", kind, place))
    if _negates(word, before, behind):
        negations.append((place, word in LEXICAL_NEGATORS))
    elif (kind := QUANTIFIERS.get(word)) and not _is_about(clause, index, kind):
        if not (before and before[-1] in PLAIN_NEGATORS and word in NEGATED_ONLY):
            marked.append(("quantifiers", kind, place))
    elif word in CONDITIONS:
        marked.append(("conditions", CONDITIONS[word], place))
    else:
        return False
    return True


def _negates(word: str, before: Sequence[str], behind: str) -> bool:
    """Tell whether a word negates its clause."""
    if word in LEXICAL_NEGATORS or word.endswith(_CONTRACTED):
        return True
    if word not in PLAIN_NEGATORS or behind in NEGATED_ONLY:
        return False
    partner = PARTNERS.get(word)
    return partner is None or partner in before


def _is_about(clause: Sequence[_Piece], index: int, kind: str) -> bool:
    """Tell whether "some" says that a number is a round one: some 150 of them."""
    return kind == "some" and [one.kind for one in clause[index + 1 : index + 2]] == ["number"]


def _of_bounds(clause: Sequence[_Piece]) -> set[int]:
    """Return the places of numbers and of the words that make bounds of them."""
    places: set[int] = set()
    for index, piece in enumerate(clause):
        if piece.kind == "number":
            start, words = (
                max(0, index - 3),
                [other.word for other in clause[max(0, index - 3) : index]],
            )
            places.add(index)
            if words[-2:-1] and words[-2] in COMPARATIVES and words[-1] in {"than", "als"}:
                places |= {index - 2, index - 1}
                places |= {start} if words[0] in {"no", "not", "nicht"} else set()
            elif words[-2:] in (["at", "least"], ["at", "most"]):
                places |= {index - 2, index - 1}
            behind = [other.word for other in clause[index + 1 : index + 3]]
            if behind[:1] in (["or"], ["oder"]) and behind[-1] in COMPARATIVES:
                places |= {index + 1, index + 2}
    return places


def _item(kind: str, word: str) -> Term | None:
    """Return the term of a word; None where it only joins others."""
    if kind not in _AS_WRITTEN:
        return _word_item(word)
    return None if word in PLAIN_NEGATORS or word == "ne" else Term(word, word)


@lru_cache(maxsize=WORDS_KEPT)
def _word_item(word: str) -> Term | None:
    polar = axis_of(word)
    if word in PLAIN_NEGATORS or word == "ne" or (polar is None and word in STOP_WORDS):
        return None
    axis, place = polar or ("", 0)
    return Term(stem(word), word, axis, place)


def _flagged(found: list[Term], negations: Sequence[tuple[int, bool]]) -> list[Term]:
    """Say of each content word of a clause whether it is negated."""
    if not negations:
        return found
    flags = _flags(len(found), negations)
    return [
        item._replace(negated=True) if flag else item
        for item, flag in zip(found, flags, strict=True)
    ]


def _flags(count: int, negations: Sequence[tuple[int, bool]]) -> list[bool]:
    """Tell for each content word of a clause whether it is negated.

    Plain negations of a clause count once, each lexical one turns what it reaches.
    """
    plain, turned = [False] * count, [False] * count
    for place, lexical in negations:
        start, end = (place, place + SCOPE) if place < count else (max(0, count - BACK), count)
        for index in range(start, min(end, count)):
            if lexical:
                turned[index] = not turned[index]
            else:
                plain[index] = True
    return [one != other for one, other in zip(plain, turned, strict=True)]
