"""Small talk: greetings, thanks, goodbyes, praise and complaints, and questions for who answers.

A text is small talk if it is made of such phrases, a few words that may stand beside them, and
names, and of nothing else. So a greeting before a question is a question, and so is what has a word
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import regex

from agents.conversation.small_talk_phrases import FILLERS, PHRASES
from agents.placeholders import TOKEN

CHARACTERS_MAX = 120
"""A longer text is taken for a question."""
FILLERS_MAX = 6
_NEITHER = regex.compile(rf"{TOKEN}|[^\p{{L}}\p{{N}}'’\s-]+|(?<!\p{{L}})['’-]+|['’-]+(?!\p{{L}})")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
FILLER = "filler"
LONGEST = 24
"""Words, or signs where words are not spaced, of the longest phrase."""


@dataclass(frozen=True)
class SmallTalk:
    """What needs no documents."""

    kind: str
    """One of `PHRASES`."""
    languages: tuple[str, ...]
    """Those that it may be in, as tags of BCP 47, the likeliest first."""

    def language(self, spoken: str) -> str:
        """Return the one it is in, where another is spoken in the conversation or none."""
        return spoken if spoken in self.languages else self.languages[0]


def small_talk(text: str) -> SmallTalk | None:
    """Recognise small talk; None if a text asks for something."""
    if len(text) > CHARACTERS_MAX:
        return None
    plain = " ".join(_NEITHER.sub(" ", text.replace("’", "'")).casefold().split())
    if not plain:
        return None
    unspaced = _UNSPACED.search(plain) is not None
    plain = plain.replace(" ", "") if unspaced else plain
    kinds = {
        language: _kinds(plain, phrases, unspaced=unspaced)
        for language, phrases in _tables().items()
    }
    for kind in PHRASES:
        languages = tuple(language for language, found in kinds.items() if kind in found)
        if languages:
            return SmallTalk(kind, languages)
    return None


@lru_cache(1)
def _tables() -> Mapping[str, Mapping[str, str]]:
    """Return the kind of each phrase, by language."""
    tables: dict[str, dict[str, str]] = {}
    for language, fillers in FILLERS.items():
        tables[language] = dict.fromkeys(fillers.split("|"), FILLER)
    for kind in reversed(list(PHRASES)):
        for language, phrases in PHRASES[kind].items():
            spelt = [one.casefold() for one in phrases.split("|")]
            tables[language] |= dict.fromkeys(spelt, kind)
    return tables


def _kinds(plain: str, phrases: Mapping[str, str], *, unspaced: bool) -> set[str]:
    """Return the kinds of the phrases that make up a text; none if anything is left."""
    parts = list(plain) if unspaced else plain.split(" ")
    joint = "" if unspaced else " "
    kinds: list[str] = []
    at = 0
    while at < len(parts):
        for end in range(min(len(parts), at + LONGEST), at, -1):
            kind = phrases.get(joint.join(parts[at:end]))
            if kind is not None:
                kinds.append(kind)
                at = end
                break
        else:
            return set()
    return set(kinds) - {FILLER} if kinds.count(FILLER) <= FILLERS_MAX else set()
