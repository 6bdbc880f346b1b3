"""Widening: a name goes as far as the words of the text that are written like its parts.

The field and spaCy see a long name in parts: of `the Boilerhouse Boys` the first word, of `Carlos
I` the first, of `East Riding of Yorkshire` the two ends. What is left in the open tells most of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex

from agents.conversation.english import ENGLISH
from connectors.tagger.cleaning import ends_sentence
from connectors.tagger.value_forms import FoundValue

WIDENED = frozenset({"PERSON", "ORGANIZATION", "LOCATION"})
_NATIONS = frozenset({"NRP", "ORGANIZATION", "LOCATION"})
STEPS_MAX = 4
"""Words that are added on each side."""
_PART = r"(?:\p{Lu}[\p{L}\d]*+(?:[-'’]\p{L}++)*+\.?|\d{1,3}s)"
_AFTER = regex.compile(rf"[ ](?<word>{_PART})(?![\p{{L}}\d])")
_JOINED = regex.compile(rf"[ ](?:of|de|von|van|&)[ ](?:the[ ])?(?<word>{_PART})(?![\p{{L}}\d])")
_BEFORE = regex.compile(r"(?<=[\p{L}\d,;][ ])(?<word>\p{Lu}[\p{L}\d]*+(?:[-'’]\p{L}++)*+)[ ]\Z")
_NUMBERED = regex.compile(r"(?<![\p{L}\d.,])(?:\d{1,3}(?:st|nd|rd|th)|No\.[ ]?\d{1,4})[ ]\Z")
_COUNTED = regex.compile(r"(?<![\p{L}\d.,])\d{1,3}[ ]\Z")
_UNIT = regex.compile(
    r"\b(?:Army|Battalion|Brigade|Corps|Division|Fleet|Group|Infantry|Regiment|Squadron|Wing)\b"
)
_RUN_BEFORE = regex.compile(r"(?<![\p{L}\d])[\p{Latin}\d]{1,40}+\Z")
_RUN_AFTER = regex.compile(r"[\p{Latin}\d]{1,40}+(?![\p{L}\d])")
_CROWNED = regex.compile(r"\b(?:King|Queen|Pope|Emperor|Empress|Prince|Tsar|Sultan|Duke)\b")
_BODY = regex.compile(r"[ ](?:government|parliament|army|navy|air[ ]force)(?![\p{L}\d])")
_REACH = 40
"""Characters before a name in which the word before it begins."""
_NO_PARTS = (
    ENGLISH.function | ENGLISH.prepositions | ENGLISH.pronouns | ENGLISH.times | ENGLISH.auxiliaries
) - {"may", "us"}


def widened(text: str, found: Iterable[FoundValue]) -> Iterator[FoundValue]:
    """Yield what names gain by it, for those that do."""
    for one in found:
        start, end = one.start, one.end
        if one.kind in WIDENED:
            start, end = _start(text, one), _end(text, one)
        if one.kind in _NATIONS and (body := _BODY.match(text, end)):
            end = body.end()
        if (start, end) != (one.start, one.end):
            yield one._replace(start=start, end=end)


def _end(text: str, one: FoundValue) -> int:
    end = one.end
    if text[end - 1].isalnum() and (run := _RUN_AFTER.match(text, end)):
        end = run.end()
    for _ in range(STEPS_MAX):
        following = _AFTER.match(text, end)
        if following is None and one.kind != "PERSON":
            following = _JOINED.match(text, end)
        if following is None or ends_sentence(text[one.start : end]):
            break
        word = following["word"].lower().strip(".")
        reign = word == "i" and _CROWNED.search(text, max(0, one.start - _REACH), end)
        if word in _NO_PARTS and not reign:
            break
        end = following.end()
    return end - 1 if end > one.end and ends_sentence(text[one.start : end]) else end


def _start(text: str, one: FoundValue) -> int:
    start = one.start
    if text[start].isalnum() and (run := _RUN_BEFORE.search(text, max(0, start - _REACH), start)):
        start = run.start()
    for _ in range(STEPS_MAX):
        before = _BEFORE.search(text, max(0, start - _REACH), start)
        if before is None:
            break
        low = before["word"].lower()
        if low in _NO_PARTS and low != "the":
            break
        start = before.start("word")
    if one.kind == "ORGANIZATION":
        patterns = (_NUMBERED, _COUNTED) if _UNIT.search(text, start, one.end) else (_NUMBERED,)
        for pattern in patterns:
            if number := pattern.search(text, max(0, start - _REACH), start):
                return number.start()
    return start
