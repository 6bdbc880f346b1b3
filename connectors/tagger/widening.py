"""Widening: a name goes as far as the words of the text that are written like its parts.

The field and spaCy see a long name in parts: of `the Boilerhouse Boys` the first word, of `Carlos
I` the first, of `East Riding of Yorkshire` the two ends. What is left in the open tells most of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex

from agents.conversation.english import ENGLISH
from connectors.tagger.value_forms import FoundValue

WIDENED = frozenset({"PERSON", "ORGANIZATION", "LOCATION"})
STEPS_MAX = 4
"""Words that are added on each side."""
_PART = r"(?:\p{Lu}[\p{L}\d]*+(?:[-'’]\p{L}++)*+\.?|\d{1,3}s)"
_AFTER = regex.compile(rf"[ ](?<word>{_PART})(?![\p{{L}}\d])")
_JOINED = regex.compile(rf"[ ](?:of|de|von|van|&)[ ](?:the[ ])?(?<word>{_PART})(?![\p{{L}}\d])")
_BEFORE = regex.compile(r"(?<=[\p{L}\d,;][ ])(?<word>\p{Lu}[\p{L}\d]*+(?:[-'’]\p{L}++)*+)[ ]\Z")
_REACH = 40
"""Characters before a name in which the word before it begins."""
_NO_PARTS = (
    ENGLISH.function | ENGLISH.prepositions | ENGLISH.pronouns | ENGLISH.times | ENGLISH.auxiliaries
) - {"may", "us"}


def widened(text: str, found: Iterable[FoundValue]) -> Iterator[FoundValue]:
    """Yield what names gain by it, for those that do."""
    for one in found:
        if one.kind not in WIDENED:
            continue
        start, end = _start(text, one), _end(text, one)
        if (start, end) != (one.start, one.end):
            yield one._replace(start=start, end=end)


def _end(text: str, one: FoundValue) -> int:
    end = one.end
    for _ in range(STEPS_MAX):
        following = _AFTER.match(text, end)
        if following is None and one.kind != "PERSON":
            following = _JOINED.match(text, end)
        if following is None or following["word"].lower().strip(".") in _NO_PARTS:
            break
        end = following.end()
    return end


def _start(text: str, one: FoundValue) -> int:
    start = one.start
    for _ in range(STEPS_MAX):
        before = _BEFORE.search(text, max(0, start - _REACH), start)
        if before is None:
            break
        low = before["word"].lower()
        if low in _NO_PARTS and not (low == "the" and one.kind == "ORGANIZATION"):
            break
        start = before.start("word")
    return start
