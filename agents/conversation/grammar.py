"""Grammar: what rewriting knows of one language, in tables of words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Grammar:
    """The words of a language that point back, and those that name nothing; all in lower case."""

    language: str
    """Its tag of BCP 47."""
    function: frozenset[str] = frozenset()
    """Name nothing: they join others, or say how something is asked."""
    determiners: frozenset[str] = frozenset()
    """Articles: a noun follows."""
    indefinite: frozenset[str] = frozenset()
    """Those of them before what is new."""
    demonstratives: frozenset[str] = frozenset()
    """Stand for a noun, or before one."""
    singular: frozenset[str] = frozenset()
    """Pronouns of one thing."""
    plural: frozenset[str] = frozenset()
    """Pronouns of several."""
    persons: frozenset[str] = frozenset()
    """Pronouns of a person."""
    possessives: frozenset[str] = frozenset()
    """Those of the pronouns that have a noun behind them."""
    pointers: frozenset[str] = frozenset()
    """Point back, but no noun can take their place."""
    bridges: frozenset[str] = frozenset()
    """Join two stretches of words to one name: "of"."""
    bare_openers: str = r"(?!)"
    """How a question begins that leans if it has no verb: "How many times?"."""
    openers: str = r"(?!)"
    """How a question begins that was cut short; a regular expression."""
    conditions: str = r"(?!)"
    """How a clause begins that says when or whether something is asked; a regular expression."""
    times: frozenset[str] = frozenset()
    """Names of days, months and seasons: one takes the place of another."""
    prepositions: frozenset[str] = frozenset()
    """Lead from an opener to what it asks for: "And for Oslo?"."""
    whys: str = r"(?!)"
    """Questions for a reason, and nothing else."""
    corrections: str = r"(?!)"
    """How a misunderstanding is put right, up to what was meant."""
    auxiliaries: frozenset[str] = frozenset()
    """Before a subject they say that its verb follows."""
    relational: frozenset[str] = frozenset()
    """Nouns that are of something: without it they point back."""
    verbs: frozenset[str] = frozenset()
    """End a subject behind an auxiliary."""
    imperatives: frozenset[str] = frozenset()
    """Begin a sentence that tells what to do."""
    predicates: frozenset[str] = frozenset()
    """End a subject behind a form of "to be"."""
    closers: str = r"(?!)"
    """How a question ends that was cut short; a regular expression."""
    others: str = r"(?!)"
    """The other one; a regular expression."""
    pointed: str = r"(?!)"
    """One of a list; a regular expression whose group `which` is one of `ordinals`."""
    ordinals: tuple[str, ...] = ()
    """The words for the first, the second …, parted by spaces; those of the last one come last."""
    puts_in_place: bool = False
    """Whether a noun may simply take a pronoun's place."""
    has_verb_rules: bool = False
    """Whether verbs are told by their endings too, as in English."""
    nouns_are_capital: bool = False
    """Whether a capital tells no name, as in German."""
    expletives: str = r"(?!)"
    """Where a pronoun stands for nothing: "it takes an hour to"; a regular expression."""
    speakers: frozenset[str] = frozenset()
    """First words of an answer that speaks of itself: "I found nothing"."""
    signs: str = r"(?!)"
    """What points back where words are not spaced; a regular expression."""
    pronoun_signs: str = r"(?!)"
    """Those whose place a noun can take."""
    definitions: str = r"(?!)"
    """Questions for what something is, which stand alone; a regular expression."""
    is_known: bool = True
    """Whether there are tables at all."""
    supports: frozenset[str] = frozenset()
    """Auxiliaries before a subject behind which another verb must follow: "does honey spoil"."""
    light_verbs: frozenset[str] = frozenset()
    """Those of the function words that are such a verb: "does the team have"."""
    vague: frozenset[str] = frozenset()
    """Nouns that are no topic when they stand alone: "facts"."""
    tells_persons: bool = False
    """Whether the look of a name tells if it can be a person's."""
    tells_openings: bool = False
    """Whether more than its first capital has to say that an answer begins with a name."""
    reads_sentences: bool = False
    """Whether of an answer only a sentence is read, and what merely opens one is no topic."""
    leans_unnamed: bool = False
    """Whether a short question leans that calls nothing by a name and defines nothing."""

    @cached_property
    def pronouns(self) -> frozenset[str]:
        """Words that a noun can stand for."""
        return self.singular | self.plural | self.persons | self.possessives

    @cached_property
    def is_spaced(self) -> bool:
        """Whether words are parted by spaces."""
        return self.signs == r"(?!)"

    @property
    def _end(self) -> str:
        return r"\b" if self.is_spaced else ""

    @cached_property
    def opener(self) -> re.Pattern[str]:
        """Match the beginning of a question that was cut short."""
        return re.compile(rf"[\s¿¡]*(?:{self.openers}){self._end}[\s,:、，]*", re.IGNORECASE)

    @cached_property
    def condition(self) -> re.Pattern[str]:
        """Match the word that a condition begins with."""
        return re.compile(self.conditions, re.IGNORECASE)

    @cached_property
    def bare_opener(self) -> re.Pattern[str]:
        """Match the beginning of a question that leans if it has no verb."""
        return re.compile(rf"\s*(?:{self.bare_openers})\b", re.IGNORECASE)

    @cached_property
    def why(self) -> re.Pattern[str]:
        """Match a whole question for a reason."""
        return re.compile(rf"[\W_]*(?:(?:and|but)\s+)?(?:{self.whys})[\W_]*", re.IGNORECASE)

    @cached_property
    def correction(self) -> re.Pattern[str]:
        """Match how a correction begins."""
        return re.compile(rf"[\s¿¡]*(?:{self.corrections}){self._end}[\s,:]*", re.IGNORECASE)

    @cached_property
    def closer(self) -> re.Pattern[str]:
        """Match the end of a question that was cut short."""
        return re.compile(rf"(?:{self.closers})\W*$", re.IGNORECASE)

    @cached_property
    def other(self) -> re.Pattern[str]:
        """Match the other one of two."""
        return re.compile(rf"(?:{self.others})", re.IGNORECASE)

    @cached_property
    def ordinal(self) -> re.Pattern[str]:
        """Match what points into a list."""
        return re.compile(self.pointed, re.IGNORECASE)

    def number_of(self, word: str) -> int | None:
        """Return which item of a list a word means, from 0, -1 for the last; None for no such."""
        for number, spellings in enumerate(self.ordinals):
            if word in spellings.split():
                return number if number < len(self.ordinals) - 1 else -1
        return None

    @cached_property
    def sign(self) -> re.Pattern[str]:
        """Match what points back where words are not spaced."""
        return re.compile(self.signs)

    @cached_property
    def pronoun_sign(self) -> re.Pattern[str]:
        """Match those whose place a noun can take."""
        return re.compile(self.pronoun_signs)

    @cached_property
    def expletive(self) -> re.Pattern[str]:
        """Match where a pronoun stands for nothing."""
        return re.compile(self.expletives, re.IGNORECASE)

    @cached_property
    def definition(self) -> re.Pattern[str]:
        """Match a question for what something is."""
        return re.compile(self.definitions)
