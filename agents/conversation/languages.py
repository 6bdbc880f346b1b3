"""Languages: tell in which language a short text is written, by its script and its commonest words.

A word counts by how few of the languages have it, so "Warum?" is enough. Where two languages are as
likely as each other, or no word is known, nobody knows: the conversation before says more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import regex

from agents.conversation.asian import ASIAN
from agents.conversation.english import ENGLISH
from agents.conversation.european import EUROPEAN
from agents.conversation.grammar import Grammar
from agents.phrases import word_set
from agents.placeholders import TOKEN

GRAMMARS: Mapping[str, Grammar] = {one.language: one for one in (ENGLISH, *EUROPEAN, *ASIAN)}
CHARACTERS_MAX = 600
"""Of a text so much is read."""
LEAD = 1.25
"""By how much more than the next language the likeliest one must be known."""
_SCRIPTS = (
    ("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]")),
    ("ko", regex.compile(r"\p{Hangul}")),
    ("zh", regex.compile(r"\p{Han}")),
    ("fa", regex.compile(r"[پچژگ]")),
    ("ar", regex.compile(r"\p{Arabic}")),
    ("he", regex.compile(r"\p{Hebrew}")),
    ("el", regex.compile(r"\p{Greek}{2}")),
    ("uk", regex.compile(r"[іїєґ]")),
    ("ru", regex.compile(r"\p{Cyrillic}")),
    ("hi", regex.compile(r"\p{Devanagari}")),
    ("th", regex.compile(r"\p{Thai}")),
)
_WORD = regex.compile(rf"{TOKEN}|\p{{L}}+")


def _tables() -> dict[str, dict[str, float]]:
    """Return the weight of each known word for each language that has it."""
    known = {
        one.language: one.function
        | one.determiners
        | one.pronouns
        | one.pointers
        | one.prepositions
        | one.auxiliaries
        | _GREETINGS.get(one.language, frozenset())
        for one in (ENGLISH, *EUROPEAN)
    }
    shared = Counter(word for words in known.values() for word in words)
    table: dict[str, dict[str, float]] = {}
    for language, words in known.items():
        for word in words:
            table.setdefault(word.casefold(), {})[language] = 1.0 / shared[word]
    return table


_GREETINGS: Mapping[str, frozenset[str]] = {
    "en": word_set("hello hi hey thanks thank bye please goodbye"),
    "de": word_set("hallo danke bitte tschüss guten vielen nein"),
    "fr": word_set("bonjour merci salut bonsoir revoir non"),
    "es": word_set("hola gracias adiós buenos buenas días"),
    "it": word_set("ciao grazie buongiorno arrivederci prego"),
    "pt": word_set("olá obrigado obrigada tchau bom dia"),
    "nl": word_set("hallo dank bedankt dag doei goedemorgen"),
}
_KNOWN = _tables()


def language_of(text: str) -> str:
    """Return the language of a text as a tag of BCP 47; empty where nobody can tell."""
    words = [word for word in _WORD.findall(text[:CHARACTERS_MAX]) if not word.startswith("<")]
    letters = "".join(words)
    for language, script in _SCRIPTS:
        if script.search(letters):
            return language
    scores: dict[str, float] = {}
    for word in words:
        for language, weight in _KNOWN.get(word.casefold(), {}).items():
            scores[language] = scores.get(language, 0.0) + weight
    ranked = sorted(scores.items(), key=lambda entry: (-round(entry[1], 6), entry[0]))
    if not ranked or (len(ranked) > 1 and ranked[0][1] < LEAD * ranked[1][1]):
        return ""
    return ranked[0][0]
