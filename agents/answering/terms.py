"""Terms: the words of a text that carry meaning, as question and statement are compared by.

Stems, as everywhere (agents/language); but a name made of several words (GitIgnoreSpec) is itself
and not its first six letters, and forms that share no stem (built, licence) are brought together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

import regex

from agents.language import SENTENCES_KEPT, STOP_WORDS, stem, words
from agents.phrases import word_set

_GENITIVE = regex.compile(r"(?<=\p{L})['’]s\b|\b\p{L}+n['’]t\b")
"""And what is negated in short: shouldn't."""
_CARRIED = regex.compile(r"\s\([^()]*\)(?=[?.!]?\s*\Z)")
_COMPOUND = regex.compile(r"\p{L}*\p{Ll}\p{Lu}\p{L}*")
_FORMS = {
    "build": "built", "keep": "kept", "pay": "paid", "hold": "held", "make": "made", "send": "sent",
    "run": "ran", "begin": "began begun", "choose": "chose chosen", "find": "found",
    "give": "gave given", "lead": "led", "leave": "left", "lose": "lost", "meet": "met",
    "sell": "sold", "take": "took taken", "tell": "told", "go": "went gone", "win": "won",
    "write": "wrote written", "buy": "bought", "bring": "brought", "catch": "caught",
    "fall": "fell fallen", "feel": "felt", "grow": "grew grown", "know": "knew known",
    "say": "said", "see": "saw seen", "show": "shown", "speak": "spoke spoken", "spend": "spent",
    "stand": "stood", "teach": "taught", "think": "thought", "understand": "understood",
    "wear": "wore worn", "become": "became", "come": "came", "draw": "drew drawn",
    "drive": "drove driven", "eat": "ate eaten", "fight": "fought", "fly": "flew flown",
    "forbid": "forbade forbidden", "forget": "forgot forgotten", "get": "got gotten",
    "rise": "rose risen", "seek": "sought", "shoot": "shot", "sink": "sank sunk",
    "sing": "sang sung",
    "steal": "stole stolen", "swim": "swam swum", "throw": "threw thrown", "break": "broke broken",
    "license": "licence", "color": "colour", "behavior": "behaviour", "center": "centre",
    "catalog": "catalogue", "program": "programme", "defense": "defence", "require": "need",
    "delete": "remove erase drop",
}  # fmt: skip
"""Irregular forms, other spellings, and what is asked for by one word and told by the other."""
_BASE = {stem(form): stem(base) for base, forms in _FORMS.items() for form in forms.split()}


@lru_cache(maxsize=65_536)
def _term(word: str) -> str:
    folded = word.casefold()
    if folded in STOP_WORDS:
        return ""
    if _COMPOUND.fullmatch(word):
        return folded
    found = stem(word)
    return _BASE.get(found, found)


@lru_cache(maxsize=SENTENCES_KEPT)
def terms(text: str) -> tuple[str, ...]:
    """List the terms of a text, in order."""
    return tuple(filter(None, map(_term, words(_without_genitives(text)))))


_TELLING = word_set("all both each only per")
"""Small words that say which of several things, or how many of them, what stands behind names."""


@lru_cache(maxsize=SENTENCES_KEPT)
def neighbours(text: str) -> frozenset[tuple[str, str]]:
    """Return the pairs of terms that stand side by side in a text, small words that tell included.

    Those stand as they are written, and one of each pair at least is a term.
    """
    said = [(_term(word), word.casefold()) for word in words(_without_genitives(text))]
    keys = [term or (f"={word}" if word in _TELLING else "") for term, word in said]
    return frozenset(
        (one, other)
        for one, other in pairwise(keys)
        if one and other and one != other and (one[0] != "=" or other[0] != "=")
    )


def _without_genitives(text: str) -> str:
    """Take off the genitives of a text, and what it negates in short; most have no apostrophe."""
    return _GENITIVE.sub("", text) if "'" in text or "’" in text else text


def carried_off(question: str) -> str:
    """Take off a question what rewriting put behind it in brackets: what the talk was about."""
    return _CARRIED.sub("", question)


def spelt(text: str) -> frozenset[str]:
    """Return the words of a text, case folded."""
    return frozenset(word.casefold() for word in words(_without_genitives(text)))


def without_namesakes(held: frozenset[str], text: str, names: Mapping[str, str]) -> frozenset[str]:
    """Take out of a text's terms those that a name only shares its beginning with.

    `names` are spellings by their terms: structlog is not "structured", though both begin alike.
    """
    alike = names.keys() & held
    if not alike:
        return held
    said = spelt(text)
    return held - {term for term in alike if not said & {names[term], f"{names[term]}s"}}
