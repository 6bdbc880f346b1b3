"""Tongues: in which language a question is asked, of those that we have words for."""

from __future__ import annotations

from collections.abc import Mapping

from agents.answering.question_kinds import CHARACTERS_MAX
from agents.language import words

DEFAULT = "en"
_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """a about an and are can did do does for from has have how in is it many much of on
            that the there these this to was were what when where which who why will with you""",
        "de": """auf aus bei das dem den der des die ein eine einen einer es für gibt habe haben hat
            hast ich ihr im in ist kann man mein meine mir mit muss nach nicht oder sich sind und
            unser unsere viele vom von wann warum was welche welcher wer wie wir wird wo zu zum zur
            über""",
        "fr": """au aux avec ce combien comment dans de des du elle en est et il j je l la le les
            leur ma mes mon nous on où par pas peut pour pourquoi quand que quel quelle quelles
            quels qui quoi sont sur un une vous y""",
        "es": """al con cuál cuáles cuándo cuánto cuántos cómo de del dónde el en es está hay la las
            lo los me para por puede puedo que qué quién se son su un una y""",
    }.items()
}


def language_of(question: str) -> str:
    """Name the language whose small words are the most frequent; DEFAULT where none is."""
    said = [word.casefold() for word in words(question[:CHARACTERS_MAX])]
    counts = {name: sum(word in common for word in said) for name, common in _WORDS.items()}
    best = max(counts.values())
    return next(name for name, count in counts.items() if count == best) if best else DEFAULT


def in_language_of(question: str, texts: Mapping[str, str]) -> str:
    """Return the text in the question's language, else in DEFAULT; empty where there is none."""
    return texts.get(language_of(question), texts.get(DEFAULT, ""))


def is_small(word: str) -> bool:
    """Tell whether a folded word is one of those that a language is told by."""
    return any(word in common for common in _WORDS.values())
