"""Grammars: which tables of words a question is read by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agents.conversation.english import DEFINITIONS, ENGLISH, SHARPER
from agents.conversation.grammar import Grammar
from agents.conversation.languages import GRAMMARS, language_of

UNTOLD = replace(ENGLISH, language="")
SHARPENED = {"en": SHARPER, "": replace(SHARPER, language="")}
"""Those of the grammars that read more since 0.2.0.dev5 (`agents.changes.CLOSER_READING`)."""
CLOSEST = {tag: replace(grammar, tells_openings=True) for tag, grammar in SHARPENED.items()}
"""The same with what is told since 0.2.0.dev6 (`agents.changes.PLAIN_OPENINGS`)."""
FOLLOWING = {
    tag: replace(grammar, reads_sentences=True, leans_unnamed=True, definitions=DEFINITIONS)
    for tag, grammar in CLOSEST.items()
}
"""The same with what is read since 0.2.0.dev7 (`agents.changes.CLOSER_FOLLOW_UPS`)."""
WITHOUT_TABLES = {
    tag: Grammar(language=tag, is_known=False)
    for tag in ("ar", "el", "fa", "he", "hi", "ru", "th", "uk")
}


def grammar_of(
    question: str,
    before: Iterable[str],
    *,
    sharper: bool = False,
    openings: bool = False,
    following: bool = False,
) -> Grammar:
    """Return the grammar of a question's language, or of that of the newest text that has one.

    Where nobody knows, it is English, without being called so: its tables are the most complete.
    A language without tables has an empty grammar.
    """
    tables = (
        FOLLOWING if following else CLOSEST if openings else SHARPENED if sharper else {"": UNTOLD}
    )
    for text in (question, *before):
        language = language_of(text)
        if language:
            found = GRAMMARS.get(language) or WITHOUT_TABLES[language]
            return tables.get(language, found)
    return tables[""]
