"""Polarity: the words of a sentence that turn its sense around."""

from __future__ import annotations

import regex

_NEGATION = regex.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|except|unless|\p{L}+n['’]t"
    r"|nicht|kein(?:e[rsnm]?)?|nie|niemals|ohne|außer|ne|n['’]|pas|jamais|sans|sauf|aucune?|nunca|sin|ningún|ninguna?)\b",
    regex.IGNORECASE | regex.VERSION1,
)
_VERDICT = regex.compile(
    r"\A\W*(?:yes|no|yeah|nope|ja|nein|doch|oui|non|si|sí)\s*[,.;:!–—]", regex.IGNORECASE
)


def is_verdict(text: str) -> bool:
    """Tell whether a sentence begins with yes or no, which no passage says."""
    return bool(_VERDICT.match(text))


def negations(text: str) -> int:
    """Count the negating words of a text."""
    return len(_NEGATION.findall(text))
