"""Foreign texts: those in a language that the detector does not read, and what a tenant wants then.

    "languages": {"supported": ["en", "de"], "otherwise": "mask_more"}

`accept` leaves to the detector what it can find: formats of numbers and addresses, few names.
`mask_more` replaces, as UNKNOWN, every word that begins with a capital or holds a digit beside
letters; a script without capitals has no such words, and there it does as `refuse`. That refuses
the question, or the document as a whole. Whichever it is, the outcome names the languages.

Why it is so: which language a text is in is told by its script and its commonest words, so a text
of names and numbers alone is in none and counts as supported. Scripts are told by what most letters
belong to, for an English page may hold a Japanese name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import regex

from agents.conversation.languages import language_of
from agents.spans import Mention
from schemas import Detected

UNKNOWN = "UNKNOWN"
"""The kind of what may be anything."""
CASELESS = frozenset("ar fa he hi ja ko th zh".split())  # noqa: SIM905 - read best as text
"""Languages whose scripts have no capitals."""
READ_CHARS_MAX = 2_000
"""Of a text, by which its language is told."""
_LETTER = regex.compile(r"\p{L}")
_LATIN = regex.compile(r"\p{Latin}")
_NOT_LATIN = regex.compile(r"[^\P{L}\p{Latin}]+")
_TELLING = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])(?=\p{Lu}|\p{Lt}|\p{L}++\p{N}|\p{N}++\p{L})[\p{L}\p{M}\p{N}]++"
    r"(?:[-'’.@_][\p{L}\p{M}\p{N}]++)*+"
)
_BETWEEN = regex.compile(r"[ \t]{1,3}+")


def unsupported_in(texts: Sequence[str], policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the language of each text that is in none of the supported ones; else nothing."""
    configured = policy.get("languages")
    if configured is None:
        return ("",) * len(texts)
    supported = configured["supported"]
    told = (language_told(text) for text in texts)
    return tuple("" if language in supported else language for language in told)


def reported_by(detected: Detected, policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the languages that the detector itself says it does not read; else nothing.

    It tells those of each piece of a long text. What the policy has as supported, it has: a tenant
    may know that the formats are enough.
    """
    configured = policy.get("languages")
    if configured is None:
        return ()
    return tuple(
        one for one in detected.languages_unsupported if one not in configured["supported"]
    )


def otherwise(policy: Mapping[str, Any]) -> str:
    """Say what happens to a text in another language: accept, mask_more or refuse."""
    return str((policy.get("languages") or {}).get("otherwise", "accept"))


def language_told(text: str) -> str:
    """Tell the language of a text; empty where nobody can."""
    beginning = text[:READ_CHARS_MAX]
    if beginning.isascii():  # then all of its letters are Latin
        return language_of(beginning)
    letters = len(_LETTER.findall(beginning))
    if 2 * len(_LATIN.findall(beginning)) >= letters:
        beginning = _NOT_LATIN.sub(" ", beginning)
    return language_of(beginning)


def refuses(languages: Iterable[str], policy: Mapping[str, Any]) -> bool:
    """Tell whether texts in some unsupported languages are refused."""
    rule = otherwise(policy)
    if rule == "mask_more":
        return any(language in CASELESS for language in languages)
    return rule == "refuse" and any(languages)


def masked_more(text: str) -> tuple[Mention, ...]:
    """Return what may be personal in a text that the detector does not read, in reading order.

    Words that stand beside each other are one.
    """
    found: list[Mention] = []
    for word in _TELLING.finditer(text):
        start, end = word.span()
        if found and _BETWEEN.fullmatch(text, found[-1].end, start):
            start = found.pop().start
        found.append(Mention(start, end, UNKNOWN))
    return tuple(found)
