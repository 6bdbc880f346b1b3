"""Detect: forms first, then the field, and spaCy's model for the sentences that leave it unsure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import gt
from typing import NamedTuple

import regex

from agents.personal.foreign_texts import language_told
from connectors.presidio.entities import LANGUAGES, Entities, name_of_entities
from connectors.presidio.stretches import once, pieces
from connectors.tagger import weights
from connectors.tagger.bold_names import SPOKEN, institutions, unlisted
from connectors.tagger.cleaning import KINDS, NAMES, cleaned, is_unknown
from connectors.tagger.code_markup import Code
from connectors.tagger.doubted import KnownNames, doubted
from connectors.tagger.field import Field, Tagged
from connectors.tagger.manuals import manual_marks
from connectors.tagger.value_forms import FoundValue, structured
from connectors.tagger.widening import widened
from schemas import Span


class Biases(NamedTuple):
    """Off the score of lying outside: the higher, the more the field finds."""

    usual: float
    """What counts."""
    bold: float
    """What is asked about again, and found if spaCy names it."""
    strict: float
    """What of the usual counts as a name in a manual."""


BIASES = Biases(1.1, 3.0, 0.2)
UNSURE_CHARACTERS = 2
"""That the bold look marks more, in a sentence that spaCy is asked about."""
FIELD_SCORE = 0.8
FAMILY_SCORE = 0.6
FAMILY_NAME_MIN = 3
"""Characters."""
_LABELS = {kind: label for label, kind in KINDS.items()}
_WORD = regex.compile(r"\p{Lu}[\p{L}\-]+")
_SENTENCE_END = regex.compile(r"(?<=[.!?])\s++(?=[\p{Lu}\d\"'(*])|\n\s*\n")


class SearchedPiece(NamedTuple):
    """A piece of a text, and what was found in it so far."""

    text: int
    offset: int
    characters: str
    found: list[FoundValue]
    unsure: list[tuple[int, int]]
    bold: bytes
    """For each character whether the bold look marks it."""
    manual: bytes
    """For each character whether a manual has it."""


class TaggerDetector:
    """The tagger, loaded; spaCy's model is with the first text that needs it."""

    def __init__(self, entities: Callable[[], Entities] = Entities) -> None:
        self._field = Field(weights.read())
        self._load_entities = entities
        self.languages = LANGUAGES
        self.name = f"tagger {weights.version()}, {name_of_entities()}"

    @cached_property
    def entities(self) -> Entities:
        """Load the model of spaCy, once; raises NotInstalled."""
        return self._load_entities()

    def find(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Return the spans of each text, sorted; they may overlap."""
        looked = [
            self._looked_at(number, offset, piece)
            for number, text in enumerate(texts)
            for offset, piece in pieces(text)
        ]
        self._ask(looked)
        known = KnownNames(self._field.named, self._is_ordinary)
        for piece in looked:
            text, listed = piece.characters, self._field.listed
            piece.found[:] = (one for one in piece.found if not is_unknown(text, one, listed))
            piece.found[:] = list(doubted(text, piece.found, piece.manual, known))
            piece.found.extend(self._bold_names(piece))
            piece.found.extend(family_names(piece.characters, piece.found))
            piece.found.extend(widened(piece.characters, tuple(piece.found)))
        spans: list[list[Span]] = [[] for _ in texts]
        for piece in looked:
            spans[piece.text] += (
                Span(
                    start=piece.offset + one.start,
                    end=piece.offset + one.end,
                    kind=one.kind,
                    score=round(one.score, 4),
                    by_place=one.by_place,
                )
                for one in piece.found
            )
        return [once(of_text) for of_text in spans]

    def _is_ordinary(self, word: str) -> bool:
        """Say whether it is an English word of a kind in which few are names."""
        return not self._field.kin_is_named(word) and self.entities.ordinary(word)

    def _looked_at(self, number: int, offset: int, piece: str) -> SearchedPiece:
        found = list(structured(piece))
        manual = manual_marks(piece)
        usual, bold, *strict = self._field.tags(piece, *BIASES[: 3 if any(manual) else 2])
        counted = surer(usual, strict[0], manual) if strict else usual
        code = Code(piece)
        found += cleaned(piece, _apart(piece, counted, found), code, FIELD_SCORE)
        bolder = _names(piece, bold, code)
        doubts = [
            (start, end)
            for start, end in unsure(piece, marks(piece, found), bolder)
            if not all(manual[start:end])
        ]
        if doubts and language_told(piece) not in SPOKEN:
            doubts = []  # spaCy would take its words for names
        return SearchedPiece(number, offset, piece, found, doubts, bolder, manual)

    def _bold_names(self, piece: SearchedPiece) -> Iterator[FoundValue]:
        """List names of prose that neither the usual look nor spaCy found."""
        text, manual = piece.characters, piece.manual
        bold = bytes(map(gt, piece.bold, manual))
        if any(bold):
            yield from unlisted(text, bold, marks(text, piece.found), self._field.listed)
        yield from institutions(text, manual)

    def _ask(self, looked: Iterable[SearchedPiece]) -> None:
        """Ask spaCy about what is unsure; what it names there counts where the bold look agrees."""
        asked = [(piece, sentence) for piece in looked for sentence in piece.unsure]
        if not asked:
            return
        texts = [piece.characters[start:end] for piece, (start, end) in asked]
        for (piece, (offset, _)), named in zip(asked, self.entities.find(texts), strict=True):
            code = Code(piece.characters)
            for start, end, kind, score in named:
                tag = Tagged(offset + start, offset + end, _LABELS[kind])
                if any(piece.bold[tag.start : tag.end]):
                    piece.found.extend(cleaned(piece.characters, (tag,), code, score))


def _apart(text: str, tagged: Iterable[Tagged], found: Iterable[FoundValue]) -> Iterator[Tagged]:
    """Leave out what lies within values that show themselves by their form."""
    covered = marks(text, found)
    for tag in tagged:
        if not all(covered[tag.start : tag.end]):
            yield tag


def surer(usual: Iterable[Tagged], strict: Iterable[Tagged], manual: bytes) -> Iterator[Tagged]:
    """Leave out, in manuals, the names that a stricter look does not see."""
    sure = marks(manual, strict)
    for one in usual:
        at = slice(one.start, one.end)
        if one.label not in NAMES or not any(manual[at]) or any(sure[at]):
            yield one


def _names(text: str, tagged: Iterable[Tagged], code: Code) -> bytes:
    """Mark what a look takes for names."""
    names = (one for one in tagged if one.label in NAMES)
    return marks(text, cleaned(text, names, code, FIELD_SCORE))


def marks(text: str | bytes, stretches: Iterable[Tagged | FoundValue]) -> bytes:
    """Say of each character whether it lies within a stretch."""
    marked = bytearray(len(text))
    for one in stretches:
        marked[one.start : one.end] = b"\1" * (one.end - one.start)
    return bytes(marked)


def unsure(text: str, usual: bytes, bold: bytes) -> Iterator[tuple[int, int]]:
    """List the sentences in which the bold look marks more than was found."""
    more = bytes(map(gt, bold, usual))
    if sum(more) <= UNSURE_CHARACTERS:
        return
    start = 0
    for end in (*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)):
        if sum(more[start:end]) > UNSURE_CHARACTERS:
            yield start, end
        start = end


def family_names(text: str, found: Sequence[FoundValue]) -> Iterator[FoundValue]:
    """List where the last word of somebody's whole name stands again by itself."""
    names = {
        text[one.start : one.end].rsplit(None, 1)[-1]
        for one in found
        if one.kind == "PERSON" and " " in text[one.start : one.end].strip()
    }
    known = {name for name in names if len(name) >= FAMILY_NAME_MIN and name.istitle()}
    if not known:
        return
    named = marks(text, found)
    for word in _WORD.finditer(text):
        if word[0] in known and not named[word.start()]:
            yield FoundValue(*word.span(), "PERSON", FAMILY_SCORE)
