"""Subjects: of whom a question tells something, and whether what would be said speaks of them.

Where another is told to have done it, that is no answer: "When did Ford end production?" is not
told by when Chrysler did. English alone, whose questions have the name right behind did, does or
was; and names that are written large. Placeholders are left out: who is a person in a question may
not have been seen as one in a document.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from agents.answering.respelling import stands_for
from agents.language import STOP_WORDS, stem, words

BEGINNING = 4  # letters by which names of one family are alike: Britain, British
_NAME = r"\p{Lu}[\p{L}\p{N}'’.-]*+"
_SUBJECT = regex.compile(
    r"\b(?:did|does|do|was|were|is|are|has|have|had|can|could|will|would)\s+(?:the\s+|an?\s+)?"
    rf"(?P<names>{_NAME}(?:(?:\s+(?:of|and|the|de|v|van|von)\s+|[\s-]+){_NAME})*+)"
)


def subject(question: str) -> tuple[str, ...]:
    """Return the names by which a question calls whom it is about; none where it calls nobody."""
    match = _SUBJECT.search(question)
    said = words(regex.sub(r"['’]s\b", "", match["names"])) if match else ()
    return tuple(
        word
        for word in said
        if len(word) > 1 and (word.isupper() or word.casefold() not in STOP_WORDS)
    )


def of_another(question: str, texts: Sequence[str]) -> bool:
    """Tell whether a question is about somebody of whom the texts name nothing."""
    names = subject(question)
    if not names or not texts:
        return False
    held = {stem(word)[:BEGINNING] for text in texts for word in words(text)}
    return not any(
        stem(name)[:BEGINNING] in held or any(stands_for(name, text) for text in texts)
        for name in names
    )
